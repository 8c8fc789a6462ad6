/** Not reading, pretending to have read, and frames that no rate of payload counts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionType, encodeControl } from "../../../src/protocol/index.ts";
import { ackFrame, batch, dataFrame, probeFrame } from "../../support/frames.ts";
import type { Attacker } from "./attacker.ts";
import { GROWTH_MIB, Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

/** Connected, and `reader` gives no credit. */
async function stalledPair(room = siege): Promise<{ sender: Attacker; reader: Attacker; handle: number }> {
  const peer = room.newPeer();
  const [sender, reader] = [await room.attacker(), await room.attacker({ peer, credits: false })];
  const values = { request: 1, connectionType: ConnectionType.NetworkingMessages, peer, virtualPort: -1 };
  sender.control("connect", { ...values, channel: 0, timeoutMs: 0 });
  const { handle } = await sender.next("connecting");
  await reader.next("incoming");
  reader.control("accept", { handle });
  await Promise.all([sender.next("state"), reader.next("state")]);
  return { sender, reader, handle };
}

/** 4 MiB of unreliable data, 16 KiB at a time. */
async function pour(sender: Attacker, handle: number): Promise<void> {
  const payload = new Uint8Array(16 * 1024);
  for (let i = 0; i < 64; i++) {
    sender.send(batch(...[0, 1, 2, 3].map((at) => dataFrame({ handle, payload, number: 1 + i * 4 + at }))));
  }
  await sender.settled();
}

describe("[F5] credit that was not earned", () => {
  test.each([
    ["0", [0]],
    ["the largest number", [0xffff_ffff]],
    ["1,000 guesses", Array.from({ length: 1_000 }, (_, index) => index * 4_294_967)],
  ])("%s is unknown_mark, and makes no room", (_, marks) =>
    siege.withstand({ refusals: { unknown_mark: marks.length }, drops: { peer_stalled: 1 } }, async () => {
      const before = (await siege.statistics()).refusals.unknown_mark;
      const { sender, reader, handle } = await stalledPair();
      await pour(sender, handle);
      reader.send(batch(...marks.map((mark) => encodeControl("credit", { mark }))));
      // The answer waits behind what the reader has not credited, as does all the rest: the counter tells.
      await until(async () => (await siege.statistics()).refusals.unknown_mark >= before + marks.length);
      expect(reader.frames.filter(({ data }) => data).length).toBeLessThan(64);
      expect(reader.errors()).toEqual([]);
      expect(reader.closing).toBeUndefined();
    }),
  );

  test("a credit repeated 1,000 times counts once", () =>
    siege.withstand({ refusals: { unknown_mark: 999 }, drops: { peer_stalled: 1 } }, async () => {
      const before = (await siege.statistics()).refusals.unknown_mark;
      const { sender, reader, handle } = await stalledPair();
      await pour(sender, handle);
      const mark = await reader.until("mark", () => reader.marks[0]);
      const credit = encodeControl("credit", { mark });
      reader.send(batch(...Array.from({ length: 1_000 }, () => credit)));
      await until(async () => (await siege.statistics()).refusals.unknown_mark === before + 999);
      expect(reader.closing).toBeUndefined();
    }));

  test("a mark that was credited, and those before it, are worth nothing any more", () =>
    siege.withstand({ refusals: { unknown_mark: 2 }, drops: { peer_stalled: 1 } }, async () => {
      const before = (await siege.statistics()).refusals.unknown_mark;
      const { sender, reader, handle } = await stalledPair();
      await pour(sender, handle);
      await reader.until("marks", () => reader.marks.length >= 3);
      const [first, second, third] = reader.marks;
      for (const mark of [third, second, first]) reader.control("credit", { mark: mark! });
      await until(async () => (await siege.statistics()).refusals.unknown_mark === before + 2);
      expect(reader.closing).toBeUndefined();
    }));
});

