/** Data, acks, probes and multicast from end to end (rules D1 to D7), and how it is gathered into messages. */
import { describe, expect, test } from "vitest";
import {
  ACK_SIZE,
  ClosedBy,
  ConnectionState,
  DATA_PAYLOAD_OFFSET,
  DROP_REASONS,
  DataFlag,
  FrameType,
  MAX_BATCH,
  MAX_MULTICAST,
  MAX_MULTICAST_BYTES,
  MAX_PAYLOAD,
  PROBE_SIZE,
} from "../../../src/protocol/index.ts";
import { ackFrame, dataFrame, multicastFrame, probeFrame, walk } from "../../support/frames.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  TestRoom,
  closeOf,
  errorOf,
  frames,
  longer,
  stateOf,
  text,
} from "../../support/room.ts";

const { Connecting, Connected } = ConnectionState;
const { Local, Peer } = ClosedBy;

function setup(options: ConstructorParameters<typeof TestRoom>[0] = {}) {
  const room = new TestRoom(options);
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, carol, handle };
}

const drops = (room: TestRoom) => room.statistics.drops;
const none = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0]));
const ack = (handle: number) => ackFrame({ handle, lane: 3, cumulative: 9, selective: 5, window: 65_536 });
const probe = (handle: number, answer = false) => probeFrame({ handle, answer, stamp: 77, quality: 10_000, jitter: 3 });
const target = (handle: number, number = 1, sequence = 0) => ({ handle, number, sequence });

test.each([
  ["ack", (handle: number) => longer(ack(handle), 41)],
  ["probe", (handle: number) => longer(probe(handle), 45)],
])("[P6] an %s above 64 bytes is malformed: no way past the payload limit and the statistics", (_, make) => {
  const { alice, bob, handle } = setup();
  const frame = make(handle);
  alice.send(frame);
  expect(alice.heard()[0]).toEqual(errorOf("malformed_frame", frame[0] ?? 0));
  expect(bob.heard().some(({ payload }) => payload !== undefined)).toBe(false);
});

test.each([
  ["ack", (handle: number) => longer(ack(handle), 40)],
  ["probe", (handle: number) => longer(probe(handle), 44)],
])("[P6] an %s of 64 bytes is forwarded as it is", (_, make) => {
  const { alice, bob, handle } = setup();
  const frame = make(handle);
  expect(frame).toHaveLength(64);
  alice.send(frame);
  expect(alice.heard()).toEqual([]);
  expect(bob.take().map((message) => [...message])).toEqual([[...frame]]);
});

describe("[D1] forwarded unchanged", () => {
  test.each([
    [
      "data",
      (handle: number) =>
        dataFrame({ handle, payload: text("hi"), flags: 0xff, lane: 9, channel: -5, number: 2 ** 32 - 1, sequence: 7 }),
    ],
    ["data without payload", (handle: number) => dataFrame({ handle, payload: new Uint8Array() })],
    ["the largest data", (handle: number) => dataFrame({ handle, payload: new Uint8Array(MAX_PAYLOAD).fill(0xa5) })],
    ["ack", ack],
    ["probe", (handle: number) => probe(handle)],
    ["answer to a probe", (handle: number) => probe(handle, true)],
    ["an ack with bytes behind its fields", (handle: number) => longer(ack(handle), 5)],
    ["a probe with bytes behind its fields", (handle: number) => longer(probe(handle), 12)],
  ])("%s, in both directions", (_, make) => {
    const { alice, bob, handle } = setup();
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const frame = make(handle);
      frame[3] = 0x5a; // reserved: ignored when read (P9), and not the relay's to change
      from.send(frame);
      expect(to.take()).toEqual([frame]);
      expect(from.take()).toEqual([]);
    }
  });

  test("the relay keeps no view of a message that it was given", () => {
    const { room, alice, bob, handle } = setup();
    const message = frames.data(handle, "before");
    room.receive(alice, message);
    message.fill(0);
    expect(bob.heard()).toMatchObject([{ payload: "before" }]);
  });

  test("frames are read at any offset of a larger buffer", () => {
    const { room, alice, bob, handle } = setup();
    const frame = frames.data(handle, "inside");
    const buffer = new Uint8Array(frame.length + 7).fill(0xee);
    buffer.set(frame, 3);
    room.receive(alice, buffer.subarray(3, 3 + frame.length));
    expect(bob.take()).toEqual([frame]);
  });
});

