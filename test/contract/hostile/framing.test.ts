/**
 * Broken WebSocket frames. What RFC 6455 forbids the platform answers, with its own code and before the relay sees it, so
 * no counter moves for those; what it lets through the relay judges.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FrameType, HEADER_SIZE } from "../../../src/protocol/index.ts";
import { capabilities, needs } from "../capabilities.ts";
import type { Attacker } from "./attacker.ts";
import { GROWTH_MIB, Siege } from "./siege.ts";
import { type ForgedFrame, Opcode, closePayload, webSocketFrame } from "./web-socket.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

const { largestMessage, tolerates, namesViolations } = capabilities;
const MIB = 1024 * 1024;
/** What the platform takes in one message, and what of it is then copied for the relay. */
const MESSAGE_GROWTH = GROWTH_MIB + (2 * largestMessage) / MIB;
/** A frame of a type that is skipped (P4): a good message. */
const GOOD = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0);

async function strike(...frames: readonly ForgedFrame[]): Promise<Attacker> {
  const attacker = await siege.attacker();
  for (const frame of frames) attacker.write(webSocketFrame(frame));
  return attacker;
}

/** By the platform, before the relay has seen anything of it. */
async function expectRefused(attacker: Attacker, code: number): Promise<void> {
  if (namesViolations) {
    expect((await attacker.closed()).code).toBe(code);
  } else {
    await attacker.until("end of the connection", () => attacker.isGone);
    expect(attacker.all("bye")).toEqual([]);
  }
}

async function expectAnswered(attacker: Attacker): Promise<void> {
  await attacker.settled();
  expect(attacker.closing).toBeUndefined();
  expect(attacker.pongs.every(({ length }) => length <= 126)).toBe(true);
}

const FORBIDDEN: readonly (readonly [string, number, readonly ForgedFrame[]])[] = [
  ["RSV1, as if compressed, though compression is off", 1002, [{ opcode: Opcode.Binary, payload: GOOD, rsv: 4 }]],
  ["RSV2", 1002, [{ opcode: Opcode.Binary, payload: GOOD, rsv: 2 }]],
  ["RSV3", 1002, [{ opcode: Opcode.Binary, payload: GOOD, rsv: 1 }]],
  ["a data opcode that does not exist", 1002, [{ opcode: 3, payload: GOOD }]],
  ["a control opcode that does not exist", 1002, [{ opcode: 11, payload: GOOD }]],
  ["a ping in fragments", 1002, [{ opcode: Opcode.Ping, payload: GOOD, fin: false }]],
  ["a continuation of nothing", 1002, [{ opcode: Opcode.Continuation, payload: GOOD }]],
  [
    "a new message inside another",
    1002,
    [
      { opcode: Opcode.Binary, payload: GOOD, fin: false },
      { opcode: Opcode.Binary, payload: GOOD },
    ],
  ],
  ["a length of 4 GiB", 1009, [{ opcode: Opcode.Binary, payload: GOOD, length: 0x1_0000_0000n }]],
  ["a length of 2^64 - 1", 1009, [{ opcode: Opcode.Binary, payload: GOOD, length: 0xffff_ffff_ffff_ffffn }]],
];

describe("what RFC 6455 forbids", () => {
  test.each(FORBIDDEN)("[E2] %s closes with %i", (_, code, frames) =>
    siege.withstand({}, async () => expectRefused(await strike(...frames), code)),
  );

  test("a compressed bomb: 1 GiB of zeros as 1 MiB of deflate is refused at its first byte, with 1002", () =>
    siege.withstand({}, async () => {
      await expectRefused(await strike({ opcode: Opcode.Binary, payload: new Uint8Array(MIB), rsv: 4 }), 1002);
    }));

  test("[P3] an unmasked frame is refused, or read with the next bytes as its mask, and ends its sender only", () =>
    siege.withstand({ refusals: tolerates.has("unmasked") ? { truncated_batch: 1 } : {} }, async () => {
      const attacker = await strike({ opcode: Opcode.Binary, payload: new Uint8Array(7), masked: false });
      if (!tolerates.has("unmasked")) return expectRefused(attacker, 1002);
      expect((await attacker.closed()).code).toBe(4001);
      expect(await attacker.error()).toBe("truncated_batch");
    }));

  test("an HTTP request where frames should be is no frame, and wakes nobody", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker();
      attacker.write("GET /v1/apps/480/connect HTTP/1.1\r\nHost: relay\r\n\r\n");
      await siege.bystanders.check();
      expect(attacker.frames).toEqual([]);
    }));
});

