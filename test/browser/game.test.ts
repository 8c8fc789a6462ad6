/** The game in Chromium: two halves of one page, and two pages. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunningRelay } from "../support/running-relay.ts";
import { closeBrowser, expectAccessible, openPage } from "./support/browser.ts";
import { sidewaysScroll, takeScreenshots } from "./support/screenshots.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start({ DEVELOPMENT: "1" });
});
afterAll(async () => {
  await closeBrowser();
  await relay[Symbol.asyncDispose]();
});

const player = (page: Page, number: 1 | 2) => page.locator(`[data-player="${number}"]`);
const playing = (page: Page, number: 1 | 2) =>
  page.waitForSelector(`[data-player="${number}"][data-standing=playing]`, { timeout: 15_000 });

/** Where a half has its own ship, or sees the other one. */
async function place(page: Page, number: 1 | 2, whose: "own" | "other"): Promise<{ x: number; y: number }> {
  const text = await page.waitForFunction(
    ([selector, name]) => document.querySelector<HTMLElement>(selector)?.dataset[name] || false,
    [`[data-player="${number}"]`, whose] as const,
  );
  const [x = NaN, y = NaN] = String(await text.jsonValue())
    .split(",")
    .map(Number);
  return { x, y };
}

/** Until the half has seen the ship on the side of `limit` that is asked for. */
function sees(page: Page, number: 1 | 2, whose: "own" | "other", side: "below" | "above", limit: number) {
  return page.waitForFunction(
    ([selector, name, wanted, at]) => {
      const x = Number(document.querySelector<HTMLElement>(selector)?.dataset[name]?.split(",")[0] || NaN);
      return wanted === "below" ? x < at : x > at;
    },
    [`[data-player="${number}"]`, whose, side, limit] as const,
    { timeout: 15_000 },
  );
}

test("in two pages both steer, both see the other move, and have a round trip", async () => {
  const url = `${relay.url}/playground/game/?room=two-pages`;
  await using one = await openPage(`${url}&player=1`);
  await using two = await openPage(`${url}&player=2`);
  await Promise.all([playing(one.page, 1), playing(two.page, 2)]);
  expect((await place(one.page, 1, "own")).x).toBe(300);
  expect((await place(two.page, 2, "own")).x).toBe(1300);
  await sees(one.page, 1, "other", "above", 1200);

  await one.page.keyboard.down("KeyD");
  await sees(one.page, 1, "own", "above", 700);
  await sees(two.page, 2, "other", "above", 700);
  await one.page.keyboard.up("KeyD");

  await two.page.keyboard.down("ArrowLeft");
  await sees(one.page, 1, "other", "below", 900);
  await two.page.keyboard.up("ArrowLeft");

  for (const [{ page }, number] of [
    [one, 1],
    [two, 2],
  ] as const) {
    await player(page, number)
      .locator(".ping")
      .filter({ hasText: /\d+ ms|\d\.\d ms/ })
      .waitFor();
  }
  expect([...one.problems, ...two.problems]).toEqual([]);
});

test("a finger steers", async () => {
  await using one = await openPage(`${relay.url}/playground/game/?room=finger&player=1`);
  const box = await player(one.page, 1).locator("canvas").boundingBox();
  if (!box) throw new Error("the canvas is not visible");
  await one.page.mouse.move(box.x + box.width * 0.8, box.y + box.height * 0.5);
  await one.page.mouse.down();
  await sees(one.page, 1, "own", "above", 900);
  await one.page.mouse.up();
});

test("in two halves of one page they play by themselves, agree on the score, and look right", async () => {
  await using opened = await openPage(`${relay.url}/playground/game/?room=halves`);
  const { page, problems } = opened;
  await Promise.all([playing(page, 1), playing(page, 2)]);
  await page.waitForFunction(
    () => {
      const [own, other] = [...document.querySelectorAll(".score")].map((score) => score.textContent ?? "");
      const isScored = /[1-9]/.test(own ?? "");
      return isScored && own === other?.split(" : ").toReversed().join(" : ");
    },
    undefined,
    { timeout: 30_000 },
  );
  await expectAccessible(page);
  await takeScreenshots(page, "game");
  await page.setViewportSize({ width: 360, height: 740 });
  expect(await sidewaysScroll(page)).toBe(0);
  expect(problems).toEqual([]);
});

test("whoever comes back is played with again", async () => {
  const url = `${relay.url}/playground/game/?room=back`;
  await using one = await openPage(`${url}&player=1`);
  {
    await using two = await openPage(`${url}&player=2`);
    await playing(two.page, 2);
    await playing(one.page, 1);
  }
  await one.page.waitForSelector('[data-player="1"]:not([data-standing=playing])', { timeout: 15_000 });
  await using again = await openPage(`${url}&player=2`);
  await Promise.all([playing(one.page, 1), playing(again.page, 2)]);
});
