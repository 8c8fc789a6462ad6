import { describe, expect, test } from "vitest";
import { ConnectionEngine, type EngineOptions } from "../../../src/client/engine/connection-engine.ts";
import { FrameWriter } from "../../../src/client/engine/frame-writer.ts";
import { type DataFrame, More, NoDelay, NoNagle, Pair, Reliable, framesOf, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
const BUDGET = 64 * KIB;

function connected(options: Partial<EngineOptions> = {}): ConnectionEngine {
  const engine = new ConnectionEngine({ handle: 7, maxPayload: 512 * KIB, ordered: true, ...options });
  engine.setConnected(true);
  pullAll(engine, 0, BUDGET); // the greeting: an ack and a probe
  return engine;
}

/** The data frames that leave now. */
function leaving(engine: ConnectionEngine, now: number): DataFrame[] {
  return pullAll(engine, now, BUDGET).flatMap((batch) => framesOf(batch).data);
}

describe("send", () => {
  test("numbers the messages of a lane from 1, reliable and unreliable together", () => {
    const engine = connected();
    engine.configureLanes([0, 0], [1, 1]);
    const send = (flags: number, lane: number) => engine.send(pattern(4), { flags, lane }, 0);
    expect(send(Reliable, 0)).toEqual({ ok: true, number: 1 });
    expect(send(0, 0)).toEqual({ ok: true, number: 2 });
    expect(send(0, 1)).toEqual({ ok: true, number: 1 });
    expect(send(Reliable, 0)).toEqual({ ok: true, number: 3 });
  });

  test("flags, lane and channel default to an unreliable message in lane 0 and channel 0", () => {
    const engine = connected();
    engine.send(pattern(4), {}, 0);
    const [frame] = leaving(engine, 5);
    expect(frame).toMatchObject({ flags: 0, lane: 0, channel: 0, number: 1, sequence: 0, handle: 7 });
  });

  test("frames carry what was given, and no flag that is not the sender's to set", () => {
    const engine = connected({ segmentSize: 10 });
    engine.configureLanes([0, 0, 0], [1, 1, 1]);
    engine.send(pattern(25), { flags: Reliable | NoNagle | More | 0xf0, lane: 2, channel: -7 }, 0);
    const frames = leaving(engine, 0);
    expect(frames.map(({ flags, sequence }) => [flags, sequence])).toEqual([
      [Reliable | NoNagle | More, 1],
      [Reliable | NoNagle | More, 2],
      [Reliable | NoNagle, 3],
    ]);
    for (const frame of frames) expect(frame).toMatchObject({ lane: 2, channel: -7, number: 1, handle: 7 });
    expect(frames.flatMap(({ payload }) => [...payload])).toEqual([...pattern(25)]);
  });

  test("LimitExceeded: pending and unacknowledged bytes are at most the send buffer", () => {
    const engine = connected({ sendBufferSize: 1000 });
    expect(engine.send(pattern(600), { flags: Reliable }, 0).ok).toBe(true);
    expect(engine.send(pattern(400), { flags: 0 }, 0).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: Reliable }, 0)).toEqual({ ok: false, reason: "LimitExceeded" });
    expect(engine.send(pattern(0), { flags: Reliable }, 0).ok).toBe(true);
    leaving(engine, 5); // the unreliable one is gone, the reliable one is under way
    expect(engine.send(pattern(401), { flags: Reliable }, 5)).toEqual({ ok: false, reason: "LimitExceeded" });
    expect(engine.send(pattern(400), { flags: Reliable }, 5)).toEqual({ ok: true, number: 4 });
    engine.receiveAck({ handle: 7, lane: 0, cumulative: 1, selective: 0, window: 1000 }, 6);
    expect(engine.send(pattern(600), { flags: Reliable }, 6).ok).toBe(true);
  });

  test("LimitExceeded: empty messages are not free", () => {
    const engine = connected();
    let accepted = 0;
    while (accepted < 100_000 && engine.send(pattern(0), { flags: Reliable }, 0).ok) accepted++;
    expect(accepted).toBe(65_536);
  });

  test("TooLarge: above maxMessageSize, reliable or not", () => {
    const engine = connected({ maxMessageSize: 100 });
    expect(engine.send(pattern(100), { flags: Reliable }, 0).ok).toBe(true);
    expect(engine.send(pattern(101), { flags: Reliable }, 0)).toEqual({ ok: false, reason: "TooLarge" });
    expect(engine.send(pattern(101), { flags: 0 }, 0)).toEqual({ ok: false, reason: "TooLarge" });
  });

  test("InvalidLane: one that is not configured", () => {
    const engine = connected();
    for (const lane of [1, 255, -1, 0.5, NaN]) {
      expect(engine.send(pattern(1), { lane }, 0)).toEqual({ ok: false, reason: "InvalidLane" });
    }
    engine.configureLanes([0, 0], [1, 1]);
    expect(engine.send(pattern(1), { lane: 1 }, 0).ok).toBe(true);
  });

  test("a refused message takes no number", () => {
    const engine = connected({ maxMessageSize: 100, sendBufferSize: 150 });
    engine.send(pattern(100), { flags: Reliable }, 0);
    engine.send(pattern(101), { flags: Reliable }, 0);
    engine.send(pattern(100), { flags: Reliable }, 0);
    expect(engine.send(pattern(1), { flags: Reliable }, 0)).toEqual({ ok: true, number: 2 });
  });

  test("Ignored: after close, and nothing leaves any more", () => {
    const engine = connected();
    engine.send(pattern(10), { flags: Reliable | NoNagle }, 0);
    engine.close();
    expect(engine.send(pattern(1), { flags: Reliable }, 0)).toEqual({ ok: false, reason: "Ignored" });
    expect(engine.nextDeadline(0)).toBe(Infinity);
    expect(leaving(engine, 10_000)).toEqual([]);
    expect([engine.drained, engine.hasUnacked]).toEqual([true, false]);
    expect(engine.status(0)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 0 });
  });

  test("the payload is copied, unless it is given away", () => {
    const engine = connected();
    const [copied, owned] = [pattern(100), pattern(100)];
    engine.send(copied, { flags: Reliable }, 0);
    engine.send(owned, { flags: Reliable, isOwned: true }, 0);
    copied.fill(1);
    owned.fill(1);
    const [first, second] = leaving(engine, 5);
    expect(first?.payload).toEqual(pattern(100));
    expect(second?.payload).toEqual(owned);
  });

  test("the handle may be given after messages were", () => {
    const engine = new ConnectionEngine({ maxPayload: 1000, ordered: true });
    engine.send(pattern(1), { flags: Reliable }, 0);
    engine.handle = 77;
    engine.setConnected(true);
    const { data, acks, probes } = framesOf(pullAll(engine, 5, BUDGET)[0] ?? new Uint8Array());
    expect([...data, ...acks, ...probes].map(({ handle }) => handle)).toEqual([77, 77, 77]);
  });
});

