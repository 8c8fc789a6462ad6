/** How the room reads messages, and what it answers to broken ones (rules P1 to P10, E1 to E3). */
import { describe, expect, test } from "vitest";
import {
  CloseCode,
  DataFlag,
  ERRORS,
  EndReason,
  type ErrorName,
  FrameType,
  MAX_BATCH,
  errorName,
} from "../../../src/protocol/index.ts";
import { batch, walk } from "../../support/frames.ts";
import { ALICE, BOB, TestRoom, byeOf, closeOf, control, errorOf, frames, longer } from "../../support/room.ts";

function setup() {
  const room = new TestRoom();
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, handle };
}

/** A frame of any type with a body of zeros. */
function raw(type: number, length = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + length);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint32(4, length, true);
  return bytes;
}

const empty = new Uint8Array();

describe("[P1] a message is a batch", () => {
  test("of one frame or of very many", () => {
    const { alice, bob, handle } = setup();
    const many = Array.from({ length: 5_000 }, (_, n) => frames.data(handle, String(n)));
    alice.send(...many);
    expect(bob.heard().map(({ payload }) => payload)).toEqual(many.map((_, n) => String(n)));
  });
});

describe("errors that end the session [E2]", () => {
  const cases: [string, ErrorName, number, (handle: number) => Uint8Array][] = [
    [
      "[P3] a header that is cut short",
      "truncated_batch",
      FrameType.Data,
      (handle) => frames.data(handle, "x").slice(0, 7),
    ],
    ["[P3] one byte", "truncated_batch", 0x42, () => new Uint8Array([0x42])],
    [
      "[P3] a body that is cut short",
      "truncated_batch",
      FrameType.Data,
      (handle) => frames.data(handle, "x").slice(0, -1),
    ],
    [
      "[P3] a length of 2^32 - 1",
      "truncated_batch",
      FrameType.Data,
      () => new Uint8Array([0x20, 0, 0, 0, 255, 255, 255, 255]),
    ],
    [
      "[P3] an unknown type that is cut short",
      "truncated_batch",
      0x90,
      () => new Uint8Array([0x90, 0, 0, 0, 9, 0, 0, 0]),
    ],
    ["[P4] an unknown type", "unknown_frame", 0x08, () => raw(0x08)],
    ["[P4] type 0", "unknown_frame", 0x00, () => raw(0x00)],
    ["[P4] the last type that is not skipped", "unknown_frame", 0x7f, () => raw(0x7f, 3)],
    ["[P5] welcome", "unexpected_frame", FrameType.Welcome, () => raw(FrameType.Welcome, 100)],
    [
      "[P5] error",
      "unexpected_frame",
      FrameType.Error,
      () => control("error", { code: 1, frame: 0, about: 0, message: "" }),
    ],
    ["[P5] connecting", "unexpected_frame", FrameType.Connecting, () => raw(FrameType.Connecting, 17)],
    ["[P5] incoming", "unexpected_frame", FrameType.Incoming, () => raw(FrameType.Incoming, 29)],
    [
      "[P5] state",
      "unexpected_frame",
      FrameType.State,
      (handle) => control("state", { handle, state: 3, previous: 1 }),
    ],
    ["[P6] accept without its handle", "malformed_frame", FrameType.Accept, () => raw(FrameType.Accept, 3)],
    ["[P6] connect one byte short", "malformed_frame", FrameType.Connect, () => raw(FrameType.Connect, 24)],
    ["[P6] welcome whose fields do not parse", "malformed_frame", FrameType.Welcome, () => raw(FrameType.Welcome, 3)],
    [
      "[P6] a text that is longer than the frame",
      "malformed_frame",
      FrameType.Close,
      (handle) => withText(handle, 5, [65]),
    ],
    ["[P6] a text that is no UTF-8", "malformed_frame", FrameType.Close, (handle) => withText(handle, 2, [0xc3, 0x28])],
    [
      "[P6] a text above its limit",
      "malformed_frame",
      FrameType.Close,
      (handle) =>
        withText(
          handle,
          128,
          Array.from({ length: 128 }, () => 65),
        ),
    ],
  ];

  test.each(cases)("%s", (_, error, type, bad) => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.data(handle, "before"), bad(handle));
    const { close } = ERRORS[error];
    expect(alice.batches()).toEqual([[errorOf(error, type), byeOf(close!, error)]]);
    expect(alice.socket.closed).toEqual({ code: close, reason: error });
    // What came before it has taken effect; the other end is told that the peer left.
    expect(bob.batches()).toMatchObject([[{ payload: "before" }, closeOf(handle, EndReason.PeerLeft, 2)]]);
    expect(room.room.isPresent(ALICE)).toBe(false);
    expect(room.logged("protocol_error")).toMatchObject([{ level: "warn", peer: String(ALICE), error }]);
  });

  test("[P7] an empty message", () => {
    const { room, alice, bob, handle } = setup();
    room.receive(alice, empty);
    expect(alice.heard()).toEqual([errorOf("malformed_frame", 0), byeOf(4001, "malformed_frame")]);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, 2)]);
  });

  test("[P7] a message of maxBatch is read, one byte more is batch_too_large and not read at all", () => {
    const { room, alice, bob, handle } = setup();
    const first = frames.data(handle, "first");
    room.receive(alice, batch(first, raw(0x80, MAX_BATCH - first.length - 8)));
    expect(bob.heard()).toMatchObject([{ payload: "first" }]);
    expect(alice.heard()).toEqual([]);
    room.receive(alice, batch(first, raw(0x80, MAX_BATCH - first.length - 7)));
    expect(alice.heard()).toEqual([errorOf("batch_too_large", 0), byeOf(4006, "batch_too_large")]);
    expect(alice.socket.closed?.code).toBe(CloseCode.MessageTooLarge);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, 2)]);
  });

  test("[P8] a text message", () => {
    const { room, alice, bob, handle } = setup();
    room.receiveText(alice);
    expect(alice.heard()).toEqual([errorOf("text_message", 0), byeOf(4001, "text_message")]);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, 2)]);
  });

  test.each([
    [
      "an empty message",
      (room: TestRoom, guest: ReturnType<TestRoom["guest"]>) => room.receive(guest, empty),
      "malformed_frame",
    ],
    [
      "a text message",
      (room: TestRoom, guest: ReturnType<TestRoom["guest"]>) => room.receiveText(guest),
      "text_message",
    ],
    [
      "a cut header",
      (room: TestRoom, guest: ReturnType<TestRoom["guest"]>) => room.receive(guest, new Uint8Array([1, 2])),
      "truncated_batch",
    ],
  ] as const)("before hello: %s", (_, send, error) => {
    const room = new TestRoom();
    const guest = room.guest(ALICE);
    send(room, guest);
    expect(guest.heard()).toMatchObject([{ frame: "error", error }, byeOf(4001, error)]);
    expect(room.scheduled).toBe(Infinity);
  });

  test("in the middle of a message: earlier frames are in effect, later ones are not", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(
      frames.connect(BOB, { port: 5 }),
      frames.data(handle, "1"),
      raw(0x09),
      frames.data(handle, "2"),
      frames.connect(BOB, { port: 6 }),
      frames.bye(),
    );
    expect(alice.heard()).toMatchObject([
      { frame: "connecting" },
      errorOf("unknown_frame", 9),
      byeOf(4001, "unknown_frame"),
    ]);
    expect(bob.heard()).toMatchObject([
      { frame: "incoming", virtualPort: 5 },
      { payload: "1" },
      closeOf(handle, EndReason.PeerLeft, 2),
      { frame: "close", reason: EndReason.PeerLeft },
    ]);
    expect(room.statistics).toMatchObject({ totalPackets: 1, activeConnections: 0 });
  });

  test("what comes after it on the socket is not read", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(raw(0x09));
    bob.take();
    alice.take();
    alice.send(frames.hello(), frames.data(handle, "x"));
    room.receiveText(alice);
    room.receive(alice, empty);
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
    expect(room.room.isPresent(ALICE)).toBe(false);
    expect(room.logged("protocol_error")).toHaveLength(1);
  });

  test("the peer may come back at once, on a new socket", () => {
    const { room, alice, bob } = setup();
    alice.send(raw(0x09));
    room.pair(room.join(ALICE), bob);
  });

  test("other peers are not affected: their sessions, their connections, their order", () => {
    const { room, alice, bob } = setup();
    const [carol, dave] = [room.join((ALICE + 10n) as never), room.join((ALICE + 11n) as never)];
    const handle = room.pair(carol, dave);
    carol.send(frames.data(handle, "1"));
    alice.send(raw(0x09));
    carol.send(frames.data(handle, "2"));
    expect(dave.heard()).toMatchObject([{ payload: "1" }, { payload: "2" }]);
    expect(carol.heard()).toEqual([]);
    expect(bob.isIn).toBe(true);
  });
});

