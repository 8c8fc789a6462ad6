/** Holding sockets: without a hello, without answering a close, and without an end. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_SOCKETS_PER_PEER } from "../../../src/relay/settings.ts";
import { capabilities } from "../capabilities.ts";
import type { Attacker } from "./attacker.ts";
import { GROWTH_MIB, Siege } from "./siege.ts";
import { Opcode, webSocketFrame } from "./web-socket.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

/** Two knocks more than a peer may have sockets, the last of which must be refused. */
async function expectBound(peer: bigint, knock: () => Promise<Attacker>): Promise<Attacker[]> {
  const sockets: Attacker[] = [];
  for (let i = 0; i < MAX_SOCKETS_PER_PEER; i++) sockets.push(await knock());
  expect(sockets.map(({ response }) => response.status)).toEqual(sockets.map(() => 101));
  for (let i = 0; i < 2; i++) {
    const { response } = await siege.knock({ peer });
    expect([response.status, response.code]).toEqual([429, "too_many_sockets"]);
    expect(Number(response.header("retry-after"))).toBeGreaterThan(0);
  }
  return sockets;
}

describe("[L5] sockets of one peer", () => {
  const { endsClosedSockets } = capabilities;

  test("a peer that supersedes itself and never answers a close has 32 sockets, and no 33rd", () =>
    siege.withstand({ joinRefusals: { too_many_sockets: endsClosedSockets ? 0 : 2 } }, async () => {
      const peer = siege.newPeer();
      if (endsClosedSockets) {
        const attacker = await siege.attacker({ peer });
        return expectEnded(attacker, 4003, () => siege.attacker({ peer }));
      }
      const sockets = await expectBound(peer, () => siege.attacker({ peer }));
      const [oldest] = sockets;
      expect((await oldest!.closed()).code).toBe(4003);
      expect(oldest!.isGone).toBe(false);
      // One that is gone makes room for one: a peer is not locked out for longer than its sockets last.
      oldest!.destroy();
      await admitted(peer);
    }));

  test("[S2] guests that never say hello, but ping: 32 of them, and all closed with 4002 in the end", () =>
    siege.withstand(
      { refusals: { hello_timeout: MAX_SOCKETS_PER_PEER }, joinRefusals: { too_many_sockets: 2 } },
      async () => {
        const peer = siege.newPeer();
        const guests = await expectBound(peer, () => siege.knock({ peer }));
        const ping = webSocketFrame({ opcode: Opcode.Text, payload: Buffer.from("ping") });
        const timer = setInterval(() => guests.forEach((guest) => guest.write(ping)), 250);
        try {
          const closings = await Promise.all(guests.map((guest) => guest.closed()));
          expect(closings).toEqual(guests.map(() => ({ code: 4002, reason: "hello_timeout" })));
        } finally {
          clearInterval(timer);
        }
        expect(await guests[0]!.error()).toBe("hello_timeout");
        expect(guests[0]!.texts[0]).toBe("pong");
      },
    ));

  test("a broken session that is not closed on the other side is one of the 32, too", () =>
    siege.withstand({ refusals: { text_message: endsClosedSockets ? 1 : MAX_SOCKETS_PER_PEER } }, async () => {
      const peer = siege.newPeer();
      const text = webSocketFrame({ opcode: Opcode.Text, payload: Buffer.from("hello?") });
      if (endsClosedSockets) {
        const attacker = await siege.attacker({ peer });
        return expectEnded(attacker, 4001, () => attacker.write(text));
      }
      await expectBound(peer, async () => {
        const attacker = await siege.attacker({ peer });
        attacker.write(text);
        expect((await attacker.closed()).code).toBe(4001);
        return attacker;
      });
    }));
});

test("1,000 guests of 1,000 peers that never say hello cost what 1,000 sockets cost", () =>
  siege.withstand(
    {},
    async () => {
      for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 50 }, () => siege.knock()));
      expect((await siege.statistics()).peers).toBe(2);
    },
    // About 120 KiB each: the platform's, worker and object together, before the relay has allocated anything.
    GROWTH_MIB + 160,
  ));

/** After what `cause` does the relay closes this socket, and it is gone without an answer: there is nothing to count. */
async function expectEnded(attacker: Attacker, code: number, cause: () => unknown): Promise<void> {
  await cause();
  expect((await attacker.closed()).code).toBe(code);
  await attacker.until("end of the connection", () => attacker.isGone);
}

async function admitted(peer: bigint): Promise<void> {
  for (;;) {
    const { response } = await siege.knock({ peer });
    if (response.status === 101) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
