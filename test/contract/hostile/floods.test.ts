/** Too much of everything that is allowed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionType, encodeControl } from "../../../src/protocol/index.ts";
import { batch, dataFrame, multicastFrame } from "../../support/frames.ts";
import type { Attacker } from "./attacker.ts";
import { GROWTH_MIB, Siege } from "./siege.ts";
import { Opcode, webSocketFrame } from "./web-socket.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start({ connectTimeoutMs: 2_000 });
});
afterAll(() => siege[Symbol.asyncDispose]());

function connectTo(peer: bigint, request: number): Uint8Array {
  const values = { request, connectionType: ConnectionType.NetworkingMessages, peer, virtualPort: -1 };
  return encodeControl("connect", { ...values, channel: 0, timeoutMs: 0 });
}

/** Two attackers with an open connection between them; the second stands for any accomplice or victim. */
async function pair(): Promise<{ from: Attacker; to: Attacker; handle: number }> {
  const peer = siege.newPeer();
  const [from, to] = [await siege.attacker(), await siege.attacker({ peer })];
  from.send(connectTo(peer, 1));
  const { handle } = await from.next("connecting");
  await to.next("incoming");
  to.control("accept", { handle });
  await Promise.all([from.next("state"), to.next("state")]);
  return { from, to, handle };
}

describe("connects", () => {
  test("[C14] 10,000 in one message: 256 are made, 999 refused, then the session ends with flooding", () =>
    siege.withstand({ refusals: { rate_limited: 999, flooding: 1 } }, async () => {
      const attacker = await siege.attacker();
      attacker.send(batch(...Array.from({ length: 10_000 }, (_, index) => connectTo(BigInt(index + 1), index))));
      expect(await attacker.closed()).toEqual({ code: 4010, reason: "flooding" });
      expect(attacker.all("connecting").length).toBe(256);
      expect(attacker.errors().filter((name) => name === "rate_limited").length).toBe(999);
      expect(attacker.errors().at(-1)).toBe("flooding");
    }));

  test("[C14] 10,000 in 100 messages: the same end, and every connect before it is answered", () =>
    siege.withstand({ refusals: { rate_limited: 999, flooding: 1 } }, async () => {
      const attacker = await siege.attacker();
      for (let message = 0; message < 100; message++) {
        attacker.send(batch(...Array.from({ length: 100 }, (_, at) => connectTo(BigInt(message * 100 + at + 1), at))));
      }
      expect((await attacker.closed()).code).toBe(4010);
      // The rate goes on while they come in, so a few more than the burst may be made.
      expect(attacker.all("connecting").length).toBeGreaterThanOrEqual(256);
      expect(attacker.all("connecting").length).toBeLessThan(2_000);
    }));

  test("[C14][C1] one connect to a bystander, 5,000 times: the bystander's own play is not held up", () =>
    siege.withstand({ refusals: { flooding: 1 } }, async () => {
      const attacker = await siege.attacker();
      const again = connectTo(siege.bystanders.peers[0]!, 7);
      attacker.send(batch(...Array.from({ length: 5_000 }, () => again)));
      expect((await attacker.closed()).code).toBe(4010);
      expect(new Set(attacker.all("connecting").map(({ handle }) => handle)).size).toBe(1);
    }));
});