describe("Nagle", () => {
  test("a message waits 5 ms for others, and leaves with them in one batch", () => {
    const engine = connected();
    engine.send(pattern(10), { flags: Reliable }, 100);
    expect(engine.nextDeadline(100)).toBe(105);
    engine.send(pattern(10), { flags: 0 }, 103);
    expect(engine.nextDeadline(103)).toBe(105);
    expect(leaving(engine, 104.9)).toEqual([]);
    const batches = pullAll(engine, 105, BUDGET);
    expect(batches.map((batch) => framesOf(batch).data.length)).toEqual([2]);
    engine.send(pattern(10), { flags: 0 }, 200); // the wait begins anew
    expect(engine.nextDeadline(200)).toBe(205);
  });

  test.each([0, 20])("the wait is nagleMs: %i", (nagleMs) => {
    const engine = connected({ nagleMs });
    engine.send(pattern(10), {}, 100);
    expect(engine.nextDeadline(100)).toBe(100 + nagleMs);
    expect(leaving(engine, 100 + nagleMs).length).toBe(1);
  });

  test("NoNagle leaves at once, and takes with it what is waiting", () => {
    const engine = connected();
    engine.configureLanes([0, 0], [1, 1]);
    engine.send(pattern(10), { flags: Reliable }, 100);
    engine.send(pattern(10), { flags: Reliable | NoNagle, lane: 1 }, 101);
    expect(engine.nextDeadline(101)).toBe(101);
    expect(leaving(engine, 101).length).toBe(2);
  });

  test("a packet's worth leaves at once", () => {
    const engine = connected();
    engine.send(pattern(1199), {}, 100);
    expect(engine.nextDeadline(100)).toBe(105);
    engine.send(pattern(1), {}, 101);
    expect(engine.nextDeadline(101)).toBe(101);
  });

  test("flush ends the wait", () => {
    const engine = connected();
    engine.flush(99);
    engine.send(pattern(10), {}, 100);
    expect(engine.nextDeadline(100)).toBe(105);
    engine.flush(101);
    expect(engine.nextDeadline(101)).toBe(101);
    expect(leaving(engine, 101).length).toBe(1);
    engine.flush(102);
    expect(engine.nextDeadline(102)).toBeGreaterThan(102);
  });
});

