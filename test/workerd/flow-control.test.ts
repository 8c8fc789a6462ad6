/** A peer that does not take in what it is sent costs a bounded amount, and slows nobody else down. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  CloseCode,
  ConnectionState,
  DATA_PAYLOAD_OFFSET,
  DataFlag,
  ERRORS,
  FrameType,
  Path,
  PathFlag,
} from "../../src/protocol/index.ts";
import { HibernatableSocket } from "../../src/runtime/cloudflare/hibernatable-socket.ts";
import { type WalkedFrame, ackFrame, dataFrame } from "../support/frames.ts";
import { Clock } from "./support/clock.ts";
import { comeBack, takeAll, toldAs } from "./support/loss.ts";
import { BOB, CAROL, DAVE, type Pair, TestPeer, joinUp, mustRelay, pairUp, pause } from "./support/peer.ts";
import { operatorOf, type RoomStub, roomOf } from "./support/room.ts";

const SECOND = 1_000;
const KIB = 1_024;
/** An app that has 256 KiB for each peer (vitest.config.ts), and the one with the default of 1 MiB. */
const SMALL = { app: 4001, maxQueued: 256 * KIB };
const DEFAULT = { app: 40_010, maxQueued: 1_024 * KIB };
const PAYLOAD = KIB - DATA_PAYLOAD_OFFSET;
const MARK_BYTES = 64 * KIB;
const LOW_BUFFER = 64 * KIB;

let rooms = 0;
function freshRoom({ app }: { app: number } = SMALL): { where: { app: number; room: string }; stub: RoomStub } {
  const room = `flow-${rooms++}`;
  return { where: { app, room }, stub: roomOf(app, room) };
}

/** Data in messages of 16 KiB; waits for each to be read by the relay. Returns the next free number. */
async function pour({ a, handle }: Pair, bytes: number, { first = 1, flags = 0, lane = 0 } = {}): Promise<number> {
  const last = first + bytes / KIB;
  for (let number = first; number < last; number += 16) {
    a.send(
      ...Array.from({ length: 16 }, (_, i) => {
        const payload = new Uint8Array(PAYLOAD);
        return dataFrame({ handle, payload, number: number + i, sequence: number + i, flags, lane });
      }),
    );
    await a.fence();
  }
  return last;
}

function dataOf(peer: TestPeer): WalkedFrame[] {
  return peer.inbox.filter(({ data }) => data !== undefined);
}

function numbersOf(peer: TestPeer): number[] {
  return dataOf(peer).map(({ data }) => data!.number);
}

/** The control frames that have come and were not taken; data stays. */
function takeControls(peer: TestPeer): unknown[][] {
  const controls = peer.inbox.filter(({ control }) => control);
  for (const frame of controls) peer.inbox.splice(peer.inbox.indexOf(frame), 1);
  return controls.map(({ control }) => toldAs(control!));
}

const held = (handle: number) => ["path", { handle, path: Path.Held }];
const openAgain = (handle: number) => ["path", { handle, path: Path.Open }, PathFlag.Lost];
const openStill = (handle: number) => ["path", { handle, path: Path.Open }];

/** Bob does not credit, and Alice has sent him far more than is kept for him. */
async function stalled(where: { app: number; room: string }, options = {}): Promise<{ pair: Pair; sent: number }> {
  const pair = await pairUp(where);
  pair.b.credits = false;
  const next = await pour(pair, 4 * SMALL.maxQueued, options);
  return { pair, sent: next - 1 };
}