describe("messages", () => {
  test("[L1] 20,000 messages at once: unreliable data is dropped, then the session ends with flooding", () =>
    siege.withstand({ drops: { rate_limited: 1 }, refusals: { rate_limited: 1, flooding: 1 } }, async () => {
      const { from, handle } = await pair();
      const message = webSocketFrame({
        opcode: Opcode.Binary,
        payload: dataFrame({ handle, payload: new Uint8Array(8) }),
      });
      from.write(Buffer.concat(Array.from({ length: 20_000 }, () => message)));
      await from.cutOff(4010);
      expect(from.errors()).toContain("rate_limited");
    }));

  test("[L1][Q3] 20,000 messages of quality at once: the session ends with flooding", () =>
    siege.withstand({ refusals: { flooding: 1 } }, async () => {
      const { from, handle } = await pair();
      const payload = encodeControl("quality", { handle, ping: 1, local: 1, remote: 1 });
      const message = webSocketFrame({ opcode: Opcode.Binary, payload });
      from.write(Buffer.concat(Array.from({ length: 20_000 }, () => message)));
      await from.cutOff(4010);
    }));

  test("[L1] 200 messages of 1 MiB at once: flooding", () =>
    siege.withstand(
      { refusals: { flooding: 1 } },
      async () => {
        const attacker = await siege.attacker();
        const bytes = new Uint8Array(1024 * 1024);
        for (let at = 0; at < bytes.length; at += 4096) {
          bytes[at] = 0x80;
          new DataView(bytes.buffer).setUint32(at + 4, 4096 - 8, true);
        }
        for (let i = 0; i < 200; i++) attacker.send(bytes);
        await attacker.cutOff(4010);
      },
      // Inbound messages are the platform's until they are collected, on Deno with a copy of each: 64 MiB, twice the burst,
      // may come in one breath.
      GROWTH_MIB + 128,
    ));

  test("[P8] a text flood: the first ends the session, the rest is not read", () =>
    siege.withstand({ refusals: { text_message: 1 } }, async () => {
      const before = (await siege.statistics()).refusals.text_message;
      const attacker = await siege.attacker();
      const text = webSocketFrame({ opcode: Opcode.Text, payload: Buffer.from("PING") });
      attacker.write(Buffer.concat(Array.from({ length: 20_000 }, () => text)));
      expect(await attacker.closed()).toEqual({ code: 4001, reason: "text_message" });
      expect((await siege.statistics()).refusals.text_message).toBe(before + 1);
    }));

  test("[H1] 20,000 keep-alives: each is answered by the platform, and none reaches the room", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker();
      const ping = webSocketFrame({ opcode: Opcode.Text, payload: Buffer.from("ping") });
      attacker.write(Buffer.concat(Array.from({ length: 20_000 }, () => ping)));
      await attacker.until("20,000 pongs", () => attacker.texts.length === 20_000);
      expect(new Set(attacker.texts)).toEqual(new Set(["pong"]));
      await attacker.settled();
    }));

  test("[H1] 20,000 WebSocket pings: the platform's business, and nobody else's", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker();
      const ping = webSocketFrame({ opcode: Opcode.Ping, payload: Buffer.from("anybody there?") });
      attacker.write(Buffer.concat(Array.from({ length: 20_000 }, () => ping)));
      await attacker.settled();
      expect(attacker.closing).toBeUndefined();
    }));
});

describe("multicast", () => {
  test("[D4] amplification: 1,024 targets of 64 KiB is payload_too_large, and nothing of it is relayed", () =>
    siege.withstand({ refusals: { payload_too_large: 1 }, drops: { payload_too_large: 1_024 } }, async () => {
      const { from, to, handle } = await pair();
      const targets = Array.from({ length: 1_024 }, () => ({ handle, number: 1, sequence: 0 }));
      from.send(multicastFrame({ targets, payload: new Uint8Array(65_536) }));
      expect(await from.error()).toBe("payload_too_large");
      expect(to.frames.some(({ data }) => data)).toBe(false);
    }));

  test("[D4] amplification by many small ones: 80 of 1,024 targets in a message share the 4 MiB", () =>
    siege.withstand({ refusals: { payload_too_large: 1 }, drops: { payload_too_large: 1 } }, async () => {
      const { from, to, handle } = await pair();
      const targets = Array.from({ length: 1_024 }, () => ({ handle, number: 1, sequence: 0 }));
      const one = multicastFrame({ targets, payload: new Uint8Array(100) });
      from.send(batch(...Array.from({ length: 80 }, () => one)));
      await from.settled();
      await to.settled();
      const relayed = to.frames.filter(({ data }) => data).length;
      expect(relayed * 124).toBeLessThanOrEqual(4 * 1024 * 1024);
    }));
});
