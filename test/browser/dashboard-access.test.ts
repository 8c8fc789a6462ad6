/** For everybody: no mouse, no eyes, a phone; and each view as a picture. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { PHONE, closeBrowser, expectAccessible, openPage } from "./support/browser.ts";
import { Players, join, loaded, openDashboard, roomHash, signIn } from "./support/dashboard.ts";
import { sidewaysScroll, takeScreenshots } from "./support/screenshots.ts";

const ROOM = "lobby";
let relay: RunningRelay;
let players: Players;
let connection: bigint;

beforeAll(async () => {
  relay = await RunningRelay.start();
  players = await Players.join(relay, ROOM);
  for (let port = 0; port < 6; port++) {
    const opened = await players.connect(port);
    connection = opened.id;
    for (let packet = 0; packet < 20; packet++) opened.send("x".repeat(100 + 10 * port), { noNagle: true });
  }
  const terms = JSON.stringify({ seconds: 3_600, reason: "a long reason, as operators write them at night" });
  await relay.admin(`/apps/480/rooms/${ROOM}/bans/peers/4711`, { method: "PUT", body: terms });
});
afterAll(async () => {
  await closeBrowser();
  await players[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
});

const VIEWS: readonly [name: string, hash: () => string, shown: string | RegExp][] = [
  ["apps", () => "#/", "Apps"],
  ["rooms", () => "#/apps/480", "App 480"],
  ["settings", () => "#/apps/480/settings", "Settings of app 480"],
  ["overview", () => roomHash(ROOM, "overview"), ROOM],
  ["connections", () => roomHash(ROOM, "connections"), "Connections"],
  ["connection", () => roomHash(ROOM, `connections/${connection}`), /^Connection \d+$/],
  ["peers", () => roomHash(ROOM, "peers"), "Peers"],
  ["peer", () => roomHash(ROOM, `peers/${players.clients[0].peer}`), /^Peer \d+$/],
  ["graph", () => roomHash(ROOM, "graph"), "Who talks to whom"],
  ["bans", () => roomHash(ROOM, "bans"), "Bans"],
  ["audit", () => roomHash(ROOM, "audit"), "Audit log"],
  ["api", () => "#/api", "edge-relay admin API"],
  ["empty-room", () => roomHash("nobody", "connections"), "Connections"],
];

async function ready(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
  await loaded(page);
}

describe.each(VIEWS)("%s", (name, hash, heading) => {
  test("axe finds nothing in either theme, the CSP is kept, nothing comes from elsewhere", async () => {
    await using opened = await openDashboard(relay, hash());
    const { page, problems } = opened;
    await ready(page, heading);
    await expectAccessible(page);
    expect(problems).toEqual([]);
  });

  test("fits a phone; pictures are taken", async () => {
    await using opened = await openDashboard(relay, hash(), { viewport: PHONE });
    const { page } = opened;
    await ready(page, heading);
    expect(await sidewaysScroll(page)).toBe(0);
    const main = page.locator("main");
    expect(await main.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
    await takeScreenshots(page, `real-dashboard-${name}`);
  });
});

test("the sign-in page, and the question before a ban, are accessible", async () => {
  await using opened = await openPage(`${relay.url}/dashboard/${roomHash(ROOM, "bans")}`);
  const { page, problems } = opened;
  await page.getByLabel("Admin token").waitFor();
  await expectAccessible(page);
  await takeScreenshots(page, "real-dashboard-sign-in");
  await signIn(page);
  await page.getByLabel("Who").fill("203.0.113.9");
  await page.getByLabel("Kind").selectOption("Address");
  await page.getByRole("button", { name: "Ban …" }).click();
  await page.getByRole("dialog").waitFor();
  await expectAccessible(page);
  expect(problems).toEqual([]);
});

/** Tab after tab, until what is focused is called this. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const { activeElement } = document;
      return (activeElement?.getAttribute("aria-label") ?? activeElement?.textContent ?? "").trim();
    });
    if (typeof name === "string" ? found === name : name.test(found)) return;
  }
  throw new Error(`nothing in the tab order is called ${String(name)}`);
}

test("with the keyboard alone: sign in, find the room and a peer in it, kick it", async () => {
  const victim = await join(relay, "keys");
  await using opened = await openPage(`${relay.url}/dashboard/`);
  const { page, problems } = opened;
  await page.getByLabel("Admin token").waitFor();
  await page.keyboard.type(TEST_ADMIN_TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "480" }).waitFor();
  await tabTo(page, "480");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "keys" }).waitFor();
  await tabTo(page, "keys");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "keys" }).waitFor();
  await tabTo(page, "Peers");
  await page.keyboard.press("Enter");
  await page.locator(".row-link").waitFor();
  await tabTo(page, String(victim.peer));
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Kick" }).waitFor();
  await tabTo(page, "Kick");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Enter");
  await victim.closed;
  await page.getByText(`Peer ${victim.peer} was kicked.`).waitFor();
  expect(problems.filter((problem) => !problem.includes("404"))).toEqual([]);
});

test("the first Tab leads past the navigation", async () => {
  await using opened = await openDashboard(relay, roomHash(ROOM, "bans"));
  const { page } = opened;
  await ready(page, "Bans");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tabTo(page, "Skip to content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  expect(new URL(page.url()).hash).toBe(roomHash(ROOM, "bans"));
});