describe("errors that do not [E3]", () => {
  test("the session and its connections go on", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(
      frames.data(99, "x"),
      frames.accept(handle),
      frames.connect(ALICE),
      frames.connect(BOB, { type: 9 }),
      frames.data(handle, "still here"),
    );
    expect(alice.heard().map(({ error }) => error)).toEqual([
      "unknown_handle",
      "illegal_state",
      "connect_to_self",
      "invalid_argument",
    ]);
    expect(bob.heard()).toMatchObject([{ payload: "still here" }]);
    expect(room.logged("protocol_error")).toEqual([]);
  });

  test("at most sixteen for one message, then again for the next; drops are counted all the same", () => {
    const { room, alice, bob, handle } = setup();
    const bad = Array.from({ length: 40 }, (_, n) => frames.data(1_000 + n, "x"));
    alice.send(...bad, frames.data(handle, "behind them"));
    expect(alice.heard()).toEqual(
      Array.from({ length: 16 }, (_, n) => errorOf("unknown_handle", FrameType.Data, 1_000 + n)),
    );
    expect(bob.heard()).toMatchObject([{ payload: "behind them" }]);
    expect(room.statistics.drops.unknown_handle).toBe(40);
    alice.send(...bad.slice(0, 3));
    expect(alice.heard()).toHaveLength(3);
  });

  test("a refused connect is always answered: its sender waits for it; and it takes no other's place", () => {
    const { alice } = setup();
    const connects = Array.from({ length: 40 }, (_, request) => frames.connect(ALICE, { request }));
    const others = Array.from({ length: 20 }, () => frames.accept(999));
    alice.send(...connects, ...others);
    const heard = alice.heard();
    const answered = heard.filter(({ error }) => error === "connect_to_self").map(({ about }) => about);
    expect(answered).toEqual(Array.from({ length: 40 }, (_, request) => request));
    expect(heard).toHaveLength(40 + 16);
  });

  test("one that ends the session is told after sixteen others", () => {
    const { alice } = setup();
    const bad = Array.from({ length: 20 }, () => frames.accept(999));
    alice.send(...bad, raw(0x09));
    const heard = alice.heard();
    expect(heard).toHaveLength(18);
    expect(heard.slice(-2)).toEqual([errorOf("unknown_frame", 9), byeOf(4001, "unknown_frame")]);
  });
});