describe("F1: marks", () => {
  it("come at least every 64 KiB, as far as whole messages go, and a client that credits them gets everything", async () => {
    const { where, stub } = freshRoom();
    const pair = await pairUp(where);
    const { b } = pair;
    const marks: number[] = [];
    let bytes = 0;
    b.socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") bytes += (data as ArrayBuffer).byteLength;
    });
    const control = b.control.bind(b);
    b.control = ((name: string, values: { mark: number }) => {
      if (name === "credit") {
        marks.push(values.mark);
        expect(bytes).toBeLessThanOrEqual(MARK_BYTES + 2 * 16 * KIB);
        bytes = 0;
      }
      control(name as never, values as never);
    }) as never;
    const sent = (await pour(pair, 8 * SMALL.maxQueued)) - 1;
    await b.nextOf("the last", ({ data }) => data?.number === sent);
    expect(numbersOf(b)).toEqual(Array.from({ length: sent - 1 }, (_, i) => i + 1));
    expect(marks.length).toBeGreaterThanOrEqual(Math.floor((8 * SMALL.maxQueued) / (MARK_BYTES + 16 * KIB)));
    expect(new Set(marks).size).toBe(marks.length);
    expect(takeAll(pair.a)).toEqual([]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: sent, drops: { peer_stalled: 0 } });
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the platform says that it holds for a socket. In one isolate it is always next to nothing. */
const PLATFORMS: [string, number | undefined][] = [
  ["holds nothing back", 0],
  ["holds more and more back", 4 * LOW_BUFFER],
  ["does not tell what it holds back", undefined],
];

describe.each(PLATFORMS)("F2, F3: a peer that does not credit, where the platform %s", (_platform, buffered) => {
  beforeEach(() => {
    vi.spyOn(HibernatableSocket.prototype, "bufferedAmount").mockReturnValue(buffered);
  });

  it.each([SMALL, DEFAULT])(
    "is handed no more than $maxQueued bytes, the sender is told Held, and Open after the credits",
    async ({ app, maxQueued }) => {
      const { where, stub } = freshRoom({ app });
      const pair = await pairUp(where);
      const { a, b, handle } = pair;
      b.credits = false;
      const before = b.received;
      const sent = (await pour(pair, 4 * maxQueued)) - 1;
      const handed = b.received - before;
      expect(handed).toBeGreaterThanOrEqual(maxQueued / 2 - 16 * KIB);
      expect(handed).toBeLessThanOrEqual(maxQueued);
      expect(takeAll(a)).toEqual([held(handle)]);
      const during = await operatorOf(stub).statistics();
      expect(during.totalPackets).toBe(dataOf(b).length); // D5: what waits is not relayed yet
      const dropped = during.drops.peer_stalled;
      expect(dropped).toBeGreaterThan(0);
      const waiting = sent - during.totalPackets - dropped;
      expect(waiting).toBeGreaterThan(0);
      expect(waiting * KIB + handed).toBeLessThanOrEqual(maxQueued + KIB);
      b.catchUp();
      await b.nextOf("the last", ({ data }) => data?.number === sent);
      await b.fence();
      await a.fence();
      expect(takeAll(a)).toEqual([openStill(handle)]); // nothing was lost that is sent again
      expect(takeControls(b)).toEqual([]);
      // D6; the oldest unreliable frames have made room for the newest.
      const numbers = numbersOf(b);
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
      expect(numbers.slice(numbers.length - waiting + 1)).toEqual(
        Array.from({ length: waiting - 1 }, (_, i) => sent - waiting + 1 + i),
      );
      const after = await operatorOf(stub).statistics();
      expect(after).toMatchObject({ totalPackets: sent - dropped, drops: { peer_stalled: dropped } });
      expect(after.totalBytes).toBe((sent - dropped) * PAYLOAD);
      b.inbox.length = 0;
      await mustRelay(pair);
    },
  );

  it("that credits again before anything was lost: the sender is told Open without Lost", async () => {
    const { where, stub } = freshRoom();
    const pair = await pairUp(where);
    const { a, b, handle } = pair;
    b.credits = false;
    let next = 1;
    while (a.inbox.length === 0 && next < 1_000) next = await pour(pair, 16 * KIB, { first: next });
    expect(takeAll(a)).toEqual([held(handle)]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ drops: { peer_stalled: 0 } });
    b.catchUp();
    await b.nextOf("the last", ({ data }) => data?.number === next - 1);
    await b.fence();
    await a.fence();
    expect(takeAll(a)).toEqual([openStill(handle)]);
    expect(takeControls(b)).toEqual([]);
    expect(numbersOf(b)).toEqual(Array.from({ length: next - 2 }, (_, i) => i + 1));
  });

  it("of reliable data what came last is dropped, and what is kept arrives without a gap", async () => {
    const { where, stub } = freshRoom();
    const { pair, sent } = await stalled(where, { flags: DataFlag.Reliable });
    const { a, b, handle } = pair;
    const { drops, totalPackets } = await operatorOf(stub).statistics();
    const kept = sent - drops.peer_stalled;
    expect(kept).toBeGreaterThan(totalPackets);
    b.catchUp();
    await b.nextOf("the last that was kept", ({ data }) => data?.number === kept);
    await b.fence();
    expect(numbersOf(b)).toEqual(Array.from({ length: kept - 1 }, (_, i) => i + 1));
    await a.fence();
    expect(takeAll(a)).toEqual([held(handle), openAgain(handle)]);
    expect(takeControls(b)).toEqual([openAgain(handle)]); // acks may have been among it
  });

  it("still gets every control frame, and its acks in their order, when it credits", async () => {
    const { where } = freshRoom();
    const { pair } = await stalled(where);
    const { a, b, handle } = pair;
    const c = await TestPeer.enter({ ...where, peer: CAROL });
    c.connect(BOB);
    const { handle: asked } = await c.next("connecting");
    a.control("close", { handle, reason: 1_005, closedBy: 0, debug: "too slow" });
    await a.next("close");
    await b.fence().catch(() => undefined); // its answer waits, like everything
    expect(takeControls(b)).toEqual([]);
    b.catchUp();
    expect(await b.next("incoming")).toMatchObject({ handle: asked, peer: CAROL });
    expect(await b.next("close")).toMatchObject({ handle, reason: 1_005, debug: "too slow" });
    b.control("accept", { handle: asked });
    await b.next("state");
    b.inbox.length = 0;
    await c.next("state");
    await mustRelay({ a: c, b, handle: asked, connectionId: 0n });
  });

  it("does not slow down anybody else, nor what it sends itself", async () => {
    const { where, stub } = freshRoom();
    const [c, d] = [await TestPeer.enter({ ...where, peer: CAROL }), await TestPeer.enter({ ...where, peer: DAVE })];
    const bystanders = await joinUp(c, d);
    const { pair } = await stalled(where);
    const { a, b, handle } = pair;
    await mustRelay(bystanders);
    const fine = await joinUp(a, c, { virtualPort: 3 });
    a.inbox.length = 0;
    await mustRelay(fine);
    b.data(handle, new Uint8Array(3));
    expect((await a.nextData()).payload).toHaveLength(3);
    b.send(ackFrame({ handle, lane: 0, cumulative: 5, selective: 0, window: 9 } as never));
    expect((await a.nextOf("ack", ({ ack }) => ack !== undefined)).ack).toMatchObject({ handle });
    for (let i = 0; i < 4; i++) {
      const next = await pour({ a: c, b: d, handle: bystanders.handle, connectionId: 0n }, SMALL.maxQueued);
      await d.nextOf("the last", ({ data }) => data?.number === next - 1);
      d.inbox.length = 0;
    }
    expect(takeAll(c)).toEqual([]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 4, away: 0 });
  });

  it("F2: what it has not credited stays bounded, however often the room sleeps", async () => {
    const { where, stub } = freshRoom();
    const { pair } = await stalled(where);
    let first = 100_000;
    for (let i = 0; i < 3; i++) {
      await evictDurableObject(stub);
      first = await pour(pair, SMALL.maxQueued, { first });
    }
    expect(pair.b.received).toBeLessThanOrEqual(SMALL.maxQueued + 16 * KIB);
  });

  it("F3: who was told Held is told Open with Lost when it has credited", async () => {
    const { where } = freshRoom();
    const { pair } = await stalled(where, { flags: DataFlag.Reliable });
    const { a, b, handle } = pair;
    expect(takeAll(a)).toEqual([held(handle)]);
    b.catchUp();
    await b.fence();
    await a.fence();
    expect(takeAll(a)).toEqual([openAgain(handle)]);
  });

  it("F3, R3: nor does an eviction leave the sender waiting: the peer begins anew, on a new socket", async () => {
    const { where, stub } = freshRoom();
    const { pair } = await stalled(where, { flags: DataFlag.Reliable });
    const { a, b, handle } = pair;
    takeAll(a);
    await evictDurableObject(stub);
    b.stir();
    expect(await b.next("bye")).toMatchObject({ code: CloseCode.Stalled });
    expect((await b.closed).code).toBe(CloseCode.Stalled);
    await a.fence();
    expect(takeAll(a)).toEqual([["path", { handle, path: Path.Away }]]);
    const { peer } = await comeBack({ ...where, peer: BOB }, b.key);
    await a.fence();
    expect(takeAll(a)).toEqual([openAgain(handle)]);
    await mustRelay({ ...pair, b: peer });
  });
});