describe("[D2] only on connections of the sender, and only when they are Connected", () => {
  test("data while Connecting is not_connected, from both ends, and counted", () => {
    const { room, alice, carol } = setup();
    const handle = alice.connect(carol);
    carol.take();
    for (const peer of [alice, carol]) {
      peer.send(frames.data(handle, "too early"));
      expect(peer.heard()).toEqual([errorOf("not_connected", FrameType.Data, handle)]);
    }
    expect(drops(room)).toEqual({ ...none, not_connected: 2 });
  });

  test("acks and probes while Connecting are not_connected", () => {
    const { room, alice, carol } = setup();
    const handle = alice.connect(carol);
    alice.send(ack(handle), probe(handle));
    expect(alice.heard()).toEqual([
      errorOf("not_connected", FrameType.Ack, handle),
      errorOf("not_connected", FrameType.Probe, handle),
    ]);
    expect(carol.heard()).toMatchObject([{ frame: "incoming" }]);
    expect(drops(room)).toEqual(none);
  });

  test("while Disconnecting data is not_connected; acks and probes still pass, in both directions", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.close(handle, { graceful: true }));
    alice.take();
    bob.take();
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      from.send(frames.data(handle, "too late"), ack(handle), probe(handle));
      expect(from.heard()).toEqual([errorOf("not_connected", FrameType.Data, handle)]);
      expect(to.batches()).toMatchObject([[{ frame: "ack" }, { frame: "probe" }]]);
    }
    expect(drops(room)).toEqual({ ...none, not_connected: 2 });
  });

  test.each([
    ["never was", () => 99],
    ["is 0", () => 0],
    ["is the largest there is", () => 2 ** 32 - 1],
    ["is another's", ({ handle }: ReturnType<typeof setup>) => handle],
    [
      "is over",
      ({ room, carol, alice }: ReturnType<typeof setup>) => {
        const over = room.pair(carol, alice);
        carol.send(frames.close(over));
        carol.take();
        alice.take();
        return over;
      },
    ],
  ])("a handle that %s is unknown_handle: data counted, acks and probes not", (_, handleIn) => {
    const all = setup();
    const { room, alice, bob, carol } = all;
    const handle = handleIn(all);
    carol.send(frames.data(handle, "x"), ack(handle), probe(handle));
    expect(carol.heard()).toEqual([
      errorOf("unknown_handle", FrameType.Data, handle),
      errorOf("unknown_handle", FrameType.Ack, handle),
      errorOf("unknown_handle", FrameType.Probe, handle),
    ]);
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
    expect(drops(room)).toEqual({ ...none, unknown_handle: 1 });
    expect(room.statistics).toMatchObject({ totalPackets: 0, totalBytes: 0 });
  });

  test("the other end is away: data is counted, and nobody is told", () => {
    const { room, alice, bob, handle } = setup();
    // Only an object that lost its memory has such a connection: Bob's socket was lost with it, Alice's came back.
    bob.isGone = true;
    bob.isIn = false;
    room.evict();
    alice.send(frames.data(handle, "anybody?"), ack(handle), probe(handle));
    expect(alice.heard()).toEqual([]);
    expect(drops(room)).toEqual({ ...none, peer_away: 1 });
    expect(room.statistics.totalPackets).toBe(0);
  });
});

