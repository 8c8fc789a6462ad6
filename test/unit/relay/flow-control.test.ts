/** A peer that does not take in what it is sent (rules F1 to F5, promise 4). */
import { describe, expect, test } from "vitest";
import {
  CloseCode,
  DATA_PAYLOAD_OFFSET,
  DROP_REASONS,
  DataFlag,
  FrameType,
  MAX_BATCH,
  type Path as PathValue,
  Path,
  PathFlag,
} from "../../../src/protocol/index.ts";
import { TIMES } from "../../../src/relay/settings.ts";
import { ackFrame, walk } from "../../support/frames.ts";
import { ALICE, BOB, CAROL, type TestPeer, TestRoom, errorOf, frames, peerId } from "../../support/room.ts";

const CAP = 256 * 1024;
const none = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0]));
const KB = new Uint8Array(1_000);
const Reliable = { flags: DataFlag.Reliable };

function setup(settings = {}, checks = true) {
  const room = new TestRoom({
    settings: { maxQueuedBytes: CAP, graceMs: 30_000, messagesPerSecond: 0, bytesPerSecond: 0, ...settings },
    checks,
  });
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  bob.isReading = false;
  return { room, alice, bob, handle };
}

/** Bytes that the relay has given to the platform for this peer. */
const handed = (peer: TestPeer): number => peer.history.reduce((sum, { bytes }) => sum + bytes.length, 0);
const numbersOf = (peer: TestPeer): (number | undefined)[] =>
  peer.take().flatMap((message) => walk(message).flatMap(({ data }) => (data ? [data.number] : [])));
const pathOf = (handle: number, path: PathValue, flags = 0) => ({
  frame: "path",
  handle,
  path,
  ...(flags !== 0 && { flags }),
});

function flood(from: TestPeer, handle: number, count: number, flags = 0, first = 1): void {
  for (let i = 0; i < count; i++) from.send(frames.data(handle, KB, { flags, number: first + i }));
}

/** What leaves after this was held back. */
function readAll(peer: TestPeer): void {
  peer.isReading = true;
  for (let i = 0; i < 100 && peer.marks.length > 0; i++) peer.credit();
}

describe("[F1] marks and credits", () => {
  test.each([
    [64 * 1024 * 1024, 128 * 1024],
    [1024 * 1024, 128 * 1024],
    [512 * 1024, 64 * 1024],
  ])(
    "of %i bytes that may be owed: a mark at least every %i, behind what it stands for, each another",
    (may, every) => {
      const { alice, bob, handle } = setup({ maxQueuedBytes: may });
      bob.socket.buffered = 0;
      flood(alice, handle, 500);
      let since = 0;
      const marks: number[] = [];
      for (const message of bob.socket.messages) {
        for (const { control, offset, end } of walk(message)) {
          since += end - offset;
          if (control?.frame !== "mark") continue;
          expect(since).toBeLessThan(every + 2_000);
          marks.push(control.values.mark);
          since = 0;
        }
      }
      expect(marks.length).toBe(Math.floor(handed(bob) / every));
      expect(marks.length).toBeGreaterThan(2);
      expect(new Set(marks).size).toBe(marks.length);
    },
  );

  test("a client that reads is never held up, however much it is sent", () => {
    const { room, alice, bob, handle } = setup();
    bob.isReading = true;
    flood(alice, handle, 2_000);
    expect(numbersOf(bob)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
    expect(room.statistics).toMatchObject({ totalPackets: 2_000, drops: none });
    expect(alice.heard()).toEqual([]);
  });

  test("a credit for the last mark covers those before it", () => {
    const { alice, bob, handle } = setup({ maxQueuedBytes: 4 * CAP });
    flood(alice, handle, 500);
    expect(bob.marks.length).toBeGreaterThan(2);
    bob.send(frames.credit(bob.marks.splice(0).at(-1)!));
    const before = handed(bob);
    flood(alice, handle, 420);
    expect(handed(bob) - before).toBeGreaterThan(390_000);
  });

  test("[F5] a mark that was never sent, or was credited already, is unknown: nothing is gained by it", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 70);
    const [first] = bob.marks.splice(0, 1);
    bob.take();
    for (const mark of [0, 1, 0xffff_ffff, first! + 1]) {
      bob.send(frames.credit(mark));
      expect(bob.heard()).toEqual([errorOf("unknown_mark", FrameType.Credit)]);
    }
    bob.send(frames.credit(first!), frames.credit(first!));
    expect(bob.heard().at(-1)).toEqual(errorOf("unknown_mark", FrameType.Credit));
    expect(room.room.isPresent(BOB)).toBe(true);
  });

  test("a message that is full has its mark behind it, in a message of its own", () => {
    const { alice, bob, handle } = setup({ maxQueuedBytes: 64 * CAP });
    const half = new Uint8Array(MAX_BATCH / 2 - DATA_PAYLOAD_OFFSET);
    alice.send(frames.data(handle, half), frames.data(handle, half));
    expect(bob.socket.messages.map(({ length }) => length)).toEqual([MAX_BATCH, 12]);
    expect(bob.marks).toHaveLength(1);
    bob.take();
    alice.send(frames.data(handle, half), frames.data(handle, half.subarray(12)));
    expect(bob.socket.messages.map(({ length }) => length)).toEqual([MAX_BATCH]);
    expect(bob.marks).toHaveLength(2);
  });

  test("one frame of the largest size reaches a peer that owes nothing", () => {
    const { alice, bob, handle } = setup({ maxQueuedBytes: 64 * 1024 });
    for (let i = 1; i <= 3; i++) {
      alice.send(frames.data(handle, new Uint8Array(512 * 1024), { number: i }));
      bob.credit();
    }
    expect(numbersOf(bob)).toEqual([1, 2, 3]);
  });

  test("where the platform has handed everything on, three quarters of the limit may be under way", () => {
    const { alice, bob, handle } = setup();
    bob.socket.buffered = 0;
    flood(alice, handle, 500);
    expect(handed(bob)).toBeGreaterThan((CAP * 3) / 4 - 4_000);
    expect(handed(bob)).toBeLessThan((CAP * 3) / 4 + 4_000);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Held)]);
  });
});