describe("F4: a peer that has not credited for 20 s", () => {
  it("is disconnected with 4009 by the alarm, not before, and may come back", async () => {
    using clock = new Clock();
    const { where, stub } = freshRoom();
    const c = await TestPeer.enter({ ...where, peer: CAROL });
    const { pair, sent } = await stalled(where);
    const { a, b, handle } = pair;
    const other = await joinUp(c, a, { virtualPort: 1 });
    takeAll(a);
    const start = clock.now;
    const stir = async () => {
      for (const peer of [a, b, c]) peer.stir(); // being heard is not a credit
      await Promise.all([a.fence(), c.fence()]);
    };
    for (const at of [7, 14, 19]) {
      await clock.pass(start + at * SECOND - clock.now, stub);
      await stir();
    }
    expect(b.close).toBeUndefined();
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 3, away: 0 });
    await clock.pass(2 * SECOND, stub);
    expect(await b.next("bye")).toMatchObject({ code: CloseCode.Stalled });
    expect((await b.closed).code).toBe(CloseCode.Stalled);
    await a.fence();
    expect(takeAll(a)).toEqual([["path", { handle, path: Path.Away }]]);
    const { totalPackets, drops, ...rest } = await operatorOf(stub).statistics();
    expect(rest).toMatchObject({ peers: 2, away: 1, activeConnections: 2 });
    expect(totalPackets + drops.peer_stalled).toBe(sent); // what waited is counted, too
    await mustRelay(other);
    await evictDurableObject(stub);
    const { told, peer } = await comeBack({ ...where, peer: BOB }, b.key);
    expect(told).toEqual([
      ["state", { handle, state: ConnectionState.Connected, previous: ConnectionState.Connected }],
    ]);
    await a.fence();
    expect(takeAll(a)).toEqual([openAgain(handle)]);
    await mustRelay({ ...pair, b: peer });
    const next = await pour({ ...pair, b: peer }, 2 * SMALL.maxQueued, { first: 10_000 });
    await peer.nextOf("the last", ({ data }) => data?.number === next - 1);
    expect(await operatorOf(stub).statistics()).toMatchObject({ drops: { peer_stalled: drops.peer_stalled } });
  });

  it("is not, when it credits a little now and then", async () => {
    using clock = new Clock();
    const { where, stub } = freshRoom();
    const { pair } = await stalled(where);
    const { b, a, handle } = pair;
    let first = 100_000;
    for (let i = 0; i < 4; i++) {
      await clock.pass(15 * SECOND, stub);
      const mark = b.owed.shift();
      if (mark === undefined) throw new Error("no mark is owed");
      b.control("credit", { mark });
      await pause(20); // its socket and Alice's are not read in any order
      first = await pour(pair, 128 * KIB, { first });
    }
    expect(b.close).toBeUndefined();
    b.catchUp();
    await b.nextOf("the last", ({ data }) => data?.number === first - 1);
    await b.fence();
    await a.fence();
    expect(
      takeAll(a)
        .filter(([frame]) => frame === "path")
        .at(-1) ?? openStill(handle),
    ).toEqual(openStill(handle));
    await clock.pass(20 * SECOND, stub, [a, b]);
    expect(b.close).toBeUndefined();
  });

  it("owes nothing that would count against it while no frames wait", async () => {
    using clock = new Clock();
    const { where, stub } = freshRoom();
    const pair = await pairUp(where);
    pair.b.credits = false;
    await pour(pair, 96 * KIB);
    await clock.pass(60 * SECOND, stub, [pair.a, pair.b]);
    expect(pair.b.owed).toHaveLength(1);
    expect(pair.b.close).toBeUndefined();
    expect(takeAll(pair.a)).toEqual([]);
  });
});

