/** [T1] [T3] [T6] What a client makes of the relay's hints when to tick. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConnectOptions, RelayClient, RelayConnection } from "../../../src/client/index.ts";
import { type Ticker, createTicker } from "../../../src/client/ticker/index.ts";
import { Rhythm } from "../../../src/client/ticker/rhythm.ts";
import { DataFlag, encodeControl } from "../../../src/protocol/index.ts";
import { LASTING, ScriptedRelay } from "./scripted-relay.ts";

const NAGLE_MS = 5;
const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const pace = (periodMs: number, shiftMs: number): Uint8Array =>
  encodeControl("pace", { periodUs: periodMs * 1000, shiftUs: shiftMs * 1000 });

interface Opened {
  readonly relay: ScriptedRelay;
  readonly client: RelayClient;
  readonly connection: RelayConnection;
}

async function opened(options: Partial<ConnectOptions> = {}, tuning = {}): Promise<Opened> {
  const relay = new ScriptedRelay((self) => self.send(encodeControl("welcome", LASTING)));
  const joining = relay.connect(options);
  await pass(1);
  const client = await joining;
  const connection = client.begin(5n, { tuning });
  await pass();
  relay.send(relay.name(7));
  await pass(2_000);
  relay.received.length = 0;
  return { relay, client, connection };
}

const payloads = (relay: ScriptedRelay): number[] =>
  relay.received.splice(0).flatMap(({ data }) => (data ? [data.payload.length] : []));

/** How many ms a message waits. */
async function waitOf({ relay, connection }: Opened, options = {}): Promise<number> {
  relay.received.length = 0;
  connection.send(new Uint8Array(9), { reliable: false, ...options });
  await Promise.resolve();
  for (let ms = 0; ms < 100; ms++) {
    if (payloads(relay).length > 0) return ms;
    // oxlint-disable-next-line no-await-in-loop
    await pass(1);
  }
  throw new Error("the message never left");
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("[T6] by delay", () => {
  test("messages wait so much longer, up to 3 ms, and less again", async () => {
    const all = await opened();
    expect(await waitOf(all)).toBe(NAGLE_MS);
    for (const [shift, hold] of [
      [2, 2],
      [-1, 1],
      [2.5, 3],
      [-20, 0],
      [3, 3],
      [0, 3],
    ] as const) {
      all.relay.send(pace(33, shift));
      // oxlint-disable-next-line no-await-in-loop
      expect(await waitOf(all), `after a shift of ${shift}`).toBe(NAGLE_MS + hold);
    }
  });

  test("what is out of reach is not waited for at all", async () => {
    const all = await opened();
    all.relay.send(pace(33, 2), pace(33, 3.5));
    expect(await waitOf(all)).toBe(NAGLE_MS);
  });

  test("what has to leave at once does: NoNagle, a flush, a full batch, a connection without Nagle", async () => {
    const all = await opened();
    all.relay.send(pace(33, 3));
    expect(await waitOf(all, { noNagle: true })).toBe(0);
    all.connection.send(new Uint8Array(9), { reliable: false });
    all.connection.flush();
    await pass();
    expect(payloads(all.relay)).toEqual([9]);
    all.connection.send(new Uint8Array(1200), { reliable: false });
    await pass();
    expect(payloads(all.relay)).toEqual([1200]);
    const hasty = await opened({}, { nagleMs: 0 });
    hasty.relay.send(pace(33, 3));
    expect(await waitOf(hasty)).toBe(0);
  });

  test("never by more than half of the period", async () => {
    const all = await opened();
    all.relay.send(pace(4, 1.5), pace(4, 1.5));
    expect(await waitOf(all)).toBe(NAGLE_MS + 2);
  });

  test.each([
    [false, 3, 0],
    [{ maxDelayMs: 0 }, 3, 0],
    [{ maxDelayMs: -5 }, 3, 0],
    [{ maxDelayMs: 1 }, 0.75, 1],
    [{ maxDelayMs: 10 }, 4, 8],
    [{ maxDelayMs: 1_000 }, 15, 20],
  ] as const)("alignment %j", async (alignment, shift, hold) => {
    const all = await opened({ alignment });
    all.relay.send(pace(40, shift), pace(40, shift));
    expect(await waitOf(all)).toBe(NAGLE_MS + hold);
  });

  test("[T5] ends when there is nobody to meet, and with the socket", async () => {
    const all = await opened();
    all.relay.send(pace(33, 3), pace(0, 0));
    expect(await waitOf(all)).toBe(NAGLE_MS);
    all.relay.send(pace(33, 3));
    all.relay.resumeWith(all.relay.state(7, 1));
    all.relay.socket?.drop();
    await pass(2_000);
    expect(await waitOf(all)).toBe(NAGLE_MS);
  });

  test.each([
    [0, 1e6],
    [0xffff_ffff, 0x7fff_ffff],
    [0xffff_ffff, -0x8000_0000],
    [1, -1],
  ])("a relay that says nonsense (%i, %i) delays nothing by more than that", async (periodUs, shiftUs) => {
    const all = await opened();
    all.relay.send(encodeControl("pace", { periodUs, shiftUs }));
    expect(await waitOf(all)).toBeLessThanOrEqual(NAGLE_MS + 3);
    all.connection.send(new Uint8Array(5), { reliable: true });
    await pass(20);
    expect(all.relay.received.filter(({ flags }) => flags & DataFlag.Reliable)).toHaveLength(1);
  });
});

/** A game that sends one message per tick. `times`: when it ticked, in ms since it was started. */
function started({ client, connection }: Opened, perSecond = 20): { ticker: Ticker; times: number[] } {
  const from = performance.now();
  const times: number[] = [];
  const ticker = createTicker(client, perSecond, () => {
    times.push(performance.now() - from);
    connection.send(Uint8Array.of(1), { reliable: false });
  });
  return { ticker, times };
}

describe("[T3] by a ticker", () => {
  test("ticks at its rate, and what it sends leaves at once, together", async () => {
    const all = await opened();
    const { times, ticker } = started(all);
    await pass(200);
    expect(payloads(all.relay)).toEqual([1, 1, 1, 1]);
    ticker.stop();
    await pass(200);
    expect(times).toEqual([50, 100, 150, 200]);
  });

  test("[T6] moves by the whole hint, at most a sixteenth of a period at a time, and leaves no tick out", async () => {
    const all = await opened();
    const { times, ticker } = started(all);
    all.relay.send(pace(50, 20));
    await pass(1_020);
    expect(times.length).toBe(20);
    const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(50 * (1 + 1 / 16) + 1);
    expect(ticker.movedMs).toBeCloseTo(20, 6);
    all.relay.send(pace(50, -20));
    await pass(1_000);
    expect(ticker.movedMs).toBeCloseTo(0, 6);
  });

  test("a newer hint takes the place of what is left of the older", async () => {
    const all = await opened();
    const { ticker } = started(all);
    all.relay.send(pace(50, 20));
    await pass(60);
    all.relay.send(pace(50, 1));
    await pass(500);
    expect(ticker.movedMs).toBeCloseTo(50 / 16 + 1, 6);
  });

  test("takes the delay's place, and gives it back", async () => {
    const all = await opened();
    all.relay.send(pace(50, 3));
    const { ticker } = started(all, 1);
    expect(await waitOf(all)).toBe(NAGLE_MS);
    all.relay.send(pace(50, 3));
    expect(await waitOf(all)).toBe(NAGLE_MS);
    ticker.stop();
    all.relay.send(pace(50, 3));
    expect(await waitOf(all)).toBe(NAGLE_MS + 3);
  });

  test("a loop that throws goes on, and its error is told", async () => {
    const all = await opened();
    const told: unknown[] = [];
    const listener = (error: unknown): void => void told.push(error);
    process.on("uncaughtException", listener);
    let calls = 0;
    const ticker = createTicker(all.client, 20, () => {
      calls++;
      throw new Error("the game is broken");
    });
    await pass(100);
    process.off("uncaughtException", listener);
    ticker[Symbol.dispose]();
    expect([calls, told.map(String)]).toEqual([2, ["Error: the game is broken", "Error: the game is broken"]]);
  });

  test("may be stopped by its own tick, and stops when the client leaves", async () => {
    const all = await opened();
    let calls = 0;
    const once = createTicker(all.client, 100, () => {
      calls++;
      once.stop();
    });
    await pass(100);
    expect(calls).toBe(1);
    const { times } = started(all);
    await all.client.close();
    await pass(200);
    expect(times).toEqual([]);
  });

  test("ticks whose time passed in a tab that slept are not made up for, and the next ones are in step", () => {
    const rhythm = new Rhythm(50, 0);
    rhythm.next(7_123);
    expect(rhythm.dueAt).toBe(7_150);
    rhythm.next(7_151);
    expect(rhythm.dueAt).toBe(7_200);
  });

  test.each([0, -1, Number.NaN, Infinity, 1001])("%d ticks a second is refused", async (rate) => {
    const { client } = await opened();
    expect(() => createTicker(client, rate, () => undefined)).toThrow("Cannot tick");
  });
});