describe("not reading", () => {
  test(
    "[F2][F3][F4] a reader that stops: unreliable data is dropped as peer_stalled, and 4009 after 20 s",
    () =>
      siege.withstand({ drops: { peer_stalled: 100 } }, async () => {
        const { sender, reader, handle } = await stalledPair();
        reader.tcp.pause();
        await pour(sender, handle);
        expect(sender.all("path").length).toBeGreaterThanOrEqual(1);
        await until(async () => (await siege.statistics()).peers === 3);
        reader.tcp.resume();
        await reader.cutOff(4009);
      }),
    60_000,
  );

  test(
    "[E1][F4] spraying errors at oneself without reading them: closed with 4009, not remembered",
    () =>
      siege.withstand({ refusals: { unknown_handle: 50_000 } }, async () => {
        const attacker = await siege.attacker({ credits: false });
        attacker.tcp.pause();
        const accept = encodeControl("accept", { handle: 0 });
        const message = batch(...Array.from({ length: 100 }, () => accept));
        // Within the rate of messages: each is answered with 16 errors of some 120 bytes.
        for (let second = 0; second < 4; second++) {
          for (let i = 0; i < 900; i++) attacker.send(message);
          await new Promise((resolve) => setTimeout(resolve, 1_000));
        }
        await until(async () => (await siege.statistics()).peers === 2);
        attacker.tcp.resume();
        await attacker.cutOff(4009);
      }),
    60_000,
  );

  test("[C14][F2] connects for others to hear, from one that never reads its answers", () =>
    siege.withstand({ refusals: { flooding: 1 } }, async () => {
      const attacker = await siege.attacker({ credits: false });
      attacker.tcp.pause();
      const values = { connectionType: 2, peer: siege.bystanders.peers[1]!, virtualPort: 77, channel: 0, timeoutMs: 0 };
      const connects = Array.from({ length: 2_000 }, (_, request) => encodeControl("connect", { ...values, request }));
      attacker.send(batch(...connects));
      await until(async () => (await siege.statistics()).peers === 2);
      attacker.tcp.resume();
      await attacker.cutOff(4010);
    }));
});

describe("what is no payload", () => {
  test("[L1] 40,000 acks and probes in a message are bytes like others: flooding, at twice the burst", async () => {
    // At the usual rate a machine with other things to do takes them in no faster than they may come.
    await using slow = await Siege.start({ bytesPerSecond: 512 * 1024 });
    const attack = async (): Promise<void> => {
      const { sender, reader, handle } = await stalledPair(slow);
      reader.credits = true;
      const ack = ackFrame({ handle, lane: 255, cumulative: 0xffff_ffff, selective: 0xffff_ffff, window: 0 });
      const probe = probeFrame({ handle, answer: true, stamp: 0, quality: 0, jitter: 0 });
      const message = batch(...Array.from({ length: 20_000 }, () => batch(ack, probe)));
      // More than the four seconds' worth that ends it, but not by far: what a runtime has read and not handed on is its own.
      for (let i = 0; i < 12 && !sender.closing; i++) {
        sender.send(message);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await sender.cutOff(4010);
      reader.destroy();
    };
    // What came in one breath goes out again before any of it is collected.
    await slow.withstand({ refusals: { flooding: 1 } }, attack, GROWTH_MIB + 64);
  });

  test("[F2] acks to one that does not read are bounded like data, though nobody counts them", () =>
    siege.withstand({}, async () => {
      const { sender, reader, handle } = await stalledPair();
      reader.tcp.pause();
      const ack = ackFrame({ handle, lane: 0, cumulative: 0, selective: 0, window: 0 });
      const message = batch(...Array.from({ length: 10_000 }, () => ack));
      for (let i = 0; i < 40; i++) sender.send(message);
      await sender.settled();
      expect(sender.closing).toBeUndefined();
    }));
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 45_000; !(await isTrue());) {
    if (Date.now() > deadline) throw new Error("it did not become true within 45 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