describe("[D3] payloads", () => {
  test("above maxPayload: that frame is dropped and counted, nothing else", () => {
    const { room, alice, bob, handle } = setup({ settings: { maxPayload: 100 } });
    const sized = (size: number) => frames.data(handle, new Uint8Array(size));
    alice.send(sized(100), sized(101), sized(99));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Data, handle)]);
    expect(bob.take().flatMap((message) => walk(message).map(({ data }) => data?.payload.length))).toEqual([100, 99]);
    expect(drops(room)).toEqual({ ...none, payload_too_large: 1 });
    expect(room.statistics).toMatchObject({ totalPackets: 2, totalBytes: 199 });
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connected);
  });

  test("the default limit is 512 KiB", () => {
    const { alice, bob, handle } = setup();
    alice.send(frames.data(handle, new Uint8Array(MAX_PAYLOAD + 1)));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Data, handle)]);
    expect(bob.take()).toEqual([]);
  });

  test("a multicast of maxPayload is within it", () => {
    const { alice, bob, handle } = setup({ settings: { maxPayload: 10 } });
    alice.send(multicastFrame({ targets: [target(handle)], payload: new Uint8Array(10) }));
    expect(alice.heard()).toEqual([]);
    expect(bob.heard()).toHaveLength(1);
  });

  test("a multicast above it drops one for each target", () => {
    const { room, alice, bob, handle } = setup({ settings: { maxPayload: 10 } });
    alice.send(multicastFrame({ targets: [target(handle), target(handle), target(99)], payload: new Uint8Array(11) }));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Multicast, 0)]);
    expect(bob.heard()).toEqual([]);
    expect(drops(room)).toEqual({ ...none, payload_too_large: 3 });
  });
});