describe("[F2] a peer that does not read", () => {
  test("what the platform is given is bounded, and so is what waits; all the rest is dropped and counted", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 5_000);
    expect(handed(bob)).toBeLessThan(CAP / 2 + 2_000);
    expect(bob.link.backlog?.bytes).toBeLessThan(CAP / 2 + 2_000);
    const { drops, totalPackets } = room.statistics;
    expect(drops.peer_stalled).toBeGreaterThan(4_700);
    readAll(bob);
    expect(room.statistics.totalPackets).toBe(5_000 - drops.peer_stalled);
    expect(totalPackets).toBe(numbersOf(bob).length - (room.statistics.totalPackets - totalPackets));
  });

  test("the oldest unreliable go first: what arrives in the end is the newest", () => {
    const { alice, bob, handle } = setup();
    flood(alice, handle, 1_000);
    readAll(bob);
    const numbers = numbersOf(bob) as number[];
    const gap = numbers.findIndex((number, i) => i > 0 && number !== numbers[i - 1]! + 1);
    expect(numbers.slice(gap)).toEqual(
      Array.from({ length: numbers.length - gap }, (_, i) => 1_000 - numbers.length + gap + i + 1),
    );
    expect(numbers.at(-1)).toBe(1_000);
  });

  test("a lane that floods takes from itself before it takes from another", () => {
    const { room, alice, bob, handle } = setup();
    const carol = room.join(CAROL);
    const other = room.pair(carol, bob);
    flood(alice, handle, 150); // up to the window, and a little that waits
    for (let i = 1; i <= 20; i++) carol.send(frames.data(other, KB, { number: i }));
    flood(alice, handle, 1_000, 0, 1_000);
    readAll(bob);
    const received = bob.take().flatMap((message) => walk(message).flatMap(({ data }) => (data ? [data] : [])));
    expect(received.filter((data) => data.handle === other).map(({ number }) => number)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  test("reliable data and acks outlive all that is unreliable, and keep their order", () => {
    const { alice, bob, handle } = setup();
    for (let i = 1; i <= 2_000; i++) {
      alice.send(frames.data(handle, KB, { number: i }));
      if (i % 20 === 0) alice.send(frames.data(handle, KB.subarray(0, 10), { ...Reliable, number: i }));
      if (i % 50 === 0) alice.send(ackFrame({ handle, lane: 0, cumulative: i, selective: 0, window: 1 }));
    }
    readAll(bob);
    const all = bob.take().flatMap((message) => walk(message));
    const reliable = all.flatMap(({ data }) => (data && data.flags === DataFlag.Reliable ? [data.number] : []));
    expect(reliable).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * 20));
    expect(all.flatMap(({ ack }) => (ack ? [ack.cumulative] : []))).toEqual(
      Array.from({ length: 40 }, (_, i) => (i + 1) * 50),
    );
  });

  test("of reliable data alone, what comes last is dropped, and the sender is told to send it again (F3)", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 1_000, DataFlag.Reliable);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Held)]);
    const { drops } = room.statistics;
    readAll(bob);
    const numbers = numbersOf(bob);
    expect(numbers).toEqual(Array.from({ length: 1_000 - drops.peer_stalled }, (_, i) => i + 1));
    expect(alice.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
    expect(bob.link.backlog).toBeUndefined();
  });

  test("control frames are not dropped: closes and states arrive, in their place", () => {
    const { room, alice, bob, handle } = setup();
    const second = room.pair(alice, bob, { port: 1 });
    flood(alice, handle, 500);
    alice.send(frames.close(second, { reason: 1234 }), frames.data(handle, "after"));
    flood(alice, handle, 500);
    readAll(bob);
    expect(bob.heard().filter(({ frame }) => frame === "close")).toMatchObject([{ handle: second, reason: 1234 }]);
  });

  test("of a message that was large only what is held is kept", () => {
    const { alice, bob, handle } = setup();
    flood(alice, handle, 200);
    const message = frames.data(handle, "kept");
    alice.send(frames.data(handle, new Uint8Array(200_000)), message);
    for (let frame = bob.link.backlog?.oldest; frame; frame = frame.younger) {
      expect(frame.bytes.buffer.byteLength).toBe(frame.bytes.length);
    }
  });
});

