/** Players of one relay, and what tests ask of them. */
import { type RelayClient, connect } from "../../../src/client/index.ts";
import type { TypedEvents } from "../../../src/client/typed-events.ts";
import { RunningRelay } from "../../support/running-relay.ts";
import { testTicket } from "../../support/tickets.ts";

const STEP_MS = 5;

export class Players implements AsyncDisposable {
  readonly relay: RunningRelay;
  #nextPeer = 76561197960300000n;

  private constructor(relay: RunningRelay) {
    this.relay = relay;
  }

  /** Requests that nobody answers fail after 1.2 s, so that tests of it are short. */
  static async start(more: Readonly<Record<string, number>> = {}): Promise<Players> {
    const settings = JSON.stringify({ "480": { connectTimeoutMs: 1200, joinsPerMinute: 0, ...more } });
    return new Players(await RunningRelay.start({ APP_SETTINGS: settings }));
  }

  async join(peer = this.#nextPeer++, claims: { readonly visible?: boolean } = {}): Promise<RelayClient> {
    const client = await connect({
      url: this.relay.url,
      app: 480,
      ticket: await testTicket({ peer: String(peer), app: 480, ...claims }),
    });
    // A frame that the relay refuses is a fault of the client's, whatever the test looks at.
    client.addEventListener("error", ({ detail }) => console.error(`peer ${peer}: ${detail.code}: ${detail.message}`));
    return client;
  }

  async two(): Promise<[RelayClient, RelayClient]> {
    return Promise.all([this.join(), this.join()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
  }
}

/** The details of all events of one kind, as they come. */
export function collect<Events extends object, K extends keyof Events & string>(
  target: TypedEvents<Events>,
  type: K,
): Events[K][] {
  const details: Events[K][] = [];
  target.addEventListener(type, ({ detail }) => details.push(detail));
  return details;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `look` gives something else than undefined or false. */
export async function eventually<T>(look: () => T | undefined | false, timeoutMs = 5000): Promise<T> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline;) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await pause(STEP_MS);
  }
  throw new Error(`It did not happen within ${timeoutMs} ms: ${look.toString()}`);
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array | undefined): string | undefined {
  return data && new TextDecoder().decode(data);
}
