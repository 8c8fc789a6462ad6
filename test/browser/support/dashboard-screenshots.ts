/** `node … test/browser/support/screenshots.ts [only]`: every view of the dashboard in light, dark and on a phone. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { buildPages } from "../../../scripts/build-pages.ts";
import { freePort } from "../../support/running-relay.ts";
import { type FakeRelay, startFakeRelay } from "./fake-relay.ts";

const FOLDER = fileURLToPath(new URL("../screenshots/", import.meta.url));
const LOOKS = [
  { name: "dark", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { name: "light", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "phone", colorScheme: "dark", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
] as const;

mkdirSync(FOLDER, { recursive: true });
await buildPages();
const small = await startFakeRelay(await freePort(), 240);
const large = await startFakeRelay(await freePort(), 10_000);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const only = process.argv[2];
try {
  for (const look of LOOKS) await shoot(browser, look);
} finally {
  await browser.close();
  small.stop();
  large.stop();
}

async function shoot(browser: Browser, { name, ...options }: (typeof LOOKS)[number]): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && console.log(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => console.log(`${name}: ${error.stack}`));
  const signIn = async ({ url }: FakeRelay): Promise<void> => {
    await page.goto(`${url}/dashboard/`);
    if (await page.getByLabel("Admin token").count()) {
      await page.getByLabel("Admin token").fill("operate");
      await page.getByRole("button", { name: "Sign in" }).click();
    }
    await page.getByRole("heading", { name: "Apps" }).waitFor();
  };
  const view = async (file: string, hash: string, act?: () => Promise<unknown>): Promise<void> => {
    if (only && !file.includes(only)) return;
    await page.evaluate((to) => (location.hash = to), hash);
    await page.waitForTimeout(file === "overview" ? 6_000 : 1_800);
    await act?.();
    await page.screenshot({ path: `${FOLDER}dashboard-${file}-${name}.png` });
  };
  if (!only) {
    await page.goto(`${small.url}/dashboard/`);
    await page.getByLabel("Admin token").waitFor();
    await page.screenshot({ path: `${FOLDER}dashboard-sign-in-${name}.png` });
  }
  await signIn(small);
  const room = "#/apps/480/rooms/lobby-eu-1";
  const [connection] = [...small.room.connections.keys()].slice(-40);
  const peer = small.room.peerIds[5];
  await view("apps", "#/");
  await view("rooms", "#/apps/480");
  await view("overview", `${room}/overview`);
  await view("overview-end", `${room}/overview`, () => page.locator("main").evaluate((main) => main.scrollTo(0, 1e6)));
  await view("overview-day", `${room}/overview?range=day`);
  await view("connection", `${room}/connections/${connection}`, () => page.waitForTimeout(5_000));
  await view("peers", `${room}/peers`);
  await view("peer", `${room}/peers/${peer}`);
  await view("ban", `${room}/peers/${peer}`, async () => {
    await page.getByRole("button", { name: "Ban", exact: true }).click();
    await page.waitForTimeout(300);
  });
  await page.keyboard.press("Escape");
  await view("graph", `${room}/graph`, () => page.waitForTimeout(3_000));
  await view("bans", `${room}/bans`);
  await view("audit", `${room}/audit`);
  await view("settings", "#/apps/480/settings");
  await view("api", "#/api", () => page.locator(".operation summary").first().click());
  if (name === "phone") {
    await view("menu", `${room}/bans`, () => page.locator(".more summary").click());
  }
  await signIn(large);
  await view("connections", `${room}/connections?sort=bytes&order=desc`);
  await view("graph-large", `${room}/graph`, () => page.waitForTimeout(6_000));
  await context.close();
}
