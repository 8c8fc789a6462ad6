import { describe, expect, test } from "vitest";
import type { Message } from "../../../src/client/engine/connection-engine.ts";
import { Inbox } from "../../../src/client/steam/inbox.ts";
import { MessageNumbers } from "../../../src/client/steam/networking-message.ts";
import type { SocketConnection } from "../../../src/client/steam/socket-connection.ts";

const inbox = (...waiting: [SocketConnection, number][]): Inbox => {
  const filled = new Inbox();
  for (const [connection, receivedAt] of waiting) filled.push({ connection, message: { receivedAt } as Message });
  return filled;
};
const taken = (from: Inbox, max: number, of?: SocketConnection): number[] =>
  from.take(max, of).map(({ message }) => message.receivedAt);

describe("MessageNumbers", () => {
  test("count on where the wire's 32 bits begin again, late ones included", () => {
    const numbers = new MessageNumbers();
    expect(numbers.expand(0, 1)).toBe(1n);
    for (const wire of [0x7fff_0000, 0xfffe_0000, 0xffff_ffff]) expect(numbers.expand(0, wire)).toBe(BigInt(wire));
    expect([0, 2, 0xffff_fffe, 3].map((wire) => numbers.expand(0, wire))).toEqual([
      0x1_0000_0000n,
      0x1_0000_0002n,
      0xffff_fffen,
      0x1_0000_0003n,
    ]);
    expect(numbers.expand(1, 1)).toBe(1n);
  });
});

describe("Inbox", () => {
  const a = { handle: 1 } as SocketConnection;
  const b = { handle: 2 } as SocketConnection;
  test("gives what is asked for and keeps the rest in order", () => {
    const group = inbox([a, 1], [b, 2], [a, 3], [b, 4], [a, 5]);
    expect([0, -1, Number.NaN].map((max) => taken(group, max))).toEqual([[], [], []]);
    expect(taken(group, 2, a)).toEqual([1, 3]);
    expect(taken(group, 1)).toEqual([2]);
    expect(taken(group, Infinity, b)).toEqual([4]);
    expect(taken(group, 9)).toEqual([5]);
  });

  test("takes over one connection's messages in the order of arrival", () => {
    const group = inbox([b, 2], [b, 4]);
    const own = inbox([a, 1], [a, 3], [a, 4]);
    group.moveFrom(own, a);
    expect([taken(own, 9), taken(group, 9)]).toEqual([[], [1, 2, 3, 4, 4]]);
  });
});
