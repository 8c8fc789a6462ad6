import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventQueue } from "../../../src/client/simulator/event-queue.ts";
import { type NetworkConditions, SimulatedLink } from "../../../src/client/simulator/index.ts";

const COUNT = 10_000;

/** `count` datagrams, one per ms; what arrives, as [index, ms under way]. */
function pass(
  conditions: Partial<NetworkConditions>,
  count = COUNT,
  size = 4,
): { link: SimulatedLink; got: [number, number][] } {
  const link = new SimulatedLink(conditions);
  const got: [number, number][] = [];
  const receive = (until: number) => {
    for (let at = link.nextDeadline(); at <= until; at = link.nextDeadline()) {
      for (const datagram of link.receive(at)) {
        const index = new DataView(datagram.buffer).getUint32(0);
        got.push([index, at - index]);
      }
    }
  };
  for (let i = 0; i < count; i++) {
    receive(i);
    const datagram = new Uint8Array(size);
    new DataView(datagram.buffer).setUint32(0, i);
    link.send(datagram, i);
  }
  receive(1e9);
  return { link, got };
}

describe("EventQueue", () => {
  test("gives the earliest first, and equals in the order of adding", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (times) => {
        const queue = new EventQueue<number>();
        times.forEach((at, index) => queue.add(at, index));
        const expected = times.map((at, index) => ({ at, index })).toSorted((a, b) => a.at - b.at || a.index - b.index);
        for (const { at, index } of expected) {
          expect(queue.nextAt).toBe(at);
          expect(queue.take(at - 0.5)).toBeUndefined();
          expect(queue.take(at)).toBe(index);
        }
        expect([queue.nextAt, queue.length, queue.take(100)]).toEqual([Infinity, 0, undefined]);
      }),
    );
  });
});

describe("SimulatedLink", () => {
  test("a perfect one delivers everything at once, unchanged and in order", () => {
    const { got, link } = pass({});
    expect(got).toEqual(Array.from({ length: COUNT }, (_, index) => [index, 0]));
    expect(link.counters).toEqual({ sent: COUNT, delivered: COUNT, lost: 0, duplicated: 0, reordered: 0, cut: 0 });
  });

  test("lag delays everything by as much", () => {
    expect(pass({ lagMs: 33 }).got.every(([, took]) => took === 33)).toBe(true);
  });

  test("jitter delays by up to as much more, and keeps the order", () => {
    const { got } = pass({ lagMs: 10, jitterMs: 50 });
    expect(got.map(([index]) => index)).toEqual(Array.from({ length: COUNT }, (_, index) => index));
    const times = got.map(([, took]) => took);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...times)).toBeLessThanOrEqual(60);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(30);
  });

  test("loss loses about its share, and all of it at 100", () => {
    const { got, link } = pass({ loss: 20 });
    expect(got.length).toBeGreaterThan(7800);
    expect(got.length).toBeLessThan(8200);
    expect(link.counters.lost).toBe(COUNT - got.length);
    expect(pass({ loss: 100 }).got).toEqual([]);
  });

  test("duplicates arrive twice, the second later, and own their bytes", () => {
    const { got, link } = pass({ duplicatePercent: 25, reorderMs: 10 });
    expect(link.counters.duplicated).toBeGreaterThan(2300);
    expect(got.length).toBe(COUNT + link.counters.duplicated);
    expect(new Set(got.map(([index]) => index)).size).toBe(COUNT);
    const always = new SimulatedLink({ duplicatePercent: 100 });
    always.send(Uint8Array.of(1), 0);
    const [first, second] = [...always.receive(0), ...always.receive(1)];
    first?.fill(9);
    expect(second).toEqual(Uint8Array.of(1));
  });

  test("reordering holds some back while later ones pass", () => {
    const { got, link } = pass({ reorderPercent: 10, reorderMs: 5, lagMs: 20 });
    expect(got.length).toBe(COUNT);
    const late = got.filter(([, took]) => took === 25).length;
    expect(late).toBe(link.counters.reordered);
    expect(late).toBeGreaterThan(900);
    expect(late).toBeLessThan(1100);
    expect(got.filter(([, took]) => took === 20).length).toBe(COUNT - late);
  });

  test("a rate makes what comes faster wait its turn", () => {
    const { got } = pass({ rateBytesPerSecond: 50_000 }, 1000, 100); // 100 bytes per ms into 50
    expect(got.at(-1)?.[1]).toBeCloseTo(2000 - 999);
    expect(got[0]?.[1]).toBeCloseTo(2);
  });

  test("the same seed is the same network, another is another", () => {
    const conditions = { loss: 10, jitterMs: 10, reorderPercent: 10, reorderMs: 20, duplicatePercent: 10, seed: 5 };
    expect(pass(conditions).got).toEqual(pass(conditions).got);
    expect(pass(conditions).got).not.toEqual(pass({ ...conditions, seed: 6 }).got);
  });

  test("cut loses what is under way, and nothing after", () => {
    const link = new SimulatedLink({ lagMs: 100 });
    link.send(Uint8Array.of(1), 0);
    link.send(Uint8Array.of(2), 1);
    link.cut();
    expect([link.nextDeadline(), link.counters.cut]).toEqual([Infinity, 2]);
    link.send(Uint8Array.of(3), 5);
    expect(link.receive(104.9)).toEqual([]);
    expect(link.receive(105)).toEqual([Uint8Array.of(3)]);
  });

  test("conditions may change under way", () => {
    const link = new SimulatedLink();
    link.conditions = { ...link.conditions, loss: 100 };
    link.send(Uint8Array.of(1), 0);
    link.conditions = { ...link.conditions, loss: 0 };
    link.send(Uint8Array.of(2), 0);
    expect(link.receive(0)).toEqual([Uint8Array.of(2)]);
  });
});