describe("NoDelay", () => {
  test("Ignored while not connected; reliable messages do not care", () => {
    const engine = new ConnectionEngine({ maxPayload: 1000, ordered: true });
    expect(engine.send(pattern(1), { flags: NoDelay | NoNagle }, 0)).toEqual({ ok: false, reason: "Ignored" });
    expect(engine.send(pattern(1), { flags: NoDelay | Reliable }, 0)).toEqual({ ok: true, number: 1 });
    engine.setConnected(true);
    expect(engine.send(pattern(1), { flags: NoDelay | NoNagle }, 0)).toEqual({ ok: true, number: 2 });
  });

  test("Ignored when its lane has been waiting for more than 200 ms", () => {
    const engine = connected();
    engine.configureLanes([0, 0], [1, 1]);
    engine.send(pattern(10), { flags: 0 }, 1000); // and the transport takes nothing
    expect(engine.send(pattern(1), { flags: NoDelay }, 1200).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: NoDelay }, 1201)).toEqual({ ok: false, reason: "Ignored" });
    expect(engine.send(pattern(1), { flags: NoDelay, lane: 1 }, 1201).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: 0 }, 1201).ok).toBe(true);
  });

  test("Ignored when what is queued would take more than 200 ms at the send rate", () => {
    const engine = connected({ sendRate: 10_000 });
    engine.send(pattern(2000), { flags: Reliable }, 1000);
    expect(engine.send(pattern(1), { flags: NoDelay }, 1000).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: NoDelay }, 1000)).toEqual({ ok: false, reason: "Ignored" });
  });

  test("one that has waited for more than 200 ms is dropped rather than sent", () => {
    const engine = connected();
    engine.send(Uint8Array.of(1), { flags: NoDelay }, 1000);
    engine.send(Uint8Array.of(2), { flags: 0 }, 1000);
    engine.send(Uint8Array.of(3), { flags: NoDelay }, 1150);
    expect(leaving(engine, 1300).map(({ payload }) => payload[0])).toEqual([2, 3]);
    expect(engine.counters).toMatchObject({ unsent: 1, framesSent: 2 });
    expect(engine.status(1300).pendingUnreliable).toBe(0);
  });
});