describe("[D4] multicast", () => {
  test("is one data frame to each target, with its own number and sequence", () => {
    const { room, alice, bob, carol, handle } = setup();
    const second = room.pair(carol, alice);
    alice.send(
      multicastFrame({
        targets: [target(handle, 5, 50), target(second, 6, 60)],
        payload: text("to all"),
        flags: DataFlag.Reliable | DataFlag.NoNagle,
        lane: 2,
        channel: -7,
      }),
    );
    const common = { flags: DataFlag.Reliable | DataFlag.NoNagle, lane: 2, channel: -7, payload: text("to all") };
    expect(bob.take()).toEqual([dataFrame({ ...common, handle, number: 5, sequence: 50 })]);
    expect(carol.take()).toEqual([dataFrame({ ...common, handle: second, number: 6, sequence: 60 })]);
    expect(alice.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({ totalPackets: 2, totalBytes: 12 });
    expect(room.manager.getConnectionByHandle(second)).toMatchObject({ packetsRelayed: 1, bytesRelayed: 6 });
  });

  test("mixed with handles that are foreign, over, not connected and unknown: the others get it", () => {
    const { room, alice, bob, carol, handle } = setup();
    const foreign = room.pair(bob, carol);
    const early = alice.connect(carol, { port: 5 });
    const over = room.pair(alice, carol, { port: 6 });
    alice.send(frames.close(over));
    const last = room.pair(alice, room.join(DAVE));
    for (const peer of room.peers) peer.take();
    const targets = [foreign, handle, early, over, 0, 4_000_000_000, last].map((to) => target(to));
    alice.send(multicastFrame({ targets, payload: text("x") }));
    expect(bob.heard()).toMatchObject([{ frame: "data", handle }]);
    expect(carol.heard()).toEqual([]);
    expect([...room.peers].find(({ id }) => id === DAVE)!.heard()).toMatchObject([{ frame: "data", handle: last }]);
    expect(alice.heard()).toEqual([
      errorOf("unknown_handle", FrameType.Multicast, foreign),
      errorOf("not_connected", FrameType.Multicast, early),
      errorOf("unknown_handle", FrameType.Multicast, over),
      errorOf("unknown_handle", FrameType.Multicast, 0),
      errorOf("unknown_handle", FrameType.Multicast, 4_000_000_000),
    ]);
    expect(drops(room)).toEqual({ ...none, unknown_handle: 4, not_connected: 1 });
    expect(room.statistics).toMatchObject({ totalPackets: 2, totalBytes: 2 });
  });

  test("a target named twice gets it twice", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(multicastFrame({ targets: [target(handle, 1), target(handle, 2)], payload: text("x") }));
    expect(bob.heard()).toMatchObject([{ number: 1 }, { number: 2 }]);
    expect(room.statistics.totalPackets).toBe(2);
  });

  test("an empty payload is one packet of no bytes", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(multicastFrame({ targets: [target(handle)], payload: new Uint8Array() }));
    expect(bob.heard()).toMatchObject([{ frame: "data", payload: "" }]);
    expect(room.statistics).toMatchObject({ totalPackets: 1, totalBytes: 0 });
  });

  test("1024 targets: all are tried, sixteen errors told, each drop counted", () => {
    const { room, alice, bob, handle } = setup();
    const targets = Array.from({ length: MAX_MULTICAST }, (_, n) => target(n % 2 === 0 ? handle : 1_000_000 + n));
    alice.send(multicastFrame({ targets, payload: text("x") }));
    expect(bob.heard()).toHaveLength(512);
    expect(alice.heard()).toHaveLength(16);
    expect(drops(room)).toEqual({ ...none, unknown_handle: 512 });
  });

  test.each([0, MAX_MULTICAST + 1, 65_535])("[P10] %i targets are invalid_argument; the session goes on", (count) => {
    const { room, alice, bob, handle } = setup();
    const targets = Array.from({ length: count }, () => target(handle));
    alice.send(multicastFrame({ targets, payload: text("x") }), frames.data(handle, "after"));
    expect(alice.heard()).toEqual([errorOf("invalid_argument", FrameType.Multicast)]);
    expect(bob.heard()).toMatchObject([{ payload: "after" }]);
    expect(room.statistics.totalPackets).toBe(1);
  });

  test("what one message multicasts is bounded: above it nobody gets it, all are counted", () => {
    const { room, alice, bob, handle } = setup({ settings: { maxQueuedBytes: 64 * MAX_BATCH } });
    const count = 1_000;
    const size = Math.floor(MAX_MULTICAST_BYTES / count) - DATA_PAYLOAD_OFFSET;
    const targets = Array.from({ length: count }, () => target(handle));
    alice.send(multicastFrame({ targets, payload: new Uint8Array(size + 1) }));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Multicast)]);
    expect(bob.take()).toEqual([]);
    expect(drops(room)).toEqual({ ...none, payload_too_large: count });
    alice.send(multicastFrame({ targets, payload: new Uint8Array(size) }));
    expect(bob.heard()).toHaveLength(count);
  });

  test("what one message multicasts may be the whole of the bound", () => {
    const { alice, bob, handle } = setup({ settings: { maxQueuedBytes: 64 * MAX_BATCH } });
    const targets = Array.from({ length: MAX_MULTICAST }, () => target(handle));
    const payload = new Uint8Array(MAX_MULTICAST_BYTES / MAX_MULTICAST - DATA_PAYLOAD_OFFSET);
    alice.send(multicastFrame({ targets, payload }));
    expect(alice.heard()).toEqual([]);
    expect(bob.heard()).toHaveLength(MAX_MULTICAST);
  });

  test("many multicasts in one message share the bound; one that was refused takes nothing of it", () => {
    const { room, alice, bob, handle } = setup({ settings: { maxQueuedBytes: 64 * MAX_BATCH } });
    const targets = Array.from({ length: 1_000 }, () => target(handle));
    const third = multicastFrame({ targets, payload: new Uint8Array(1_500) });
    const small = multicastFrame({ targets: [target(handle)], payload: text("small") });
    alice.send(third, third, third, small);
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Multicast)]);
    expect(bob.heard()).toHaveLength(2_001);
    expect(drops(room)).toEqual({ ...none, payload_too_large: 1_000 });
    alice.send(third);
    expect(bob.heard()).toHaveLength(1_000);
  });

  test("keeps its place among other frames to the same receiver [D6]", () => {
    const { alice, bob, handle } = setup();
    alice.send(
      frames.data(handle, "1"),
      multicastFrame({ targets: [target(handle)], payload: text("2") }),
      frames.data(handle, "3"),
    );
    expect(bob.batches()).toMatchObject([[{ payload: "1" }, { payload: "2" }, { payload: "3" }]]);
  });
});

