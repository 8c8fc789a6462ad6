/** The playground in Chromium, against a real relay with development tickets. */
import { createHash, randomBytes } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FAMILIES } from "../../src/playground/families/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { type WatchedPage, closeBrowser, expectAccessible, openPage } from "./support/browser.ts";
import { sidewaysScroll, takeScreenshots } from "./support/screenshots.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start({ DEVELOPMENT: "1" });
});
afterAll(async () => {
  await closeBrowser();
  await relay[Symbol.asyncDispose]();
});

/** Rooms of their own, so that tests do not supersede each other's peers. */
let rooms = 0;
const open = (query: string, options = {}): Promise<WatchedPage> =>
  openPage(`${relay.url}/playground/?room=test-${++rooms}&${query}`, options);

const panel = (page: Page, name: "A" | "B") => page.locator(`[data-peer=${name}]`);
const standing = (page: Page, name: "A" | "B", what: string) =>
  page.waitForSelector(`[data-peer=${name}][data-standing=${what}]`, { timeout: 15_000 });

async function bothConnected(page: Page): Promise<void> {
  await Promise.all([standing(page, "A", "connected"), standing(page, "B", "connected")]);
}

describe.each(FAMILIES)("$title", ({ id }) => {
  test("two peers connect within ten seconds of opening the page, and hear each other", async () => {
    const begun = Date.now();
    await using opened = await open(`family=${id}`);
    const { page, problems } = opened;
    await bothConnected(page);
    expect(Date.now() - begun).toBeLessThan(10_000);
    for (const [from, to] of [
      ["A", "B"],
      ["B", "A"],
    ] as const) {
      await page.getByLabel(`Text of ${from}`).fill(`I am ${from}`);
      await panel(page, from).getByRole("button", { name: "Send", exact: true }).click();
      await panel(page, to).getByText(`I am ${from}`).waitFor();
    }
    await page.locator("[data-peer=A] [data-value=ping]").filter({ hasText: /\d/ }).waitFor();
    expect(problems).toEqual([]);
  });

  test("a file arrives with the hash that it left with", async () => {
    await using opened = await open(`family=${id}`);
    const { page, problems } = opened;
    await bothConnected(page);
    const file = randomBytes(300_000);
    await page.getByLabel("File of A").setInputFiles({ name: "level.bin", mimeType: "application/x", buffer: file });
    const hash = createHash("sha256").update(file).digest("hex");
    for (const end of ["A", "B"] as const) await panel(page, end).locator(`[data-hash="${hash}"]`).waitFor();
    expect(problems).toEqual([]);
  });
});

test("a file goes from one page to another, while packets get lost", async () => {
  const query = "room=two-pages";
  await using b = await openPage(`${relay.url}/playground/?${query}&view=b`);
  await using a = await openPage(`${relay.url}/playground/?${query}&view=a`);
  await standing(a.page, "A", "connected");
  await standing(b.page, "B", "connected");
  expect(await a.page.locator("[data-peer]").count()).toBe(1);
  await a.page.getByLabel("Loss").fill("10");
  const file = randomBytes(200_000);
  await a.page.getByLabel("File of A").setInputFiles({ name: "map.bin", mimeType: "application/x", buffer: file });
  const hash = createHash("sha256").update(file).digest("hex");
  await b.page.locator(`[data-peer=B] [data-hash="${hash}"]`).waitFor({ timeout: 30_000 });
  const download = b.page.waitForEvent("download");
  await b.page.getByRole("link", { name: "map.bin" }).click();
  const stream = await (await download).createReadStream();
  const saved = Buffer.concat(await stream.toArray());
  expect(createHash("sha256").update(saved).digest("hex")).toBe(hash);
  expect([...a.problems, ...b.problems]).toEqual([]);
});

test("the one who waits may come later than the one who calls", async () => {
  await using a = await openPage(`${relay.url}/playground/?room=late&view=a`);
  await standing(a.page, "A", "connecting");
  await using b = await openPage(`${relay.url}/playground/?room=late&view=b`);
  await standing(b.page, "B", "connected");
  await standing(a.page, "A", "connected");
});

