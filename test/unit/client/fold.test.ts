/** Equal messages to several connections travel to the relay once (rule D4). */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold } from "../../../src/client/multicast/fold.ts";
import { FrameType, MAX_MULTICAST } from "../../../src/protocol/index.ts";
import { type WalkedFrame, ackFrame, batch, dataFrame, walk } from "../../support/frames.ts";

const hello = new TextEncoder().encode("hello");
const to = (handle: number, payload: Uint8Array = hello, number = 1) => dataFrame({ handle, payload, number });

/** What the relay makes of it: each connection's data frames in order, a multicast as one to each target. */
function unfolded(bytes: Uint8Array): Map<number, unknown[]> {
  const byHandle = new Map<number, unknown[]>();
  const add = (handle: number, frame: unknown): void => {
    byHandle.set(handle, [...(byHandle.get(handle) ?? []), frame]);
  };
  for (const { flags, lane, data, multicast } of walk(bytes)) {
    if (data) add(data.handle, data);
    for (const target of multicast?.targets ?? []) {
      const { channel, payload } = multicast as NonNullable<WalkedFrame["multicast"]>;
      add(target.handle, { flags, lane, channel, ...target, payload });
    }
  }
  return byHandle;
}

const acksOf = (bytes: Uint8Array) => walk(bytes).flatMap(({ ack }) => (ack ? [ack] : []));
const typesOf = (bytes: Uint8Array): number[] => walk(bytes).map(({ type }) => type);

describe("fold", () => {
  test("one payload to many connections is one frame", () => {
    const folded = fold(batch(...Array.from({ length: 7 }, (_, i) => to(i + 1))));
    expect(typesOf(folded)).toEqual([FrameType.Multicast]);
    expect(walk(folded)[0]?.multicast?.targets.map(({ handle }) => handle)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(folded.length).toBe(16 + 7 * 12 + 5);
  });

  test("what is alike only in part stays as it is, the very same bytes", () => {
    const message = batch(
      to(1),
      to(2, new TextEncoder().encode("hellO")),
      dataFrame({ handle: 3, payload: hello, lane: 1 }),
      dataFrame({ handle: 4, payload: hello, flags: 1 }),
      dataFrame({ handle: 5, payload: hello, channel: 2 }),
      to(6, hello.subarray(1)),
    );
    expect(fold(message)).toBe(message);
  });

  test("two to the same connection stay two, and in order", () => {
    const message = batch(to(1, hello, 1), to(1, hello, 2), to(2, hello, 1), to(2, hello, 2));
    expect(walk(fold(message)).map(({ multicast }) => multicast?.targets)).toEqual([
      [1, 2].map((handle) => ({ handle, number: 1, sequence: 0 })),
      [1, 2].map((handle) => ({ handle, number: 2, sequence: 0 })),
    ]);
  });

  test("none overtakes another of its connection", () => {
    const other = new TextEncoder().encode("other");
    const message = batch(to(1, hello, 1), to(2, other, 1), to(2, hello, 2), to(3, other, 1));
    expect(unfolded(fold(message))).toEqual(unfolded(message));
    expect(typesOf(fold(message))).toEqual([FrameType.Data, FrameType.Multicast, FrameType.Data]);
  });

  test("no more targets than a multicast may have", () => {
    const folded = fold(batch(...Array.from({ length: MAX_MULTICAST + 3 }, (_, i) => to(i + 1))));
    expect(walk(folded).map(({ multicast }) => multicast?.targets.length)).toEqual([MAX_MULTICAST, 3]);
  });

  test("whatever is in a batch, every connection gets the same in the same order, and the rest stays in its order", () => {
    const data = fc
      .record({
        handle: fc.integer({ min: 1, max: 5 }),
        flags: fc.constantFrom(0, 1, 9),
        lane: fc.nat(1),
        channel: fc.constantFrom(0, -1),
        payload: fc
          .constantFrom("", "a", "b", "a long one ".repeat(20))
          .map((value) => new TextEncoder().encode(value)),
      })
      .map((frame) => dataFrame(frame));
    const ack = fc.nat(5).map((handle) => ackFrame({ handle, lane: 0, cumulative: 1, selective: 0, window: 2 }));
    const frames = fc.array(fc.oneof({ weight: 6, arbitrary: data }, { weight: 1, arbitrary: ack }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(frames, (list) => {
        const message = batch(...list);
        const folded = fold(message);
        expect(unfolded(folded)).toEqual(unfolded(message));
        expect(acksOf(folded)).toEqual(acksOf(message));
        expect(folded.length).toBeLessThanOrEqual(message.length);
      }),
      { numRuns: 500 },
    );
  });
});