describe("while not connected", () => {
  test("nothing leaves and nothing is due; reliable messages wait, unreliable ones are dropped and counted", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true });
    expect(engine.send(Uint8Array.of(1), { flags: Reliable | NoNagle }, 0)).toEqual({ ok: true, number: 1 });
    expect(engine.send(Uint8Array.of(2), { flags: NoNagle }, 0)).toEqual({ ok: true, number: 2 });
    expect(engine.nextDeadline(10_000)).toBe(Infinity);
    expect(pullAll(engine, 10_000, BUDGET)).toEqual([]);
    expect(engine.counters.unsent).toBe(1);
    expect([engine.drained, engine.hasUnacked]).toEqual([false, true]);
    engine.setConnected(true);
    expect(leaving(engine, 10_000).map(({ number, payload }) => [number, payload[0]])).toEqual([[1, 1]]);
  });

  test("an interruption holds everything up again", () => {
    const engine = connected();
    engine.setConnected(false);
    engine.send(pattern(10), { flags: Reliable | NoNagle }, 100);
    expect([engine.nextDeadline(100), leaving(engine, 100)]).toEqual([Infinity, []]);
    engine.setConnected(true);
    expect(leaving(engine, 101).length).toBe(1);
  });

  test("forceReliable makes every message reliable, and nothing else of it is kept, until connected", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true, forceReliable: true });
    expect(engine.send(pattern(1), { flags: 0 }, 0).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: NoDelay | NoNagle }, 0).ok).toBe(true);
    engine.setConnected(true);
    expect(engine.send(pattern(1), { flags: NoNagle }, 0).ok).toBe(true);
    expect(leaving(engine, 0).map(({ flags, sequence }) => [flags, sequence])).toEqual([
      [Reliable, 1],
      [Reliable, 2],
      [NoNagle, 0],
    ]);
    expect(engine.counters.unsent).toBe(0);
  });
});

describe("large unreliable messages", () => {
  test("above 16,500 bytes are made reliable", () => {
    const pair = new Pair();
    pair.a.send(16_500, { flags: NoNagle }, 0);
    pair.a.send(16_501, { flags: NoNagle }, 0);
    pair.run(10);
    expect(pair.b.received.map(({ payload, reliable }) => [payload.length, reliable])).toEqual([
      [16_500, false],
      [16_501, true],
    ]);
    expect(pair.b.received[1]?.payload).toEqual(pattern(16_501));
  });

  test("and so are those that one frame cannot carry", () => {
    const engine = connected({ maxPayload: 1000 });
    engine.send(pattern(1000), {}, 0);
    engine.send(pattern(1001), {}, 0);
    expect(leaving(engine, 5).map(({ flags, payload }) => [flags, payload.length])).toEqual([
      [0, 1000],
      [Reliable | More, 1000],
      [Reliable, 1],
    ]);
  });
});

describe("pull", () => {
  test("keeps the batch within its budget, what was in it before included", () => {
    const engine = connected();
    for (let i = 0; i < 10; i++) engine.send(pattern(76), { flags: NoNagle }, 0); // frames of 100 bytes
    const writer = new FrameWriter();
    writer.reserve(60);
    expect(engine.pull(writer, 0, 300)).toBe(true);
    expect(writer.length).toBe(260);
    writer.clear();
    expect(engine.pull(writer, 0, 800)).toBe(false);
    expect(writer.length).toBe(800);
  });

  test("a frame above the budget travels alone", () => {
    const engine = connected();
    engine.send(pattern(500), { flags: NoNagle }, 0);
    engine.send(pattern(500), { flags: NoNagle }, 0);
    const batches = pullAll(engine, 0, 100);
    expect(batches.map((batch) => batch.length)).toEqual([524, 524]);
    const writer = new FrameWriter();
    engine.send(pattern(500), { flags: NoNagle }, 0);
    writer.reserve(1);
    expect(engine.pull(writer, 0, 100)).toBe(true);
    expect(writer.length).toBe(1);
  });

  test("acknowledgements come first, then probes, then data", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true });
    engine.setConnected(true);
    engine.send(pattern(10), { flags: NoNagle }, 0);
    expect(framesOf(pullAll(engine, 0, BUDGET)[0] ?? new Uint8Array()).kinds).toBe("apd");
  });

  test("a paced sender keeps to its rate and says when it goes on", () => {
    const pair = new Pair({ engine: { sendRate: 100_000, segmentSize: 1000 }, network: { lagMs: 5 } });
    pair.a.send(200_000, { flags: Reliable }, 0);
    const took = pair.until(() => pair.b.received.length === 1, 10_000);
    expect(took).toBeGreaterThan(1950);
    expect(took).toBeLessThan(2150);
  });
});
