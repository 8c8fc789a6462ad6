/**
 * The pages that come with the relay: `/dashboard/`, `/playground/`. They are files without secrets, made by
 * scripts/build-pages.ts, and have the same headers wherever they are served from. On Cloudflare the edge answers for what
 * has a hash in its name, and only the pages themselves come here.
 */
import { Hono } from "hono";
import { isAdminOn } from "../auth/admin-tokens.ts";
import type { Platform, RelayEnvironment } from "./gateway.ts";
import { problem } from "./problem.ts";

/** Where a runtime has the files. */
export interface PageFiles {
  /** By the path in the folder of pages, such as `dashboard/index.html`; undefined where there is none. */
  read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** Nothing from elsewhere, nothing inline, no frame around it. `'self'` includes WebSockets of the same origin. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** On everything that belongs to a page; scripts/build-pages.ts tells them to Cloudflare's edge. */
export const PAGE_HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** A file in a folder `assets` has a hash of its content in its name, so it never changes. */
export const ASSET_CACHING = "public, max-age=31536000, immutable";
const PAGE_CACHING = "no-cache";

/** Folders of the pages, as in the URL. */
export const PAGES = ["dashboard", "playground"] as const;

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Folders without dots and a file with an extension: nothing that leads out of the folder of pages. */
const PATH = /^(?:[a-z0-9-]+\/)+[A-Za-z0-9_-]+\.([a-z]+)$/;

export function pageRoutes<Env extends RelayEnvironment>(platform: Platform<Env>): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();

  for (const page of PAGES) {
    routes.get(`/${page}`, (c) => c.redirect(`/${page}/${new URL(c.req.url).search}`, 307));
    routes.get(`/${page}/*`, (c) => {
      const path = c.req.path.slice(1);
      return servePage(platform.pages(c.env), path.endsWith("/") ? `${path}index.html` : path, c.req.raw);
    });
  }

  // The dashboard looks at its own URL, and shows the API here.
  routes.get("/v1/admin/docs", async (c, next) => {
    if (!isAdminOn(c.env)) return next();
    return servePage(platform.pages(c.env), "dashboard/index.html", c.req.raw);
  });

  return routes;
}

async function servePage(files: PageFiles | undefined, path: string, request: Request): Promise<Response> {
  const type = TYPES[PATH.exec(path)?.[1] ?? ""];
  if (type === undefined) return nothing(path);
  const bytes = await files?.read(path);
  if (bytes === undefined) return path.endsWith("/index.html") ? missing(files, path) : nothing(path);
  const headers = {
    ...PAGE_HEADERS,
    "content-type": type,
    "cache-control": path.includes("/assets/") ? ASSET_CACHING : PAGE_CACHING,
    etag: await etagOf(bytes),
  };
  const known = request.headers.get("if-none-match") ?? "";
  // A proxy that compresses makes a weak tag of ours: what it stands for is the same.
  if (known.includes(headers.etag)) return new Response(null, { status: 304, headers });
  return new Response(bytes, { headers });
}

/** A page is missing because it does not exist, or because no page was built at all. */
async function missing(files: PageFiles | undefined, path: string): Promise<Response> {
  if (await files?.read("dashboard/index.html")) return nothing(path);
  return problem("pages_not_built", "the relay runs, but without its pages: in a checkout, run `npm run build:pages`");
}

function nothing(path: string): Response {
  return problem("not_found", `there is nothing at GET /${path.slice(0, 100)}`);
}

async function etagOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `"${Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
}