describe("[D5] statistics", () => {
  test("count what was handed on: packets and payload bytes, of the connection and of the room", () => {
    const { room, alice, bob, carol, handle } = setup();
    const second = room.pair(bob, carol);
    room.advance(1_000);
    alice.send(frames.data(handle, "12345"), ack(handle), probe(handle), frames.data(handle, ""));
    room.advance(1_000);
    bob.send(frames.data(second, "123"), frames.data(handle, "1234"), frames.data(77, "lost"));
    expect(room.statistics).toMatchObject({ totalPackets: 4, totalBytes: 12, activeConnections: 2 });
    expect(room.manager.getConnectionByHandle(handle)).toMatchObject({
      packetsRelayed: 3,
      bytesRelayed: 9,
      lastActivity: room.now,
    });
    expect(room.manager.getConnectionByHandle(second)).toMatchObject({ packetsRelayed: 1, bytesRelayed: 3 });
    bob.send(frames.close(handle));
    expect(room.logged("connection_closed")).toMatchObject([{ packets: 3, bytes: 9 }]);
    expect(room.statistics).toMatchObject({ totalPackets: 4, totalBytes: 12, activeConnections: 1 });
  });

  test("[D7] every drop under its name, exactly", () => {
    const { room, alice, bob, carol, handle } = setup({ settings: { maxPayload: 8 } });
    const early = alice.connect(carol, { port: 9 });
    const big = new Uint8Array(9);
    for (let i = 0; i < 5; i++) alice.send(frames.data(early, "x"));
    for (let i = 0; i < 3; i++)
      alice.send(frames.data(handle, big), frames.data(12_345, "x"), frames.data(handle, "ok"));
    carol.send(multicastFrame({ targets: [target(handle), target(early)], payload: text("x") }));
    expect(drops(room)).toEqual({ ...none, unknown_handle: 4, not_connected: 6, payload_too_large: 3 });
    expect(room.statistics).toMatchObject({ totalPackets: 3, totalBytes: 6 });
    expect(bob.heard()).toHaveLength(3);
  });
});

