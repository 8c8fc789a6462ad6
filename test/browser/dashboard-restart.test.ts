/** What the dashboard shows must outlive the relay that it was seen on: bans and history, after kill -9. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { HistoryBucket } from "../../src/relay/history/bucket.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { closeBrowser } from "./support/browser.ts";
import { Players, join, live, openDashboard, roomHash } from "./support/dashboard.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(async () => {
  await closeBrowser();
  await relay[Symbol.asyncDispose]();
});

async function restart(): Promise<void> {
  await relay.kill();
  await relay.restart();
}

test("a ban that was set on the page holds after a restart, until it is lifted there", async () => {
  const room = "bans";
  const client = await join(relay, room);
  const { peer } = client;
  await using opened = await openDashboard(relay, roomHash(room, `peers/${peer}`));
  const { page } = opened;
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("For how long").selectOption("1 day");
  await dialog.getByLabel(/^Why/).fill("aim bot");
  await dialog.getByRole("button", { name: "Ban" }).click();
  await client.closed;
  await restart();
  await page.evaluate((hash) => (location.hash = hash), roomHash(room, "bans"));
  await page.reload();
  const row = page.getByRole("row").filter({ hasText: String(peer) });
  await row.getByText("aim bot").waitFor();
  await expect(join(relay, room, peer)).rejects.toThrow(/ban/i);
  await row.getByRole("button", { name: "Lift" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Lift the ban" }).click();
  await page.getByText("Nobody is banned from this room.").waitFor();
  await using again = await join(relay, room, peer);
  expect(again.peer).toBe(peer);
});

test("history is there after a restart, and the charts begin with it", async () => {
  const room = "history";
  const before = await relayed(room);
  await restart();
  await using opened = await openDashboard(relay, roomHash(room, "overview?range=hour"));
  const { page, problems } = opened;
  const after = await historyOf(room);
  expect(sum(after, "packets")).toBeGreaterThanOrEqual(sum(before, "packets"));
  await vi.waitUntil(
    async () => {
      const said = await page.getByRole("img", { name: /^Packets\./ }).getAttribute("aria-label");
      return /at most (?!0\/s)/.test(said ?? "");
    },
    { timeout: 150_000, interval: 1_000 },
  );
  await page.getByText("A month like this hour").waitFor();
  expect(problems).toEqual([]);
}, 200_000);

/** What a crash may take are the last ten seconds of a busy room: so it is played on until a whole minute is older. */
const ON_DISK_MS = 75_000;

/** Plays until the history of the first minute is on disk. */
async function relayed(room: string): Promise<HistoryBucket[]> {
  await using players = await Players.join(relay, room);
  const connection = await players.connect();
  return await vi.waitUntil(
    async () => {
      connection.send("move");
      const buckets = await historyOf(room);
      const [first] = buckets;
      return first && first.packets > 0 && Date.now() > first.at + ON_DISK_MS ? [first] : undefined;
    },
    { timeout: 150_000, interval: 500 },
  );
}

async function historyOf(room: string): Promise<HistoryBucket[]> {
  const path = `/apps/480/rooms/${room}/history?resolution=minute`;
  return (await relay.admin<{ buckets: HistoryBucket[] }>(path)).buckets;
}

function sum(buckets: readonly HistoryBucket[], field: "packets"): number {
  return buckets.reduce((total, bucket) => total + bucket[field], 0);
}

test("a relay that ends is offline, and live when it is back", async () => {
  const room = "gone";
  await using opened = await openDashboard(relay, roomHash(room, "overview"));
  const { page } = opened;
  await live(page);
  await relay.kill();
  await page.getByText("Offline").waitFor();
  await relay.restart();
  await live(page);
});
