/** One Chromium for all pages of a test file, and pages that note whatever goes wrong in them. */
import { existsSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { expect } from "vitest";

let browser: Promise<Browser> | undefined;

function sharedBrowser(): Promise<Browser> {
  browser ??= chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  return browser;
}

/** For `afterAll` of each file that opens pages. */
export async function closeBrowser(): Promise<void> {
  const open = browser;
  browser = undefined;
  await (await open)?.close();
}

export function chromiumPath(): string {
  const found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  );
  if (!found) throw new Error("no Chromium on this machine; .ci/run installs Debian's");
  return found;
}

export type Theme = "light" | "dark";
export const DESKTOP = { width: 1280, height: 900 } as const;
export const PHONE = { width: 390, height: 844 } as const;

export interface PageOptions {
  readonly theme?: Theme;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** To share storage with another page, as two tabs do. Default: a context of its own. */
  readonly context?: BrowserContext;
}

/** A page and the complaints about it: errors in the console, requests to other origins, violations of the CSP. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  readonly problems: string[];
}

/** Opens `url`; what leaves its origin is refused, and is a problem. */
export async function openPage(url: string, options: PageOptions = {}): Promise<WatchedPage> {
  const { theme = "dark", viewport = DESKTOP } = options;
  const context = options.context ?? (await (await sharedBrowser()).newContext({ colorScheme: theme, viewport }));
  const page = await context.newPage();
  const problems: string[] = [];
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) problems.push(`outside socket: ${socket.url()}`);
  });
  await page.route(
    (target) => target.origin !== origin && /^(?:https?|wss?):$/.test(target.protocol),
    (route) => {
      problems.push(`outside request: ${route.request().url()}`);
      return route.abort();
    },
  );
  await page.goto(url);
  const dispose = async (): Promise<void> => (options.context ? page.close() : context.close());
  return { page, problems, [Symbol.asyncDispose]: dispose };
}

/** Nothing that axe-core knows of, in light and in dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary ?? ""}`),
    }));
    expect(found, colorScheme).toEqual([]);
  }
}

/** Colours fade when the theme changes; axe would measure half-way ones. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    // One that goes on for ever, such as a breathing dot, has no end to wait for.
    const ending = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.all(ending.map(({ finished }) => finished.catch(() => undefined)));
  });
}