describe("what not every platform forbids, and what RFC 6455 allows", () => {
  test("a control frame above 125 bytes: refused, or a pong of the same bytes, or none", () =>
    siege.withstand({}, async () => {
      const attacker = await strike({ opcode: Opcode.Ping, payload: new Uint8Array(126) });
      if (tolerates.has("long control frame")) await expectAnswered(attacker);
      else await expectRefused(attacker, 1002);
    }));

  test("a control frame with a 64-bit length: refused, or a pong of the same bytes, or none", () =>
    siege.withstand({}, async () => {
      const attacker = await strike({ opcode: Opcode.Ping, payload: GOOD, lengthBits: 64 });
      if (tolerates.has("padded length")) await expectAnswered(attacker);
      else await expectRefused(attacker, 1002);
    }));

  test("[P4] a message in 10,000 fragments of one byte is one message", () =>
    siege.withstand({ refusals: { unknown_frame: 1 } }, async () => {
      const body = Array.from({ length: 10_000 }, () => ({ opcode: 0, payload: new Uint8Array(1), fin: false }));
      const attacker = await strike({ opcode: Opcode.Binary, payload: Uint8Array.of(0x7f), fin: false }, ...body, {
        opcode: Opcode.Continuation,
        payload: new Uint8Array(HEADER_SIZE),
      });
      expect(await attacker.error()).toBe("unknown_frame");
      expect((await attacker.closed()).code).toBe(4001);
    }));

  test("[P8] invalid UTF-8 in a text message is refused, or a text message like any other", () =>
    siege.withstand({ refusals: tolerates.has("broken text") ? { text_message: 1 } : {} }, async () => {
      const attacker = await strike({ opcode: Opcode.Text, payload: Uint8Array.of(0xff, 0xfe, 0xc0) });
      if (!tolerates.has("broken text")) return expectRefused(attacker, 1007);
      expect(await attacker.error()).toBe("text_message");
      expect((await attacker.closed()).code).toBe(4001);
    }));
});

function inMessage(bytes: number): ForgedFrame {
  return { opcode: Opcode.Binary, payload: new Uint8Array(bytes) };
}

describe("large messages", () => {
  test("[P7] the largest message that the platform lets through is batch_too_large: 4006", () =>
    siege.withstand(
      { refusals: { batch_too_large: 1 } },
      async () => {
        const attacker = await strike(inMessage(largestMessage - 1_024));
        expect(await attacker.error()).toBe("batch_too_large");
        expect((await attacker.closed()).code).toBe(4006);
      },
      MESSAGE_GROWTH,
    ));

  test("[E2] a larger one is refused by the platform at its length: 1009", () =>
    siege.withstand({}, async () => expectRefused(await strike(inMessage(largestMessage + 1_024)), 1009)));

  test(
    "[E2] fragments without end are refused by the platform when they are as much: 1009",
    needs("boundsFragments"),
    () =>
      siege.withstand(
        {},
        async () => {
          const fragment = { payload: new Uint8Array(MIB), fin: false };
          const count = Math.ceil(largestMessage / MIB);
          const more = Array.from({ length: count }, () => ({ ...fragment, opcode: Opcode.Continuation }));
          await expectRefused(await strike({ ...fragment, opcode: Opcode.Binary }, ...more), 1009);
        },
        MESSAGE_GROWTH,
      ),
  );
});

describe("closing", () => {
  // What may not be sent is answered with no code, which reads as 1005 (S8), or refused.
  const answers = [
    [0, 1005],
    [999, 1005],
    [1004, 1005],
    [1005, 1005],
    [1006, 1005],
    [1015, 1005],
    [2999, 2999],
    [4001, 4001],
    [5000, 1005],
    [65_535, 1005],
  ] as const;

  test.each(answers)("[S8] a close with code %i is answered with %i, at once", (code, answer) =>
    siege.withstand({}, async () => {
      const attacker = await strike({ opcode: Opcode.Close, payload: closePayload(code, "x") });
      if (tolerates.has("close code") || code === 4001) expect((await attacker.closed()).code).toBe(answer);
      else await expectRefused(attacker, 1002);
      await attacker.until("end of the connection", () => attacker.isGone);
    }),
  );

  test("[S8] a close of one byte, and with a reason above 123 bytes", () =>
    siege.withstand({}, async () => {
      const short = await strike({ opcode: Opcode.Close, payload: Uint8Array.of(3) });
      if (tolerates.has("close code")) expect((await short.closed()).code).toBe(1005);
      else await expectRefused(short, 1002);
      const long = await strike({ opcode: Opcode.Close, payload: closePayload(1000, "x".repeat(10_000)) });
      if (!tolerates.has("long control frame")) return expectRefused(long, 1002);
      expect(await long.closed()).toEqual({ code: 1000, reason: "x".repeat(123) });
    }));

  test("[S8] a close with a reason of broken UTF-8", () =>
    siege.withstand({}, async () => {
      const broken = await strike({ opcode: Opcode.Close, payload: closePayload(1000, Uint8Array.of(0xff, 0xc0)) });
      if (!tolerates.has("broken text")) return expectRefused(broken, 1007);
      expect(await broken.closed()).toEqual({ code: 1000, reason: "\ufffd\ufffd" });
    }));

  test("[S6] frames behind a bye, and behind a close, are not read", () =>
    siege.withstand({}, async () => {
      const before = (await siege.statistics()).refusals.unknown_frame;
      const attacker = await siege.attacker();
      attacker.control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" });
      attacker.send(Uint8Array.of(FrameType.Hello - 1 + 0x70, 0, 0, 0, 0, 0, 0, 0));
      expect((await attacker.closed()).code).toBe(1000);
      expect((await siege.statistics()).refusals.unknown_frame).toBe(before);
    }));
});
