import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventQueue } from "../../../../bench/simulation/event-queue.ts";

function drain(queue: EventQueue): [at: number, event: number][] {
  const taken: [number, number][] = [];
  for (let at = queue.nextAt, event = queue.take(); event !== undefined; at = queue.nextAt, event = queue.take()) {
    taken.push([at, event]);
  }
  return taken;
}

describe("the event queue", () => {
  test("gives events by their time, and those of one moment as they were added", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 200 }), (times) => {
        const queue = new EventQueue();
        times.forEach((at, event) => queue.add(at, event));
        const sorted = times.map((at, event): [number, number] => [at, event]).toSorted(([a], [b]) => a - b);
        expect(drain(queue)).toEqual(sorted);
      }),
    );
  });

  test("takes events while it is emptied", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 100 }), (steps) => {
        const queue = new EventQueue();
        const model: [number, number][] = [];
        steps.forEach(([at, isTaken], event) => {
          queue.add(at, event);
          model.push([at, event]);
          model.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          if (!isTaken) return;
          expect(queue.nextAt).toBe(model[0]?.[0]);
          expect(queue.take()).toBe(model.shift()?.[1]);
        });
        expect(queue.size).toBe(model.length);
        expect(drain(queue)).toEqual(model);
      }),
    );
  });

  test("an empty one has no next event", () => {
    const queue = new EventQueue();
    expect([queue.nextAt, queue.take(), queue.size]).toEqual([Infinity, undefined, 0]);
    expect(() => queue.add(Number.NaN, 1)).toThrow("an event needs a time");
  });
});
