/** Marks, paths, and the rates of the welcome. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RelayClient, RelayConnection } from "../../../src/client/index.ts";
import { type ControlValues, DataFlag, Path, PathFlag, encodeControl } from "../../../src/protocol/index.ts";
import { dataFrame, probeFrame } from "../../support/frames.ts";
import { LASTING, ScriptedRelay } from "./scripted-relay.ts";

const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function opened(
  welcome: Partial<ControlValues<"welcome">> = {},
  tuning = {},
): Promise<{ relay: ScriptedRelay; client: RelayClient; connection: RelayConnection }> {
  const relay = new ScriptedRelay((self) => self.send(encodeControl("welcome", { ...LASTING, ...welcome })));
  const joining = relay.connect();
  await pass(1);
  const client = await joining;
  const connection = client.begin(5n, { tuning });
  await pass();
  relay.send(relay.name(7));
  await pass(2000);
  relay.received.length = 0;
  return { relay, client, connection };
}

const mark = (number: number): Uint8Array => encodeControl("mark", { mark: number });
const kinds = (relay: ScriptedRelay): number[] => relay.received.splice(0).map(({ type }) => type);
const [DATA, ACK, PROBE] = [0x20, 0x21, 0x22];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("F1: a mark", () => {
  test("is answered in the same turn, with nothing else to send", async () => {
    const { relay } = await opened();
    relay.send(mark(0xfedc_ba98));
    await Promise.resolve();
    expect(relay.said()).toEqual(["credit 4275878552"]);
  });

  test("is answered after the frames before it have reached the connection, and shares a message", async () => {
    const { relay, connection } = await opened();
    const seen: string[] = [];
    connection.onMessage(() => seen.push(`message, after ${relay.said().length} credits`));
    connection.send(Uint8Array.of(1), { noNagle: true });
    relay.batchSizes.length = 0;
    relay.send(dataFrame({ handle: 7, flags: DataFlag.Reliable, payload: Uint8Array.of(1) }), mark(1), mark(2));
    await pass();
    expect(seen).toEqual(["message, after 0 credits"]);
    expect([relay.said(), relay.batchSizes.length]).toEqual([["credit 1", "credit 2"], 1]);
  });

  test("is answered while a session is being listed", async () => {
    const { relay } = await opened();
    relay.socket?.drop();
    relay.atHello = (self) => self.send(encodeControl("welcome", LASTING), self.state(7, 1), mark(3));
    await pass(200);
    expect(relay.said()).toEqual(["credit 3"]);
  });
});

describe("a path", () => {
  test.each([
    [Path.Away, "peer-away"],
    [Path.Held, "held"],
  ])(
    "R4, F3: %i is %s: reliable messages wait, unreliable ones are dropped, and Open lets them go",
    async (path, name) => {
      const { relay, connection } = await opened();
      relay.send(relay.path(7, path));
      expect(connection.path).toBe(name);
      connection.send(Uint8Array.of(1), { noNagle: true });
      connection.send(Uint8Array.of(2), { noNagle: true, reliable: false });
      expect(() => connection.send(Uint8Array.of(3), { noDelay: true, reliable: false })).toThrow(
        "could not leave now",
      );
      await pass(1000);
      expect(kinds(relay)).not.toContain(DATA);
      relay.send(relay.path(7, Path.Open));
      await pass();
      expect(relay.received.filter(({ data }) => data).map(({ data }) => data?.payload[0])).toEqual([1]);
    },
  );

  test("F3: Held lets acknowledgements and probes leave, Away nothing", async () => {
    const { relay } = await opened();
    const arrive = (sequence: number): void => {
      const payload = Uint8Array.of(1);
      relay.send(
        dataFrame({ handle: 7, flags: DataFlag.Reliable, number: sequence, sequence, payload }),
        probeFrame({ handle: 7, answer: false, stamp: sequence, quality: 0, jitter: 0 }),
      );
    };
    relay.send(relay.path(7, Path.Held));
    arrive(1);
    await pass(200);
    expect(new Set(kinds(relay))).toEqual(new Set([ACK, PROBE]));
    relay.send(relay.path(7, Path.Away));
    arrive(2);
    await pass(200);
    expect(kinds(relay)).toEqual([]);
  });

  test("R6: Open with the flag Lost sends again what is not acknowledged; without it, nothing", async () => {
    const { relay, connection } = await opened();
    connection.send(Uint8Array.of(1), { noNagle: true });
    await pass();
    kinds(relay);
    relay.send(relay.path(7, Path.Held), relay.path(7, Path.Open));
    await pass(10);
    expect(kinds(relay)).not.toContain(DATA);
    relay.send(relay.path(7, Path.Open, PathFlag.Lost));
    await pass(10);
    expect(kinds(relay)).toContain(DATA);
  });

  test("a full send buffer: send() refuses, write() waits until there is room again", async () => {
    const { relay, connection } = await opened({}, { sendBufferSize: 1000 });
    relay.send(relay.path(7, Path.Held));
    connection.send(new Uint8Array(1000));
    expect(() => connection.send(new Uint8Array(1))).toThrow("the send buffer is full");
    const written = vi.fn<() => void>();
    void connection.write(new Uint8Array(10)).then(written);
    await pass(1000);
    expect(written).not.toHaveBeenCalled();
    relay.send(relay.path(7, Path.Open));
    await pass(10);
    connection.receiveAck({ handle: 7, lane: 0, cumulative: 1, selective: 0, window: 1 << 20 }, performance.now());
    await pass(10);
    expect(written).toHaveBeenCalledOnce();
  });

  test("one that is none, or of a handle that is none, changes nothing", async () => {
    const { relay, connection } = await opened();
    relay.send(relay.path(7, 9), relay.path(8, Path.Away));
    expect(connection.path).toBe("open");
  });
});

/** The relay's own account of L1: the most that a session was ahead of its rate, in seconds' worth. */
class Bucket {
  #level = 0;
  #at = performance.now();
  worst = 0;
  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  take(count: number): void {
    const now = performance.now();
    this.#level = Math.max(0, this.#level - ((now - this.#at) * this.#perSecond) / 1000) + count;
    this.#at = now;
    this.worst = Math.max(this.worst, this.#level / this.#perSecond);
  }
}

function watch(relay: ScriptedRelay, messagesPerSecond: number, bytesPerSecond: number): [Bucket, Bucket] {
  const buckets: [Bucket, Bucket] = [new Bucket(messagesPerSecond), new Bucket(bytesPerSecond)];
  const take = relay.take.bind(relay);
  relay.take = (bytes) => {
    buckets[0].take(1);
    buckets[1].take(bytes.length);
    take(bytes);
  };
  return buckets;
}

describe("L1: the rates of the welcome are kept, with a burst of less than two seconds' worth", () => {
  test.each([
    [20, 100_000],
    [100, 30_000],
    [1000, 1_000_000],
  ])("%i messages and %i bytes a second, whatever the application and the marks want", async (messages, bytes) => {
    const { relay, client, connection } = await opened({ messagesPerSecond: messages, bytesPerSecond: bytes });
    const buckets = watch(relay, messages, bytes);
    let sent = 0;
    for (let i = 0; i < 2000; i++) {
      try {
        connection.send(new Uint8Array(i % 7 === 0 ? 3000 : 30), { noNagle: true, reliable: i % 3 === 0 });
        sent++;
      } catch {
        // the send buffer is full
      }
      if (i % 4 === 0) relay.send(mark(i));
      if (i % 100 === 0) client.begin(BigInt(1000 + i));
      // oxlint-disable-next-line no-await-in-loop
      await pass(5);
    }
    for (const { worst } of buckets) expect(worst).toBeLessThan(2);
    expect(sent).toBeGreaterThan(100);
    await pass(10_000);
    expect(relay.heard.filter((frame) => frame === "credit").length).toBe(500); // never starved
    expect(relay.heard.filter((frame) => frame === "connect").length).toBe(20);
  });

  test("a resumed session does not have its burst twice", async () => {
    const { relay, connection } = await opened({ messagesPerSecond: 10 });
    const [messages] = watch(relay, 10, 1);
    relay.atHello = (self) =>
      self.send(
        encodeControl("welcome", { ...LASTING, messagesPerSecond: 10 }),
        self.state(7, 1),
        encodeControl("resumed", { connections: 1 }),
      );
    for (let i = 0; i < 40; i++) {
      connection.send(Uint8Array.of(i), { noNagle: true });
      // oxlint-disable-next-line no-await-in-loop
      await pass(10);
      if (i % 13 === 12) relay.socket?.drop();
      // oxlint-disable-next-line no-await-in-loop
      if (i % 13 === 12) await pass(1);
    }
    expect(messages.worst).toBeLessThan(2);
  });

  test("credit leaves at once while data has to wait", async () => {
    const { relay, connection } = await opened({ messagesPerSecond: 4 });
    for (let i = 0; i < 20; i++) {
      connection.send(Uint8Array.of(i), { noNagle: true });
      // oxlint-disable-next-line no-await-in-loop
      await pass(1);
    }
    relay.received.length = 0;
    relay.send(mark(1));
    await pass();
    expect(relay.received.map(({ type }) => type)).toEqual([0x06]);
  });

  test("what waits shares one message", async () => {
    const { relay, connection } = await opened({ messagesPerSecond: 10 });
    for (let i = 0; i < 100; i++) {
      connection.send(Uint8Array.of(i), { noNagle: true });
      // oxlint-disable-next-line no-await-in-loop
      await pass(10);
    }
    await pass(200);
    expect(relay.received.filter(({ data }) => data).length).toBe(100);
    expect(relay.batchSizes.length).toBeLessThan(25);
  });

  test("0 is no limit", async () => {
    const { relay, connection } = await opened();
    relay.batchSizes.length = 0;
    for (let i = 0; i < 500; i++) {
      connection.send(Uint8Array.of(i), { noNagle: true });
      // oxlint-disable-next-line no-await-in-loop
      await Promise.resolve();
    }
    expect(relay.batchSizes.length).toBeGreaterThan(400);
  });
});

describe("L2: the rate of one connection", () => {
  test("is not exceeded, also where the tuning says more; what is tuned lower stays", async () => {
    for (const [sendRate, expected] of [
      [1e9, 50_000],
      [20_000, 20_000],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { relay, connection } = await opened({ connectionBytesPerSecond: 50_000 }, { sendRate });
      expect(connection.status().sendRateBytesPerSecond).toBe(expected);
      for (let i = 0; i < 10; i++) connection.send(new Uint8Array(50_000));
      // oxlint-disable-next-line no-await-in-loop
      await pass(1000);
      const bytes = relay.received.reduce((sum, { data }) => sum + (data?.payload.length ?? 0), 0);
      expect(bytes).toBeGreaterThan(expected * 0.8);
      expect(bytes).toBeLessThanOrEqual(expected * 1.1 + 16 * 1024); // the last segment may overdraw it
    }
  });
});
