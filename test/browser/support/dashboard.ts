/** What the tests of the dashboard share: operators who sign in, and players in a room that they look at. */
import { createHash } from "node:crypto";
import type { Page } from "playwright-core";
import { vi } from "vitest";
import { type RelayClient, type RelayConnection, connect } from "../../../src/client/index.ts";
import { TEST_ADMIN_TOKEN, type RunningRelay } from "../../support/running-relay.ts";
import { TEST_APP, testTicket } from "../../support/tickets.ts";
import { type PageOptions, type WatchedPage, openPage } from "./browser.ts";

export const READ_TOKEN = "reads-only-0123456789abcdef";

/** For `ADMIN_TOKENS`: one token that may not do anything. */
export const READERS = JSON.stringify([
  { name: "reader", scope: "read", sha256: createHash("sha256").update(READ_TOKEN).digest("hex") },
]);

export async function signIn(page: Page, token: string = TEST_ADMIN_TOKEN): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
}

export function roomHash(room: string, rest: string): string {
  return `#/apps/${TEST_APP}/rooms/${room}/${rest}`;
}

/** Signed in, at this place of the dashboard. */
export async function openDashboard(
  relay: RunningRelay,
  hash: string,
  options: PageOptions = {},
): Promise<WatchedPage> {
  const opened = await openPage(`${relay.url}/dashboard/${hash}`, options);
  await signIn(opened.page);
  return opened;
}

export async function live(page: Page): Promise<void> {
  await page.getByText("Live", { exact: true }).waitFor();
}

/** Nothing on the page is being waited for. */
export async function loaded(page: Page): Promise<void> {
  await vi.waitUntil(async () => (await page.getByText("Loading …").count()) === 0, { timeout: 15_000 });
}

let lastPeer = 76561197960291000n;

export async function join(relay: RunningRelay, room: string, peer = ++lastPeer): Promise<RelayClient> {
  const ticket = await testTicket({ peer: String(peer), room });
  return connect({ url: relay.url, app: TEST_APP, room, ticket });
}

/** Two players who are connected to each other; they leave when the test ends. */
export class Players implements AsyncDisposable {
  readonly clients: readonly [RelayClient, RelayClient];
  readonly #relay: RunningRelay;
  readonly #room: string;

  private constructor(relay: RunningRelay, room: string, clients: readonly [RelayClient, RelayClient]) {
    this.#relay = relay;
    this.#room = room;
    this.clients = clients;
  }

  static async join(relay: RunningRelay, room: string): Promise<Players> {
    return new Players(relay, room, [await join(relay, room), await join(relay, room)]);
  }

  async connect(virtualPort = 0): Promise<RelayConnection> {
    const [a, b] = this.clients;
    b.onIncoming({ virtualPort }, (connection) => connection.accept());
    return a.open(b.peer, { virtualPort });
  }

  api<T>(path: string): Promise<T> {
    return this.#relay.admin<T>(`/apps/${TEST_APP}/rooms/${this.#room}${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
