/** Held (rule F3), and interruptions as a relay makes them: each end learns of them at another time (rules R4 to R6). */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectionEngine } from "../../../src/client/engine/connection-engine.ts";
import { NoDelay, NoNagle, Pair, Reliable, deliver, framesOf, header, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
const SEED = { seed: Number(process.env["ENGINE_SEED"] ?? 20261122), endOnFailure: true };

function held(): ConnectionEngine {
  const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true });
  engine.setConnected(true);
  pullAll(engine, 0, 64 * KIB);
  engine.setHeld(true);
  return engine;
}
const kinds = (engine: ConnectionEngine, now: number): string =>
  pullAll(engine, now, 64 * KIB)
    .map((batch) => framesOf(batch).kinds)
    .join("");

describe("held", () => {
  test("no data leaves, and none is due; reliable messages wait, unreliable ones are dropped", () => {
    const engine = held();
    expect(engine.send(pattern(1), { flags: Reliable | NoNagle }, 0).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: NoNagle }, 0).ok).toBe(true);
    expect(engine.send(pattern(1), { flags: NoDelay | NoNagle }, 0)).toEqual({ ok: false, reason: "Ignored" });
    expect(kinds(engine, 100)).not.toContain("d");
    expect(engine.nextDeadline(100)).toBeGreaterThan(1000);
    engine.setHeld(false);
    expect(kinds(engine, 101)).toBe("d");
    expect(engine.counters.unsent).toBe(1);
  });

  test("acknowledgements, answers and questions leave", () => {
    const engine = held();
    engine.receiveData(header({ flags: Reliable, sequence: 1 }), pattern(10), 0);
    expect(engine.nextDeadline(0)).toBeLessThanOrEqual(100);
    expect(kinds(engine, 100)).toContain("a");
    engine.receiveProbe({ handle: 7, answer: false, stamp: 5, quality: 0, jitter: 0 }, 200);
    expect(kinds(engine, 200)).toContain("p");
  });

  test("unreliable messages that wait already are dropped rather than late", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true });
    engine.setConnected(true);
    engine.send(pattern(1), {}, 0);
    engine.setHeld(true);
    engine.setHeld(false);
    expect(kinds(engine, 100)).not.toContain("d");
    expect([engine.counters.unsent, engine.status(0).pendingUnreliable]).toEqual([1, 0]);
  });

  test("does not make an engine connected, nor does its end", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true });
    engine.send(pattern(1), { flags: Reliable | NoNagle }, 0);
    for (const isHeld of [true, false]) {
      engine.setHeld(isHeld);
      expect([kinds(engine, 0), engine.nextDeadline(0)]).toEqual(["", Infinity]);
    }
  });

  test("forceReliable is for the time before the first connection only", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: true, forceReliable: true });
    engine.setConnected(true);
    engine.setHeld(true);
    engine.send(pattern(1), { flags: NoNagle }, 0);
    expect(engine.status(0).pendingReliable).toBe(0);
  });

  test("on a lossy way no timer runs out meanwhile", () => {
    const engine = new ConnectionEngine({ handle: 7, maxPayload: 1000, ordered: false });
    engine.setConnected(true);
    engine.send(pattern(10), { flags: Reliable | NoNagle }, 0);
    pullAll(engine, 0, 64 * KIB);
    engine.setHeld(true);
    for (let now = 0; now < 20_000; now += 100) expect(kinds(engine, now)).not.toContain("d");
    engine.setHeld(false);
    expect(kinds(engine, 20_000)).toContain("d");
  });
});

test("an acknowledgement from before an interruption, after the resync: nothing is lost or sent for nothing", () => {
  const pair = new Pair();
  for (let i = 0; i < 4; i++) pair.a.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, 0);
  const batches = pullAll(pair.a.engine, 0, 64 * KIB);
  for (const batch of batches) deliver(pair.b.engine, batch, 0);
  const acks = pullAll(pair.b.engine, 200, 64 * KIB);
  pair.a.engine.setConnected(false);
  for (const ack of acks) deliver(pair.a.engine, ack, 300); // it was there before the socket was lost
  pair.a.engine.setConnected(true);
  pair.a.engine.resync();
  expect(kinds(pair.a.engine, 300)).not.toContain("d");
  expect(pair.a.engine.drained).toBe(true);
});

