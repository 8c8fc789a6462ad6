/** Pictures of every page, to be looked at by people: nothing compares them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { DESKTOP, PHONE, settled } from "./browser.ts";

const FOLDER = join(import.meta.dirname, "../screenshots");

const VARIANTS = [
  { variant: "light", colorScheme: "light", viewport: DESKTOP },
  { variant: "dark", colorScheme: "dark", viewport: DESKTOP },
  { variant: "phone", colorScheme: "light", viewport: PHONE },
  { variant: "phone-dark", colorScheme: "dark", viewport: PHONE },
] as const;

/** Writes `name-light.png`, `-dark`, `-phone` and `-phone-dark` of the whole page; it ends in the size it had. */
export async function takeScreenshots(page: Page, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const before = page.viewportSize() ?? DESKTOP;
  for (const { variant, colorScheme, viewport } of VARIANTS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await settled(page);
    await page.screenshot({ path: join(FOLDER, `${name}-${variant}.png`), fullPage: true });
  }
  await page.setViewportSize(before);
}

/** How far the page is wider than the screen, in CSS pixels: 0 where nothing has to be scrolled sideways. */
export function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