describe("[F3] senders are held back", () => {
  test("whose frames are dropped is told, also where hardly any can wait because all is under way already", () => {
    const { room, alice, bob, handle } = setup();
    bob.socket.buffered = 0; // far away rather than slow, so the other half may be under way, too (F2)
    flood(alice, handle, 300);
    expect(room.statistics.drops.peer_stalled).toBeGreaterThan(20);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Held)]);
  });

  test("told once, when a good part waits, and released when nothing does", () => {
    const { alice, bob, handle } = setup();
    flood(alice, handle, 140);
    expect(alice.heard()).toEqual([]);
    flood(alice, handle, 200);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Held)]);
    const [mark] = bob.marks.splice(0, 1);
    bob.send(frames.credit(mark!));
    expect(alice.heard()).toEqual([]);
    readAll(bob);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Open)]);
  });

  test("only those that send to it, and everybody else goes on", () => {
    const { room, alice, bob, handle } = setup();
    const [carol, dave] = [room.join(CAROL), room.join(peerId(9))];
    const idle = room.pair(carol, bob);
    const elsewhere = room.pair(carol, dave);
    flood(alice, handle, 400);
    expect(carol.heard()).toEqual([]);
    carol.send(frames.data(elsewhere, "unharmed"));
    expect(dave.heard()).toMatchObject([{ payload: "unharmed" }]);
    carol.send(frames.data(idle, "x"));
    expect(carol.heard()).toEqual([pathOf(idle, Path.Held)]);
  });

  test("acks that were lost: both ends are told to send again", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 1_000, DataFlag.Reliable);
    for (let i = 0; i < 2_000; i++) alice.send(ackFrame({ handle, lane: 0, cumulative: i, selective: 0, window: 1 }));
    readAll(bob);
    const paths = bob.heard().filter(({ frame }) => frame === "path");
    expect(paths).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
    expect(room.room.isPresent(BOB)).toBe(true);
  });

  test("[R5] a sender that comes back meanwhile is told again that it has to wait", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400);
    alice.drop();
    const back = room.resume(alice);
    expect(back.heard().filter(({ frame }) => frame === "path")).toEqual([pathOf(handle, Path.Held)]);
    readAll(bob);
    expect(back.heard().filter(({ frame }) => frame === "path")).toEqual([pathOf(handle, Path.Open)]);
  });

  test("a connection that is over by then is not spoken of", () => {
    const { alice, bob, handle } = setup();
    flood(alice, handle, 400);
    alice.take();
    alice.send(frames.close(handle));
    alice.take();
    readAll(bob);
    expect(alice.heard()).toEqual([]);
  });
});