describe("F5: a credit for no mark", () => {
  const { code } = ERRORS.unknown_mark;
  const unknown = ["error", { code, frame: FrameType.Credit, about: 0 }];

  it("is unknown_mark: one that was made up, another peer's, and one that was used", async () => {
    const { where } = freshRoom();
    const pair = await pairUp(where);
    const { a, b } = pair;
    b.credits = false;
    b.control("credit", { mark: 1 });
    await b.fence();
    expect(takeAll(b)).toMatchObject([unknown]);
    await pour(pair, 80 * KIB);
    const mark = b.owed[0]!;
    expect(mark).toBeGreaterThanOrEqual(0);
    a.control("credit", { mark });
    await a.fence();
    expect(takeAll(a)).toMatchObject([unknown]);
    for (const made of [mark ^ 1, (mark + 1) >>> 0, (mark - 1) >>> 0]) b.control("credit", { mark: made });
    await b.fence();
    expect(takeControls(b)).toMatchObject([unknown, unknown, unknown]);
    b.control("credit", { mark });
    await b.fence();
    expect(takeControls(b)).toEqual([]);
    b.control("credit", { mark });
    await b.fence();
    expect(takeControls(b)).toMatchObject([unknown]);
    b.inbox.length = 0;
    await mustRelay(pair);
  });

  it("makes no room for more", async () => {
    const { where, stub } = freshRoom();
    const { pair } = await stalled(where);
    const { b } = pair;
    const received = b.received;
    for (let i = 0; i < 50; i++) b.control("credit", { mark: b.owed[0]! ^ (i + 1) });
    await pour(pair, 64 * KIB, { first: 100_000 });
    expect(b.received).toBe(received);
    expect(b.close).toBeUndefined();
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2 });
  });

  it("one for the newest mark covers the older ones, which are then unknown", async () => {
    const { where } = freshRoom();
    const { pair, sent } = await stalled(where);
    const { b } = pair;
    const [older, ...rest] = b.owed.splice(0);
    b.credits = true;
    b.control("credit", { mark: rest.at(-1) ?? older! });
    await b.nextOf("the last", ({ data }) => data?.number === sent);
    await b.fence();
    takeControls(b);
    b.control("credit", { mark: older! });
    await b.fence();
    expect(takeControls(b)).toMatchObject([unknown]);
  });
});
