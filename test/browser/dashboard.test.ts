/** The dashboard in Chromium, against a real relay with real players. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RoomStatistics } from "../../src/relay/statistics.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { closeBrowser, openPage } from "./support/browser.ts";
import {
  Players,
  READERS,
  READ_TOKEN,
  join,
  live,
  loaded,
  openDashboard,
  roomHash,
  signIn,
} from "./support/dashboard.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start({ ADMIN_TOKENS: READERS });
});
afterAll(async () => {
  await closeBrowser();
  await relay[Symbol.asyncDispose]();
});

const ATTEMPTS = 3;
const figure = (page: Page, label: string) =>
  page
    .locator(".figure")
    .filter({ has: page.getByText(label, { exact: true }) })
    .locator(".value");

test("a connection that two clients open is shown within a second", async () => {
  const room = "within-a-second";
  await using players = await Players.join(relay, room);
  await using opened = await openDashboard(relay, roomHash(room, "connections"));
  const { page, problems } = opened;
  await live(page);
  const times: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const begun = performance.now();
    const { id } = await players.connect(attempt);
    await page.locator(`.row-link[href$="/${id}"]`).waitFor();
    times.push(performance.now() - begun);
  }
  // The best of three: other tests share this machine's two cores.
  expect(Math.min(...times)).toBeLessThan(1_000);
  expect(problems).toEqual([]);
});

test("the overview counts what the API counts", async () => {
  const room = "counts";
  await using players = await Players.join(relay, room);
  const connection = await players.connect();
  await using opened = await openDashboard(relay, roomHash(room, "overview"));
  const { page, problems } = opened;
  for (let packet = 0; packet < 50; packet++) connection.send(`packet ${packet}`, { noNagle: true });
  const settled = await vi.waitUntil(
    async () => {
      const statistics = await players.api<RoomStatistics>("/statistics");
      return statistics.totalPackets >= 50 ? statistics : undefined;
    },
    { timeout: 10_000 },
  );
  await figure(page, "Peers").getByText(String(settled.peers), { exact: true }).waitFor();
  await figure(page, "Connections").getByText(String(settled.activeConnections), { exact: true }).waitFor();
  await page.getByText(`${settled.totalPackets} in all`, { exact: true }).waitFor();
  await page.getByText(`${settled.totalBytes} B in all`, { exact: true }).waitFor();
  expect(settled).toMatchObject({ peers: 2, activeConnections: 1 });
  expect(problems).toEqual([]);
});

test("a connection's page has its states, its counters and both ends", async () => {
  const room = "one-connection";
  await using players = await Players.join(relay, room);
  const connection = await players.connect(7);
  await using opened = await openDashboard(relay, roomHash(room, `connections/${connection.id}`));
  const { page, problems } = opened;
  connection.send("hello");
  await figure(page, "Packets").getByText("1", { exact: true }).waitFor();
  await page.getByText("virtual port 7").waitFor();
  const states = page.getByRole("region", { name: "States over time" });
  expect(await states.locator("li .state").allTextContents()).toEqual(["Connecting", "Connected"]);
  for (const { peer } of players.clients) {
    await page
      .getByRole("region", { name: `End ${peer}` })
      .getByText("present")
      .waitFor();
  }
  expect(problems).toEqual([]);
});

test("a peer that is kicked from the page loses its session, and the log says who did it", async () => {
  const room = "kick";
  await using players = await Players.join(relay, room);
  await players.connect();
  const [, kicked] = players.clients;
  await using opened = await openDashboard(relay, roomHash(room, `peers/${kicked.peer}`));
  const { page, problems } = opened;
  await page.getByRole("button", { name: "Kick" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
  await page.getByText(`Peer ${kicked.peer} was kicked.`).waitFor();
  expect(await kicked.closed).toMatchObject({ reason: expect.stringContaining("kicked") });
  await page.getByText("This peer is not in the room just now.").waitFor();
  await page.getByRole("link", { name: "Audit log" }).click();
  const row = page.getByRole("row").filter({ hasText: String(kicked.peer) });
  await row.getByText("kick", { exact: true }).waitFor();
  await row.getByText("admin", { exact: true }).waitFor();
  // That the peer is gone is a 404, which the browser's console notes.
  expect(problems.filter((problem) => !problem.includes("404"))).toEqual([]);
});

test("a question that is answered with no, or with Escape, does nothing", async () => {
  const room = "no";
  await using players = await Players.join(relay, room);
  const [peer] = players.clients;
  await using opened = await openDashboard(relay, roomHash(room, `peers/${peer.peer}`));
  const { page } = opened;
  const kick = page.getByRole("main").getByRole("button", { name: "Kick" });
  await kick.click();
  await page.locator("dialog[open]").waitFor(); // before it is, the key is for nobody
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  expect(await kick.evaluate((button) => button === document.activeElement)).toBe(true);
  await kick.click();
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await players.api<{ peers: unknown[] }>("/peers")).toMatchObject({ peers: [{}, {}] });
});

test("a token that may only read sees everything and is offered nothing to do", async () => {
  const room = "readers";
  await using players = await Players.join(relay, room);
  const { id } = await players.connect();
  await using opened = await openPage(`${relay.url}/dashboard/${roomHash(room, "overview")}`);
  const { page, problems } = opened;
  await signIn(page, READ_TOKEN);
  await page.getByText("read only").waitFor();
  const places = ["overview", "peers", `peers/${players.clients[0].peer}`, `connections/${id}`, "bans"];
  for (const place of places) {
    await page.evaluate((hash) => (location.hash = hash), roomHash(room, place));
    await page.locator("main h1").waitFor();
    await loaded(page);
    expect(await page.getByRole("button", { name: /Kick|Ban|Close|Drain|Lift/ }).count(), place).toBe(0);
  }
  await page.evaluate(() => (location.hash = "#/apps/480/settings"));
  await page.getByText("idleTimeoutMs", { exact: true }).waitFor();
  expect(await page.locator("main input").count()).toBe(0);
  expect(problems).toEqual([]);
});

test("a wrong token is refused in the relay's own words, and is not kept", async () => {
  await using opened = await openPage(`${relay.url}/dashboard/`);
  const { page } = opened;
  await page.getByLabel("Admin token").fill("not-the-token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText(/token/).waitFor();
  expect(await page.evaluate(() => ({ ...sessionStorage }))).toEqual({});
});

test("the token outlives a reload and not a sign-out, and is nowhere but in this tab", async () => {
  await using opened = await openDashboard(relay, "#/");
  const { page } = opened;
  await page.reload();
  await page.getByRole("heading", { name: "Apps" }).waitFor();
  expect(await page.evaluate(() => [JSON.stringify(localStorage), document.cookie].join())).not.toContain("token");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Admin token").waitFor();
  expect(await page.evaluate(() => ({ ...sessionStorage }))).toEqual({});
});

test("without the live feed it asks every two seconds, and says so; with it, it is live again", async () => {
  const room = "no-feed";
  await using players = await Players.join(relay, room);
  await using opened = await openPage(`${relay.url}/dashboard/${roomHash(room, "overview")}`);
  const { page } = opened;
  let isBlocked = true;
  await page.routeWebSocket(/\/watch$/, (socket) => void (isBlocked ? socket.close() : socket.connectToServer()));
  await signIn(page);
  await page.getByText("Reconnecting").waitFor();
  await figure(page, "Peers").getByText("2", { exact: true }).waitFor();
  await players.clients[1].close();
  await figure(page, "Peers").getByText("1", { exact: true }).waitFor();
  isBlocked = false;
  await live(page);
});

test("settings that are changed here hold, and what the relay refuses is said in its words", async () => {
  await using opened = await openDashboard(relay, "#/apps/730/settings");
  const { page } = opened;
  const change = async (value: string): Promise<void> => {
    await page.getByLabel("idleTimeoutMs").fill(value);
    await page.getByRole("button", { name: "Change …" }).click();
    await page.getByRole("button", { name: "Change them" }).click();
  };
  await change("90000");
  await page.getByText("The settings were changed.").waitFor();
  const { overrides } = await relay.admin<{ overrides: object }>("/apps/730/settings");
  expect(overrides).toEqual({ idleTimeoutMs: 90_000 });
  await change("1");
  await page
    .getByRole("alert")
    .getByText(/idleTimeoutMs/)
    .waitFor();
});

test("the API's page is made of the relay's own document, also at /v1/admin/docs", async () => {
  await using opened = await openPage(`${relay.url}/v1/admin/docs`);
  const { page, problems } = opened;
  await signIn(page);
  const document = await relay.admin<{ paths: Record<string, object> }>("/openapi.json");
  const operations = Object.values(document.paths).flatMap((item) =>
    Object.keys(item).filter((key) => ["get", "put", "post", "delete"].includes(key)),
  );
  await page.getByRole("heading", { name: "Connections", exact: true }).waitFor();
  expect(await page.locator(".operation .method").count()).toBe(operations.length);
  await page.locator(".operation > summary").filter({ hasText: "rooms/{room}/peers/{peer}/kick" }).click();
  await page.locator("details[open] dd").getByText("peer_not_found").waitFor();
  expect(problems).toEqual([]);
});

test("who comes and goes is told as it happens", async () => {
  const room = "happening";
  await using players = await Players.join(relay, room);
  await using opened = await openDashboard(relay, roomHash(room, "overview"));
  const { page, problems } = opened;
  await live(page);
  const third = await join(relay, room);
  const panel = page.locator(".happening");
  await panel.getByText("joined").waitFor();
  await third.close();
  await panel.getByText("left").first().waitFor();
  const connection = await players.connect();
  await panel.getByText("opened").waitFor();
  connection.close({ reason: 1_234 });
  await panel.getByText("(by the game, 1234)").waitFor();
  expect(problems).toEqual([]);
});