describe("[F4] one that stays stalled", () => {
  test("is disconnected after 20 s, its session away, and finds it again", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400, DataFlag.Reliable);
    room.advance(TIMES.stallMs - 1);
    for (const peer of [alice, bob]) peer.ping();
    expect(bob.socket.closed).toBeUndefined();
    alice.take();
    room.advance(1_000);
    expect(bob.socket.closed).toEqual({ code: CloseCode.Stalled, reason: "what was sent was not taken in" });
    expect(alice.heard()).toEqual([pathOf(handle, Path.Away)]);
    expect(bob.link.backlog).toBeUndefined();
    bob.isReading = true;
    const back = room.resume(bob);
    expect(back.welcome?.session).toBe(bob.welcome?.session);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
  });

  test("is disconnected after 20 s also where the clock has gone back meanwhile", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400, DataFlag.Reliable);
    room.now -= 4 * 60_000;
    flood(alice, handle, 1, DataFlag.Reliable);
    room.advance(TIMES.stallMs + 1_000);
    expect(bob.socket.closed).toMatchObject({ code: CloseCode.Stalled });
  });

  test("one that an eviction finds stalled begins anew on a new socket: what waited for it is lost, and so is the count", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400, DataFlag.Reliable);
    alice.take();
    room.evict();
    expect(bob.socket.closed?.code).toBe(CloseCode.Stalled);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Away)]);
    bob.isReading = true;
    expect(room.resume(bob).welcome?.session).toBe(bob.welcome?.session);
    expect(alice.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
  });

  test("one that was released before the eviction stays", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400);
    readAll(bob);
    room.evict();
    expect(bob.socket.closed).toBeUndefined();
  });

  test("what the platform still queues for it when the object wakes counts as owed, until it is handed on", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 100); // not so much that anything waits here
    bob.socket.buffered = 100_000;
    room.evict();
    const before = handed(bob);
    flood(alice, handle, 100);
    expect(handed(bob) - before).toBeLessThan(70_000); // up to the first mark, without which no credit would come
    bob.socket.buffered = 0;
    readAll(bob);
    flood(alice, handle, 50);
    expect(numbersOf(bob).at(-1)).toBe(50);
  });

  test("a credit now and then is enough to stay", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400);
    for (let i = 0; i < 3; i++) {
      room.advance(TIMES.stallMs - 1_000);
      for (const peer of [alice, bob]) peer.ping();
      bob.send(frames.credit(bob.marks.shift()!));
      flood(alice, handle, 200);
    }
    expect(bob.socket.closed).toBeUndefined();
  });

  test("one for which control frames pile up is disconnected at once", () => {
    const { room, alice, bob, handle } = setup({ maxConnectionsPerPeer: 65_536 }, false);
    flood(alice, handle, 400);
    for (let i = 0; i < 20; i++) {
      const asker = room.join(peerId(100 + i));
      asker.send(...Array.from({ length: 250 }, (_, port) => frames.connect(BOB, { port, request: port })));
      expect(bob.link.backlog?.bytes ?? 0).toBeLessThan(2 * CAP + 1_000);
    }
    expect(bob.socket.closed?.code).toBe(CloseCode.Stalled);
  });

  test("a kick, a ban and a takeover close it whatever waits", () => {
    const { room, alice, bob, handle } = setup();
    flood(alice, handle, 400);
    room.kick(BOB);
    expect(bob.heard().at(-1)).toMatchObject({ frame: "bye", code: CloseCode.Kicked });
    expect(bob.socket.closed?.code).toBe(CloseCode.Kicked);
    expect(room.statistics.totalPackets + room.statistics.drops.peer_stalled).toBe(400);
  });
});

test("[D5] [D7] everything sent is delivered or counted as dropped, whatever the client does", () => {
  const { room, alice, bob, handle } = setup();
  let sent = 0;
  for (let round = 0; round < 30; round++) {
    flood(alice, handle, 37 + round, round % 3 === 0 ? DataFlag.Reliable : 0);
    sent += 37 + round;
    if (round % 4 === 0) for (const mark of bob.marks.splice(0, round % 5)) bob.send(frames.credit(mark));
  }
  readAll(bob);
  const { totalPackets, drops } = room.statistics;
  expect(totalPackets).toBe(bob.deliveredPackets);
  expect(totalPackets + drops.peer_stalled).toBe(sent);
});