describe("[D6] order, and messages", () => {
  test("what one message causes for one peer leaves as one message, in order", () => {
    const { alice, bob, carol, handle } = setup();
    const second = alice.room.pair(alice, carol);
    alice.send(
      frames.data(handle, "b1"),
      frames.data(second, "c1"),
      frames.data(handle, "b2"),
      frames.connect(BOB, { port: 9 }),
      ack(handle),
      frames.data(second, "c2"),
      frames.close(handle),
    );
    expect(bob.batches()).toMatchObject([
      [{ payload: "b1" }, { payload: "b2" }, { frame: "incoming" }, { frame: "ack" }, closeOf(handle, 1000, Peer)],
    ]);
    expect(carol.batches()).toMatchObject([[{ payload: "c1" }, { payload: "c2" }]]);
    expect(alice.batches()).toMatchObject([[{ frame: "connecting" }, closeOf(handle, 1000, Local)]]);
  });

  test("each message causes its own", () => {
    const { alice, bob, handle } = setup();
    alice.send(frames.data(handle, "1")).send(frames.data(handle, "2"));
    expect(bob.batches()).toHaveLength(2);
  });

  test("a message that would be above maxBatch is split between frames, the first part as full as can be", () => {
    const room = new TestRoom({ settings: { maxQueuedBytes: 64 * MAX_BATCH } });
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    const half = MAX_BATCH / 2 - DATA_PAYLOAD_OFFSET;
    // Exactly maxBatch: one message.
    alice.send(frames.data(handle, new Uint8Array(half)), frames.data(handle, new Uint8Array(half)));
    expect(bob.take().map(({ length }) => length)).toEqual([MAX_BATCH]);
    // A multicast makes more of a message than came in.
    const payload = new Uint8Array(300_000);
    const targets = [1, 2, 3, 4, 5, 6, 7].map((number) => target(handle, number));
    alice.send(multicastFrame({ targets, payload }), frames.data(handle, "last"));
    const messages = bob.batches();
    expect(messages.map((message) => message.map(({ number }) => number))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 1],
    ]);
    expect(messages.at(-1)?.at(-1)).toMatchObject({ payload: "last" });
  });

  test("an alarm's closes for one peer are one message", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    for (let port = 0; port < 20; port++) alice.connect(BOB, { port });
    room.advance(10_000);
    expect(alice.batches().map((message) => message.length)).toEqual([20]);
  });

  test("what is queued for a socket that is closed leaves before its bye", () => {
    const { alice, bob, handle } = setup();
    bob.send(frames.data(handle, "x"), frames.data(99, "y"), frames.bye());
    expect(bob.batches()).toMatchObject([
      [errorOf("unknown_handle", FrameType.Data, 99), { frame: "bye", code: 1000 }],
    ]);
    expect(alice.heard()).toMatchObject([{ payload: "x" }, { frame: "close" }]);
  });

  test("two senders to one receiver: each in its own order", () => {
    const { room, alice, bob, carol, handle } = setup();
    const second = room.pair(carol, bob);
    for (let n = 0; n < 20; n++) {
      alice.send(frames.data(handle, String(n)));
      carol.send(frames.data(second, String(n)));
    }
    const heard = bob.heard();
    for (const on of [handle, second]) {
      expect(heard.filter((frame) => frame["handle"] === on).map(({ payload }) => payload)).toEqual(
        Array.from({ length: 20 }, (_, n) => String(n)),
      );
    }
  });

  test("[C4] state comes before data, also through one message of both", () => {
    const { alice, carol } = setup();
    const handle = alice.connect(carol);
    carol.take();
    carol.send(frames.accept(handle), frames.data(handle, "first"));
    expect(alice.batches()).toMatchObject([[stateOf(handle, Connecting, Connected), { payload: "first" }]]);
  });
});

test("[P6] a multicast that ends with its header, at the end of a message, is malformed_frame", () => {
  const { room, alice, handle } = setup();
  alice.send(frames.data(handle, "before"), new Uint8Array([FrameType.Multicast, 0, 0, 0, 0, 0, 0, 0]));
  expect(alice.heard()[0]).toEqual(errorOf("malformed_frame", FrameType.Multicast));
  expect(room.logged("internal_error")).toEqual([]);
});

describe("[P6] end-to-end frames shorter than their fields are malformed_frame", () => {
  test.each([
    ["data", FrameType.Data, DATA_PAYLOAD_OFFSET],
    ["ack", FrameType.Ack, ACK_SIZE],
    ["probe", FrameType.Probe, PROBE_SIZE],
    ["multicast without its targets' count", FrameType.Multicast, 16],
    ["multicast without its targets", FrameType.Multicast, 28, 1],
  ])("%s", (_, type, size, count = 0) => {
    const { room, alice, bob, handle } = setup();
    const frame = new Uint8Array(size - 1);
    const view = new DataView(frame.buffer);
    view.setUint8(0, type);
    view.setUint32(4, frame.length - 8, true);
    if (type === FrameType.Multicast && frame.length >= 14) view.setUint16(12, count, true);
    else if (frame.length >= 12) view.setUint32(8, handle, true);
    alice.send(frames.data(handle, "before"), frame, frames.data(handle, "behind"));
    expect(alice.heard()).toMatchObject([errorOf("malformed_frame", type), { frame: "bye", code: 4001 }]);
    expect(bob.heard()).toMatchObject([{ payload: "before" }, { frame: "close", handle }]);
    expect(drops(room)).toEqual(none);
  });
});