describe("[E1] an error frame", () => {
  test("names the frame, its handle or request, and says something to the developer", () => {
    const { alice } = setup();
    alice.send(frames.connect(ALICE, { request: 4_000_000_000 }), frames.data(3_000_000_000, "x"));
    const errors = walk(alice.take()[0]!).map(({ control: frame }) => frame?.values);
    expect(errors).toMatchObject([
      { code: ERRORS.connect_to_self.code, frame: FrameType.Connect, about: 4_000_000_000 },
      { code: ERRORS.unknown_handle.code, frame: FrameType.Data, about: 3_000_000_000 },
    ]);
    for (const values of errors) {
      const { code, message } = values as { code: number; message: string };
      expect(errorName(code)).toBeDefined();
      expect(message.length).toBeGreaterThan(20);
    }
  });
});

describe("[P4] types from 0x80 on are skipped", () => {
  test.each([0x80, 0x88, 0xa1, 0xff])("0x%x, with and without a body", (type) => {
    const { alice, bob, handle } = setup();
    alice.send(raw(type), raw(type, 1_000), frames.data(handle, "behind"));
    expect(alice.heard()).toEqual([]);
    expect(bob.heard()).toMatchObject([{ payload: "behind" }]);
  });

  test("a message of nothing else is answered with nothing", () => {
    const { alice, bob } = setup();
    alice.send(raw(0x80));
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
  });
});

describe("[P6] control frames may grow at their end", () => {
  test("bytes behind the known fields are ignored", () => {
    const { room, alice, bob } = setup();
    alice.send(longer(frames.connect(BOB, { port: 9 }), 9));
    const handle = alice.heard()[0]!["handle"] as number;
    bob.take();
    bob.send(longer(frames.accept(handle), 9));
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(1);
    alice.send(longer(frames.close(handle, { debug: "text" }), 9));
    expect(bob.heard().at(-1)).toMatchObject({ frame: "close", debug: "text" });
    const carol = room.guest((ALICE + 20n) as never).send(longer(frames.hello(), 9));
    expect(carol.heard()).toMatchObject([{ frame: "welcome" }]);
  });
});

describe("[P9] flags that are not defined, and reserved, are ignored when read", () => {
  test("in control frames", () => {
    const { room, alice, bob } = setup();
    alice.send(odd(frames.connect(BOB, { port: 9 })));
    const handle = alice.heard()[0]!["handle"] as number;
    bob.send(odd(frames.accept(handle)));
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(1);
    // All flags but `graceful`: a plain close.
    alice.send(odd(frames.close(handle), 0xfe));
    expect(room.manager.getConnectionByHandle(handle)).toBeUndefined();
    const guest = room.guest((ALICE + 20n) as never).send(odd(frames.hello()));
    expect(guest.heard()).toMatchObject([{ frame: "welcome" }]);
  });

  test("in data they are not the relay's: it forwards them", () => {
    const { alice, bob, handle } = setup();
    alice.send(frames.data(handle, "x", { flags: 0xf0 | DataFlag.Reliable }));
    expect(bob.heard()).toMatchObject([{ flags: 0xf1 }]);
  });
});

/** A close whose text announces `length` bytes and has these. */
function withText(handle: number, length: number, bytes: readonly number[]): Uint8Array {
  const frame = raw(FrameType.Close, 8 + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint32(8, handle, true);
  view.setUint8(15, length);
  frame.set(bytes, 16);
  return frame;
}

/** The same frame with these flags, and with its reserved byte set. */
function odd(frame: Uint8Array, flags = 0xff): Uint8Array {
  const bytes = frame.slice();
  bytes[1] = flags;
  bytes[3] = 0xff;
  return bytes;
}
