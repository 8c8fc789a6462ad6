/** The pages, from a relay on each runtime: every file that was built, its headers, and nothing beside the folder. */
import { connect as connectTcp } from "node:net";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAGES_FOLDER } from "../../scripts/build-pages.ts";
import { PAGE_HEADERS } from "../../src/http/pages.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { RUNTIMES } from "../support/runtimes.ts";

const FILES = readdirSync(PAGES_FOLDER, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.startsWith("_"))
  .map((entry) => relative(PAGES_FOLDER, join(entry.parentPath, entry.name)));

describe.each(RUNTIMES)("the pages on %s", (runtime) => {
  let relay: RunningRelay;
  beforeAll(async () => {
    relay = await RunningRelay.start({}, { runtime });
  });
  afterAll(() => relay[Symbol.asyncDispose]());

  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${relay.url}${path}`, { redirect: "manual", ...init });

  test("there are some", () => expect(FILES.length).toBeGreaterThan(5));

  test.each(FILES)("%s is what was built, with the headers of a page", async (path) => {
    const response = await get(`/${path.replace(/index\.html$/, "")}`);
    expect(response.status).toBe(200);
    const content = readFileSync(join(PAGES_FOLDER, path));
    expect(content.equals(Buffer.from(await response.arrayBuffer()))).toBe(true);
    for (const [name, value] of Object.entries(PAGE_HEADERS)) expect(response.headers.get(name), name).toBe(value);
    const caching = path.includes("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    expect(response.headers.get("cache-control")).toBe(caching);
    const type = { css: "text/css", html: "text/html", js: "text/javascript", svg: "image/svg+xml" }[
      path.split(".").at(-1) as "html"
    ];
    expect(response.headers.get("content-type")).toContain(type);
  });

  test("a page that has not changed is not sent again", async () => {
    const etag = (await get("/dashboard/")).headers.get("etag") ?? "";
    const again = await get("/dashboard/", { headers: { "if-none-match": etag } });
    expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0]);
    expect((await get("/dashboard/", { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  test("a page without its slash is redirected, parameters included", async () => {
    const response = await get("/playground?app=480");
    expect([response.status, response.headers.get("location")]).toEqual([307, "/playground/?app=480"]);
  });

  test("the API's page is there without a token", async () => {
    const response = await get("/v1/admin/docs");
    expect([response.status, await response.text()]).toEqual([
      200,
      readFileSync(join(PAGES_FOLDER, "dashboard/index.html"), "utf8"),
    ]);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  // As they are, since fetch would resolve the dots itself.
  test.each([
    "/dashboard/../_headers",
    // A proxy that lets some paths through compares this one, and no other.
    "//relay.example.com/dashboard/",
    "//relay.example.com/v1/admin/whoami",
    "/dashboard/..%2f_headers",
    "/dashboard/%2e%2e/_headers",
    "/dashboard/..%2f..%2f..%2fpackage.json",
    "/dashboard/assets/..%5c..%5cindex.html",
    "/dashboard//etc/passwd",
    "/dashboard/.hidden.js",
    "/dashboard/_headers",
    "/dashboard/assets/",
    "/dashboard/index.html/x.js",
    "/dashboard/none.js",
    "/_headers",
  ])("nothing at %s", async (path) => {
    expect(await rawStatus(relay.url, path)).toBe(404);
  });
});

test.each(RUNTIMES)("without an admin token there is no API page on %s", async (runtime) => {
  await using relay = await RunningRelay.start({ ADMIN_TOKEN: "" }, { runtime });
  const response = await fetch(`${relay.url}/v1/admin/docs`);
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([404, "not_found"]);
});

function rawStatus(url: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connectTcp(Number(port), hostname);
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("end", () => resolve(Number(answer.split(" ")[1])));
    socket.on("error", reject);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\n\r\n`);
  });
}