interface Interruption {
  /** Whose socket is lost; held: nobody's, but `who` may not send. */
  readonly who: "a" | "b";
  readonly kind: "away" | "held" | "heldAndLost";
  /** ms until the other end is told, for which it goes on sending to nobody; until the resume; between the two ends. */
  readonly tellMs: number;
  readonly awayMs: number;
  readonly gapMs: number;
  readonly isOtherFirst: boolean;
  /** Messages that each end sends while it lasts. */
  readonly meanwhile: number;
}

const interruptions: fc.Arbitrary<Interruption> = fc.record({
  who: fc.constantFrom("a", "b"),
  kind: fc.constantFrom("away", "held", "heldAndLost"),
  tellMs: fc.integer({ min: 0, max: 200 }),
  awayMs: fc.integer({ min: 0, max: 3000 }),
  gapMs: fc.integer({ min: 0, max: 80 }),
  isOtherFirst: fc.boolean(),
  meanwhile: fc.integer({ min: 0, max: 6 }),
});
const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 60 * KIB })), {
  minLength: 1,
  maxLength: 12,
});

function open({ engine }: { engine: ConnectionEngine }): void {
  engine.setHeld(false);
  engine.setConnected(true);
  engine.resync();
}

test("R6: whatever is lost, and whoever learns of it first, reliable messages come once and in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(interruptions, fc.integer({ min: 0, max: 300 })), { minLength: 1, maxLength: 6 }),
      sizes,
      fc.integer({ min: 0, max: 80 }),
      (script, sizes, lagMs) => {
        const pair = new Pair({ network: { lagMs }, budget: 8 * KIB });
        const sent = { a: [] as number[], b: [] as number[] };
        let next = 0;
        const send = (from: "a" | "b"): void => {
          const size = sizes[next++ % sizes.length] ?? 0;
          const result = pair[from].send(size, { flags: Reliable | NoNagle }, pair.now);
          if (result.ok) sent[from].push(size);
        };
        for (const [{ who, kind, tellMs, awayMs, gapMs, isOtherFirst, meanwhile }, wait] of script) {
          const [end, other] = who === "a" ? [pair.a, pair.b] : [pair.b, pair.a];
          for (let i = 0; i < 3; i++) send(i % 2 === 0 ? "a" : "b");
          pair.run(wait);
          if (kind === "away") {
            end.out.cut();
            other.out.cut();
            end.engine.setConnected(false);
          } else {
            end.engine.setHeld(true);
          }
          for (let i = 0; i < meanwhile; i++) {
            send("a");
            send("b");
            pair.run(tellMs / 6);
            if (kind === "away") other.out.cut();
          }
          if (kind === "away") other.engine.setConnected(false);
          pair.run(awayMs);
          if (kind === "heldAndLost") end.out.cut();
          if (kind === "held") {
            end.engine.setHeld(false);
            continue;
          }
          open(isOtherFirst ? other : end);
          pair.run(gapMs);
          open(isOtherFirst ? end : other);
        }
        expect(pair.until(() => pair.a.engine.drained && pair.b.engine.drained, 60_000)).toBeDefined();
        for (const [from, to] of [
          ["a", pair.b],
          ["b", pair.a],
        ] as const) {
          expect(to.received.map(({ payload }) => payload.length)).toEqual(sent[from]);
          expect(to.received.map(({ number }) => number)).toEqual(sent[from].map((_, index) => index + 1));
          expect(to.violations).toEqual([]);
        }
      },
    ),
    { ...SEED, numRuns: 300 },
  );
}, 120_000);