test("a network that is cut: both ends see it, what is sent meanwhile arrives after the resume", async () => {
  await using opened = await open("");
  const { page, problems } = opened;
  await bothConnected(page);
  await panel(page, "A").getByRole("button", { name: "Cut the network" }).click();
  await standing(page, "A", "reconnecting");
  await standing(page, "B", "away");
  await page.getByLabel("Text of B").fill("while you were away");
  await panel(page, "B").getByRole("button", { name: "Send", exact: true }).click();
  expect(await panel(page, "A").getByText("while you were away").count()).toBe(0);
  await panel(page, "A").getByRole("button", { name: "Restore the network" }).click();
  await bothConnected(page);
  await panel(page, "A").getByText("while you were away").waitFor();
  await page.getByLabel("Timeline of A").getByText("session resumed").waitFor();
  await page.getByLabel("Timeline of B").getByText("path peer-away").waitFor();
  expect(problems).toEqual([]);
});

test("lag is seen in the round trip at once", async () => {
  await using opened = await open("");
  const { page } = opened;
  await bothConnected(page);
  await panel(page, "A").getByLabel("Lag").fill("400");
  await page.waitForFunction(
    () => Number(document.querySelector("[data-peer=A] [data-value=ping]")?.textContent) >= 400,
    undefined,
    { timeout: 5_000 },
  );
});

test("thrown packets are counted, and a lossy network loses some", async () => {
  await using opened = await open("");
  const { page } = opened;
  await bothConnected(page);
  await page.getByLabel("Loss").first().fill("30");
  await panel(page, "A").getByRole("button", { name: /Throw/ }).click();
  await panel(page, "A").getByText("Throwing…").waitFor();
  await panel(page, "A").getByRole("button", { name: "Throw 200 packets" }).waitFor();
  expect(Number(await panel(page, "A").locator("[data-value=ping]").textContent())).toBeGreaterThan(0);
  const said = await panel(page, "B").locator("[data-value=thrown]").textContent();
  const arrived = Number(/^\d+/.exec(said ?? "")?.[0]);
  expect(arrived).toBeGreaterThan(20);
  expect(arrived).toBeLessThan(200);
});

test("without development tickets the page says what to do, and takes tickets of one's own", async () => {
  await using deployed = await RunningRelay.start();
  await using opened = await openPage(`${deployed.url}/playground/`);
  await opened.page.getByLabel("Timeline of A").getByText("npm start").waitFor();
  expect(await panel(opened.page, "A").getAttribute("data-standing")).toBe("failed");
  const { page } = opened;
  await page.getByText("Own tickets").click();
  for (const [name, peer] of [
    ["A", "76561197960287930"],
    ["B", "76561197960287931"],
  ] as const) {
    await page.getByLabel(`Ticket of ${name}`).fill(await testTicket({ peer }));
  }
  await page.getByRole("button", { name: "Connect" }).click();
  await bothConnected(page);
});

test("everything can be reached and used by keyboard", async () => {
  await using opened = await open("");
  const { page } = opened;
  await bothConnected(page);
  await page.getByLabel("Text of A").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await panel(page, "B").getByText("typed").waitFor();
  await panel(page, "A").getByLabel("Loss").focus();
  await page.keyboard.press("ArrowRight");
  expect(await panel(page, "A").locator("output").first().textContent()).toContain("1 %");
});

test("settings that cannot be are named, and nothing is connected", async () => {
  await using opened = await open("");
  const { page } = opened;
  await page.getByLabel("Peer B waits").fill("76561197960287930");
  await page.getByText("two different ones").waitFor();
  expect(await page.getByRole("button", { name: "Connect" }).isDisabled()).toBe(true);
});

test("no violation of axe-core's rules in light and dark; pictures; nothing to scroll sideways on a phone", async () => {
  await using opened = await open("");
  const { page, problems } = opened;
  await bothConnected(page);
  await panel(page, "A").getByRole("button", { name: "Send", exact: true }).click();
  await page
    .getByLabel("File of B")
    .setInputFiles({ name: "map.bin", mimeType: "application/x", buffer: randomBytes(50_000) });
  await panel(page, "A").locator("[data-hash]").waitFor();
  await page.getByLabel("Lag").first().fill("80");
  await panel(page, "A").getByRole("button", { name: /Throw/ }).click();
  await panel(page, "A").getByRole("button", { name: "Throw 200 packets" }).waitFor();
  await panel(page, "B").getByRole("button", { name: "Cut the network" }).click();
  await standing(page, "A", "away");
  await expectAccessible(page);
  await panel(page, "B").getByRole("button", { name: "Restore the network" }).click();
  await bothConnected(page);
  await expectAccessible(page);
  await takeScreenshots(page, "playground");
  await page.setViewportSize({ width: 360, height: 740 });
  expect(await sidewaysScroll(page)).toBe(0);
  expect(problems).toEqual([]);
});
