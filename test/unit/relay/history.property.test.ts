/**
 * Whatever befalls a room, its history adds up: the sum over all hours is what the counters have grown by, after an
 * eviction, a crash, a failing disk and with any clock; and where the clock only goes forward and nothing crashes, each
 * minute and each hour has what happened in it.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionType, type PeerId } from "../../../src/protocol/index.ts";
import { DAY, HOUR, type HistoryBucket, MINUTE, beginningOf } from "../../../src/relay/history/bucket.ts";
import { ALICE, BOB, CAROL, type TestPeer, TestRoom, frames } from "../../support/room.ts";

class World {
  readonly room = new TestRoom({ checks: false, settings: { graceMs: 2_000 } });
  readonly peers = new Map<PeerId, TestPeer>();
  /** Packets by ms. */
  readonly sent: { at: number; packets: number; bytes: number; drops: number }[] = [];

  of(id: PeerId): TestPeer {
    const known = this.peers.get(id);
    if (known && !known.isGone && !known.socket.closed) return known;
    const peer = this.room.join(id);
    this.peers.set(id, peer);
    return peer;
  }

  /** A message from one of the three to another, over a connection that is there afterwards. */
  relay(from: PeerId, to: PeerId, packets: number): void {
    const [a, b] = [this.of(from), this.of(to)];
    const type = ConnectionType.NetworkingMessages;
    a.take();
    const handle = a.connect(b, { type });
    b.accept(handle);
    const before = this.room.statistics;
    a.send(...Array.from({ length: packets }, () => frames.data(handle, "abc")), frames.data(99, "lost"));
    const { totalPackets, totalBytes, drops } = this.room.statistics;
    this.sent.push({
      at: this.room.now,
      packets: totalPackets - before.totalPackets,
      bytes: totalBytes - before.totalBytes,
      drops: drops.unknown_handle - before.drops.unknown_handle,
    });
  }

  history(resolution: "minute" | "hour", now = this.room.now): HistoryBucket[] {
    return this.room.room.history({ resolution, from: -Infinity, to: Infinity }, now);
  }
}

interface Step {
  readonly name: string;
  run(world: World): void;
}

const step = (name: string, run: (world: World) => void): Step =>
  ({ name, run, [fc.toStringMethod]: () => name }) as Step;

const traffic = fc
  .tuple(fc.constantFrom([ALICE, BOB] as const, [BOB, CAROL] as const, [CAROL, ALICE] as const), fc.nat(3))
  .map(([[a, b], packets]) => step(`${a} to ${b}: ${packets}`, (world) => world.relay(a, b, packets)));
const leaving = fc.constantFrom(ALICE, BOB, CAROL).map((id) => step(`${id} leaves`, (world) => world.of(id).bye()));
const passing = fc
  .oneof(fc.integer({ min: 1, max: 90_000 }), fc.constantFrom(HOUR, 7 * HOUR, 26 * HOUR, 2 * DAY))
  .map((ms) => step(`${ms} ms pass`, (world) => world.room.advance(ms)));
const evicted = fc.constant(step("evicted", (world) => world.room.evict()));
const crashed = fc.constant(step("crashed", (world) => world.room.crash()));
const back = fc.integer({ min: 1, max: 3 * DAY }).map((ms) => step(`back by ${ms} ms`, ({ room }) => (room.now -= ms)));
const failing = fc.boolean().map((isOn) =>
  step(`disk ${isOn ? "fails" : "works"}`, ({ room: { store } }) => {
    if (isOn) store.failing.add("saveCounters");
    else store.failing.delete("saveCounters");
  }),
);

const always = [
  { weight: 6, arbitrary: traffic },
  { weight: 1, arbitrary: leaving },
  { weight: 4, arbitrary: passing },
  { weight: 2, arbitrary: evicted },
];

/** At most 12 leaps of two days: nothing is as old as to be forgotten. */
const steps = (...more: { weight: number; arbitrary: fc.Arbitrary<Step> }[]) =>
  fc.array(fc.oneof(...always, ...more), { minLength: 1, maxLength: 12 });

function sums(buckets: readonly HistoryBucket[]) {
  const sum = (of: (bucket: HistoryBucket) => number) => buckets.reduce((total, bucket) => total + of(bucket), 0);
  return {
    packets: sum(({ packets }) => packets),
    bytes: sum(({ bytes }) => bytes),
    messages: sum(({ messages }) => messages),
    joins: sum(({ joins }) => joins),
    opened: sum(({ opened }) => opened),
    unknown_handle: sum(({ drops }) => drops.unknown_handle ?? 0),
  };
}

function counted({ room }: World) {
  const { totalPackets, totalBytes, messages, joins, families, drops } = room.statistics;
  const opened = Object.values(families).reduce((sum, family) => sum + family.opened, 0);
  const { unknown_handle } = drops;
  return { packets: totalPackets, bytes: totalBytes, messages, joins, opened, unknown_handle };
}

test("the sum over all hours is what the counters have grown by, whatever happens", () => {
  const all = steps(
    { weight: 1, arbitrary: crashed },
    { weight: 1, arbitrary: back },
    { weight: 1, arbitrary: failing },
  );
  fc.assert(
    fc.property(all, (list) => {
      const world = new World();
      let latest = world.room.now;
      for (const each of list) {
        each.run(world);
        latest = Math.max(latest, world.room.now);
        expect(sums(world.history("hour", latest))).toEqual(counted(world));
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("each minute and each hour has what happened in it", () => {
  fc.assert(
    fc.property(steps(), (list) => {
      const world = new World();
      for (const each of list) each.run(world);
      for (const [resolution, span, reach] of [
        ["minute", MINUTE, DAY],
        ["hour", HOUR, 30 * DAY],
      ] as const) {
        const since = beginningOf(world.room.now, span) - reach;
        const expected = new Map<number, number[]>();
        for (const { at, packets, bytes, drops } of world.sent) {
          const beginning = beginningOf(at, span);
          const sum = expected.get(beginning) ?? [0, 0, 0];
          if (beginning >= since) expected.set(beginning, [sum[0]! + packets, sum[1]! + bytes, sum[2]! + drops]);
        }
        const found = world.history(resolution).map(({ at, packets, bytes, drops }) => {
          return [at, [packets, bytes, drops.unknown_handle ?? 0]] as const;
        });
        expect(found.filter(([, [packets, , drops]]) => packets! + drops! > 0)).toEqual([...expected]);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
