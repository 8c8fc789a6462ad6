/** A room with ten thousand connections: the table has them all, and the page only those that can be seen. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RelayClient } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { closeBrowser } from "./support/browser.ts";
import { join, live, openDashboard, roomHash } from "./support/dashboard.ts";

const ROOM = "large";
const CONNECTIONS = 10_000;
/** That two peers may use with each other. */
const PORTS = 1_000;
const MOST_ROWS = 100;
const WIDE = { connectBurst: 65_536, connectsPerSecond: 65_536, maxConnectionsPerPeer: 65_536, joinsPerMinute: 0 };

let relay: RunningRelay;
let caller: RelayClient;
let called: RelayClient[];

beforeAll(async () => {
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: WIDE }) });
  caller = await join(relay, ROOM);
  called = await Promise.all(Array.from({ length: CONNECTIONS / PORTS }, () => join(relay, ROOM)));
  // Nobody answers, and nobody has to: they are listed from when they are asked for.
  for (const { peer } of called) {
    for (let virtualPort = 0; virtualPort < PORTS; virtualPort++) {
      caller.open(peer, { virtualPort, timeoutMs: 600_000 }).catch(() => undefined);
    }
  }
  await vi.waitUntil(async () => (await total()) === CONNECTIONS, { timeout: 50_000, interval: 250 });
});
afterAll(async () => {
  await closeBrowser();
  await Promise.all([caller, ...called].map((client) => client.close()));
  await relay[Symbol.asyncDispose]();
});

async function total(): Promise<number> {
  return (await relay.admin<{ total: number }>(`/apps/480/rooms/${ROOM}/connections?limit=1`)).total;
}

const rows = (page: Page) => page.locator(".rows .row");

test("ten thousand rows scroll from the first to the last, with no more than a hundred in the page", async () => {
  await using opened = await openDashboard(relay, roomHash(ROOM, "connections?order=asc"));
  const { page, problems } = opened;
  await live(page);
  await page.getByText("10,000 open").waitFor();
  await page.locator(".row-link").first().waitFor();
  const most = await page.locator(".table").evaluate(async (table) => {
    let most = 0;
    for (let top = 0; top < table.scrollHeight; top += 2_000) {
      table.scrollTop = top;
      // Two frames: one to hear of the scrolling, one to have drawn what it brought.
      for (let frame = 0; frame < 2; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
      most = Math.max(most, table.querySelectorAll(".rows .row").length);
    }
    return most;
  });
  expect(most).toBeGreaterThan(10);
  expect(most).toBeLessThanOrEqual(MOST_ROWS);
  await page.locator(`.row[aria-rowindex="${CONNECTIONS + 1}"] .row-link`).waitFor();
  expect(await rows(page).count()).toBeLessThanOrEqual(MOST_ROWS);
  expect(problems).toEqual([]);
});

test("keys go through all of it, and filters make it short", async () => {
  await using opened = await openDashboard(relay, roomHash(ROOM, "connections?order=asc"));
  const { page, problems } = opened;
  await page.locator(".row-link").first().waitFor();
  await page.locator(".row-link").first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("PageDown");
  // Not by waitForFunction, which evaluates text in the page: its CSP forbids that.
  await vi.waitUntil(() =>
    page.evaluate(() => Number(document.activeElement?.closest(".row")?.getAttribute("aria-rowindex")) > 5),
  );
  await page.keyboard.press("End");
  await page.locator(`.row[aria-rowindex="${CONNECTIONS + 1}"] .row-link:focus`).waitFor();
  await page.getByLabel("State").selectOption("Connected");
  await page.getByText("No connection matches.").waitFor();
  expect(problems).toEqual([]);
});

test("its graph shows the busiest, and says of how many", async () => {
  await using opened = await openDashboard(relay, roomHash(ROOM, "graph"));
  const { page, problems } = opened;
  await page.getByText("The busiest 1,000 of 10,000 connections").waitFor();
  await page.getByRole("img", { name: /pairs that are connected/ }).waitFor();
  expect(problems).toEqual([]);
});
