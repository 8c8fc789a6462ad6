/**
 * What the conformance suite needs of the relay under test, and the helpers that its families share. The families
 * themselves know no runtime: each relay (workerd, Bun, Deno, Node) has a runner that gives them a ContractContext.
 */
import { test, vi } from "vitest";
import type { Listener, RelayClient, RelayConnection } from "../../src/client/index.ts";

export interface JoinOptions {
  /** Default: a new one (`newPeer`). */
  readonly peer?: bigint;
  /** The ticket lets this peer see refusals (rule C6). */
  readonly visible?: boolean;
}

export interface ContractContext {
  /** A peer of one room, the same room for all that are joined through one context. */
  join(options?: JoinOptions): Promise<RelayClient>;
  /** ms that a connect may need to reach somebody who has just joined; default: next to nothing. */
  readonly reachMs?: number;
}

/** What the relay's app must be set to: sessions that nobody accepts fail soon. */
export const CONTRACT_SETTINGS = { connectTimeoutMs: 2_500, joinsPerMinute: 0 };

/** How long something that must happen may take, in ms. Only a test that fails waits this long. */
const DEADLINE_MS = 8_000;
const POLL_MS = 5;

const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;

const firstPeer = 76561197960265728n + BigInt(Math.floor(Math.random() * 2 ** 31)) * 4096n;
let peers = 0n;

/** The id of a peer that is not in the room, and never was. */
export function newPeer(): bigint {
  return firstPeer + peers++;
}

/** The peers of one test; they leave when it ends. */
export class Scene {
  readonly #context: ContractContext;
  readonly #joined: RelayClient[] = [];

  constructor(context: ContractContext) {
    this.#context = context;
  }

  async join(options: JoinOptions = {}): Promise<RelayClient> {
    const client = await this.#context.join(options);
    this.#joined.push(client);
    return client;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#joined.map((client) => client.close()));
  }
}

/** `test` with a scene: `async ({ scene }) => …`. */
export function contractTest(context: ContractContext) {
  return test.extend<{ scene: Scene }>({
    // oxlint-disable-next-line eslint/no-empty-pattern -- vitest reads the dependencies of a fixture from its pattern
    scene: async ({}, use) => {
      const scene = new Scene(context);
      await use(scene);
      await scene.leave();
    },
  });
}

/** Everything that a target has told since the log was begun. */
export class EventLog<Detail> {
  readonly all: Detail[] = [];
  readonly #type: string;
  readonly #waiting = new Set<() => void>();

  constructor(target: object, type: string) {
    this.#type = type;
    (target as EventTarget).addEventListener(type, (event) => {
      this.all.push((event as CustomEvent<Detail>).detail);
      for (const look of this.#waiting) look();
    });
  }

  /** The first event of this kind, be it past or still to come. */
  async first(matches: (detail: Detail) => boolean = () => true, deadlineMs?: number): Promise<Detail> {
    await this.#until(() => this.all.some(matches), deadlineMs);
    return this.all.find(matches) as Detail;
  }

  /** Resolves when there have been `count` events. */
  async count(count: number): Promise<Detail[]> {
    await this.#until(() => this.all.length >= count);
    return this.all;
  }

  async #until(isDone: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isDone()) resolve();
    };
    const timer = setTimeout(() => reject(new Error(`${this.#describe()} in time`)), deadlineMs);
    this.#waiting.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  #describe(): string {
    const seen = JSON.stringify(this.all, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    return `"${this.#type}" did not tell what the test waits for (it told ${seen})`;
  }
}

/** For what Steam has no callback for, such as a message that can be read. */
export async function until<T>(look: () => T, what: string, deadlineMs = DEADLINE_MS): Promise<NonNullable<T>> {
  for (const deadline = Date.now() + deadlineMs; Date.now() < deadline; await sleep(POLL_MS)) {
    const found = look();
    if (found) return found;
  }
  throw new Error(`not in time: ${what}`);
}

/** What a promise comes to; for those that would never settle where the relay fails. */
export async function inTime<T>(promise: Promise<T>, what: string, deadlineMs = DEADLINE_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    // The clients' own time may be in a test's hands.
    timer = realSetTimeout(() => reject(new Error(`not in time: ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    realClearTimeout(timer);
  }
}

/** The next connection that a listener is asked for. */
export async function arrival(listener: Listener): Promise<RelayConnection> {
  const { value } = await inTime(listener[Symbol.asyncIterator]().next(), "a connection arrives at the listener");
  if (!value) throw new Error("the listener ended");
  return value;
}

/** For tests of a duration itself; everything else awaits an event. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets microtasks run, and no timer: what was to leave at once has left, what waits for a timer has not. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/**
 * Runs `body` with the clients' clock and timers in its hands, for what takes minutes; sockets and the relay go on as
 * they are. Not beside other tests.
 */
export async function withClientTime(body: (pass: (ms: number) => Promise<void>) => Promise<void>): Promise<void> {
  const STEPS = 10;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    await body(async (ms) => {
      for (let step = 0; step < STEPS; step++) {
        await vi.advanceTimersByTimeAsync(ms / STEPS);
        await new Promise((resolve) => realSetTimeout(resolve, POLL_MS));
      }
    });
  } finally {
    vi.useRealTimers();
  }
}

/** ms that something took. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Bytes that differ from place to place, so that a message put together wrongly is noticed. */
export function pattern(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** Equality of large data, without a diff of half a million numbers when it fails. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
