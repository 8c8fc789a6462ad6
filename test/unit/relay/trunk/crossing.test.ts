/** Connections between peers of two rooms: rules X1 to X9 of docs/trunk.md. */
import { describe, expect, it } from "vitest";
import { ConnectionState, EndReason, Path, PathFlag } from "../../../../src/protocol/index.ts";
import { ALICE, BOB, CAROL, type TestPeer, closeOf, errorOf, frames, peerId, stateOf } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";

const { Connecting, Connected, Disconnecting } = ConnectionState;

const BACK_MS = 4 * 60_000;

interface Pair {
  readonly rooms: TestRooms;
  readonly a: TestPeer;
  readonly b: TestPeer;
  /** The handles of the two halves. */
  readonly hx: number;
  readonly hy: number;
}

/** Alice in x and Bob in y, connected. Nothing is left to hear. */
function crossed(options: { settings?: object; visible?: boolean } = {}): Pair {
  const rooms = new TestRooms(["x", "y"], options.settings);
  const a = rooms.join("x", ALICE, { visible: options.visible ?? false });
  const b = rooms.join("y", BOB);
  rooms.join("y", CAROL); // so that handles of the two rooms differ
  rooms.room("y").pair([...rooms.room("y").peers][1]!, b, { port: 9 });
  const hx = a.connect(b);
  rooms.settle();
  const hy = b.heard().findLast(({ frame }) => frame === "incoming")!["handle"] as number;
  b.accept(hy);
  rooms.settle();
  a.take();
  b.take();
  expect(hx).not.toBe(hy);
  return { rooms, a, b, hx, hy };
}

const path = (handle: number, to: Path, flags = 0) => ({ frame: "path", handle, path: to, ...(flags && { flags }) });
const heardOf = (peer: TestPeer, frame: string) => peer.heard().filter((heard) => heard.frame === frame);
const connections = ({ rooms }: Pair) => rooms.rooms.map(({ manager }) => [...manager.connections()]);
/** Bob's other connection stays. */
const left = ({ rooms }: Pair) => rooms.rooms.map(({ manager }) => manager.getActiveConnectionCount());

describe("a connect to a peer of another room", () => {
  it("[X1] [X2] finds it, is announced there, and becomes Connected in both rooms under handles of their own", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    rooms.join("y", CAROL);
    const hx = a.connect(b, { port: 7 });
    expect(b.heard()).toEqual([]);
    rooms.settle();
    const [incoming] = b.heard();
    expect(incoming).toMatchObject({ frame: "incoming", peer: ALICE, virtualPort: 7 });
    b.accept(incoming!["handle"] as number);
    rooms.settle();
    expect(a.heard()).toEqual([stateOf(hx, Connecting, Connected)]);
    expect(b.heard()).toEqual([stateOf(incoming!["handle"] as number, Connecting, Connected)]);
  });

  it("[X1] [C6] looks the same to who asks, wherever the peer is", () => {
    const answers = ["y", "nowhere"].map((where) => {
      const rooms = new TestRooms(["x", "y"]);
      const a = rooms.join("x", ALICE);
      if (where === "y") rooms.join("y", BOB);
      const handle = a.connect(BOB);
      rooms.advance(30_000);
      return [handle, a.history.map(({ at, bytes }) => [at, bytes.length]), a.heard()];
    });
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]![2]).toEqual([closeOf(1, EndReason.Timeout, 2)]);
  });

  it("[X1] asks again after 1, 2 and 4 s, and connects when the peer has come", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    a.connect(BOB, { timeoutMs: 60_000 });
    const asked: number[] = [];
    for (let second = 0; second < 9; second++) {
      const before = rooms.dials;
      const { pending } = rooms;
      if (pending.length > 0) asked.push(second);
      rooms.advance(1_000);
      expect(rooms.dials).toBe(before);
    }
    expect(asked[0]).toBe(0);
    const b = rooms.join("y", BOB);
    rooms.advance(8_000);
    expect(heardOf(b, "incoming")).toHaveLength(1);
  });

  it("[X1] asks again when the clock has gone back, not when it is as late as it was", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    a.connect(BOB, { timeoutMs: 600_000 });
    rooms.advance(20_000); // the next question is far off
    for (const room of rooms.rooms) room.now -= BACK_MS;
    const b = rooms.join("y", BOB);
    a.connect(BOB, { timeoutMs: 600_000 });
    rooms.advance(70_000);
    expect(heardOf(b, "incoming").length).toBeGreaterThan(0);
  });

  it("[X1] is of no interest to the directory where the app has not asked for it", () => {
    const rooms = new TestRooms(["x", "y"], { crossRooms: 0 });
    const a = rooms.join("x", ALICE);
    rooms.join("y", BOB);
    a.connect(BOB);
    expect(rooms.pending).toEqual([]);
    rooms.advance(30_000);
    expect(rooms.dials).toBe(0);
    expect(a.heard()).toEqual([closeOf(1, EndReason.Timeout, 2)]);
  });

  it("[C5] by both at once is an accept, however the two cross", () => {
    for (const order of [0, 1, 2, 3, 5, 7]) {
      const rooms = new TestRooms(["x", "y"]);
      const a = rooms.join("x", ALICE);
      const b = rooms.join("y", BOB);
      a.connect(b);
      b.connect(a);
      for (let i = 0; rooms.step(order + i * order); i++);
      for (const peer of [a, b]) expect(heardOf(peer, "state")).toMatchObject([{ handle: 1, state: Connected }]);
      a.send(frames.data(1, "from a"));
      b.send(frames.data(1, "from b"));
      rooms.settle();
      expect(heardOf(b, "data")).toMatchObject([{ payload: "from a" }]);
      expect(heardOf(a, "data")).toMatchObject([{ payload: "from b" }]);
    }
  });

  it("[C6] [C7] refused by a stranger waits for its timeout; with a ticket that may know, it is told at once", () => {
    for (const visible of [false, true]) {
      const rooms = new TestRooms(["x", "y"]);
      const a = rooms.join("x", ALICE, { visible });
      const b = rooms.join("y", BOB);
      const hx = a.connect(b);
      rooms.settle();
      b.send(frames.refuse(1, 1007, "no"));
      rooms.settle();
      expect(a.heard()).toEqual(visible ? [closeOf(hx, 1007, 1, "no")] : []);
      rooms.advance(12_000);
      expect(rooms.rooms.map(({ manager }) => manager.getActiveConnectionCount())).toEqual([0, 0]);
    }
  });

  it("[C8] withdrawn by its initiator is withdrawn there too", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    const hx = a.connect(b);
    rooms.settle();
    a.send(frames.close(hx));
    rooms.settle();
    expect(b.heard().at(-1)).toEqual(closeOf(1, 1000, 1));
  });

  it("[X1] follows a peer that leaves for a third room before it has answered", () => {
    const rooms = new TestRooms(["x", "y", "z"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    const hx = a.connect(b);
    rooms.settle();
    b.bye();
    const again = rooms.join("z", BOB);
    rooms.advance(2_000);
    const [incoming] = heardOf(again, "incoming");
    again.accept(incoming!["handle"] as number);
    rooms.settle();
    expect(a.heard()).toEqual([stateOf(hx, Connecting, Connected)]);
    expect(rooms.room("y").manager.getActiveConnectionCount()).toBe(0);
  });

  it("[X8] becomes one of this room when the peer comes here", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    const hx = a.connect(b);
    rooms.settle();
    const here = rooms.join("x", BOB);
    rooms.settle();
    expect(b.heard().map(({ frame }) => frame)).toEqual(["incoming", "close"]);
    here.accept(hx);
    expect(a.heard()).toEqual([stateOf(hx, Connecting, Connected)]);
    rooms.settle();
    expect(rooms.room("y").manager.getActiveConnectionCount()).toBe(0);
  });
});

describe("a connection between rooms", () => {
  it("[X3] relays both ways, unchanged, and counts in both halves alike", () => {
    const pair = crossed();
    const { rooms, a, b, hx, hy } = pair;
    a.send(frames.data(hx, "one"), frames.data(hx, "two", { number: 2 }));
    b.send(frames.data(hy, "three"));
    rooms.settle();
    expect(heardOf(b, "data")).toMatchObject([
      { handle: hy, payload: "one", number: 1 },
      { handle: hy, payload: "two", number: 2 },
    ]);
    expect(heardOf(a, "data")).toMatchObject([{ handle: hx, payload: "three" }]);
    for (const room of rooms.rooms) {
      const half = [...room.manager.connections()].find(({ farPeer }) => farPeer !== undefined);
      expect(half).toMatchObject({ packetsRelayed: 3, bytesRelayed: 11 });
      expect(room.statistics.trunk.messagesIn).toBeGreaterThan(0);
    }
    const [x, y] = rooms.rooms.map(({ statistics }) => statistics.trunk);
    expect([x!.messagesIn, x!.bytesIn]).toEqual([y!.messagesOut, y!.bytesOut]);
    expect([y!.messagesIn, y!.bytesIn]).toEqual([x!.messagesOut, x!.bytesOut]);
    expect([x!.dials, y!.dials]).toEqual([1, 0]);
  });

  it.each([
    ["close", ({ a, hx }: Pair) => a.send(frames.close(hx, { reason: 1234, debug: "bye" })), 1234, 0, 1],
    ["bye", ({ a }: Pair) => a.bye(), EndReason.PeerLeft, undefined, 2],
    ["kick", ({ rooms }: Pair) => rooms.room("x").kick(ALICE), EndReason.PeerKicked, undefined, 2],
    ["ban", ({ rooms }: Pair) => rooms.room("x").ban("peer", String(ALICE)), EndReason.PeerBanned, undefined, 2],
    [
      "an operator's close",
      ({ rooms, hx }: Pair) => rooms.room("x").closeConnection(hx),
      EndReason.ClosedByAdmin,
      2,
      2,
    ],
    ["a fresh session", ({ rooms }: Pair) => rooms.join("x", ALICE), EndReason.PeerSuperseded, undefined, 2],
    ["idleness", ({ rooms }: Pair) => keepAlive(rooms, 320_000), EndReason.IdleTimeout, 2, 2],
  ] as const)("[X4] ended by %s ends in both rooms with the same code", (_name, end, reason, toA, toB) => {
    const pair = crossed();
    const { rooms, a, b, hx, hy } = pair;
    end(pair);
    rooms.settle();
    if (toA !== undefined)
      expect(heardOf(a, "close")).toContainEqual(expect.objectContaining({ handle: hx, reason, closedBy: toA }));
    expect(heardOf(b, "close")).toContainEqual(expect.objectContaining({ handle: hy, reason, closedBy: toB }));
    expect(
      connections(pair)
        .flat()
        .filter(({ farPeer }) => farPeer !== undefined),
    ).toEqual([]);
  });

  it("[C8] closes gracefully, with the answer of the other end or without", () => {
    for (const answers of [true, false]) {
      const pair = crossed();
      const { rooms, a, b, hx, hy } = pair;
      a.send(frames.close(hx, { reason: 1100, graceful: true }));
      rooms.settle();
      expect(b.heard()).toEqual([stateOf(hy, Connected, Disconnecting), { ...closeOf(hy, 1100, 1), flags: 1 }]);
      if (answers) b.send(frames.close(hy));
      rooms.advance(answers ? 0 : 7_000);
      rooms.settle();
      expect(a.heard()).toEqual([stateOf(hx, Connected, Disconnecting), closeOf(hx, 1100, 0)]);
      expect(left(pair)).toEqual([0, 1]);
    }
  });

  it("[X4] [R4] [R6] tells the far end that a peer is away, and back", () => {
    const { rooms, a, b, hx, hy } = crossed();
    b.drop();
    rooms.settle();
    expect(a.heard()).toEqual([path(hx, Path.Away)]);
    const back = rooms.room("y").resume(b);
    rooms.settle();
    expect(a.heard()).toEqual([path(hx, Path.Open, PathFlag.Lost)]);
    expect(back.heard().map(({ frame }) => frame)).toEqual(expect.arrayContaining(["welcome", "state", "resumed"]));
    a.send(frames.data(hx, "again"));
    rooms.settle();
    expect(heardOf(back, "data")).toMatchObject([{ handle: hy, payload: "again" }]);
  });

  it("[R5] tells who comes back that the far end is away meanwhile", () => {
    const { rooms, a, b, hx } = crossed();
    a.drop();
    rooms.settle();
    b.drop();
    rooms.settle();
    const back = rooms.room("x").resume(a);
    rooms.settle();
    expect(heardOf(back, "path").at(-1)).toEqual(path(hx, Path.Away));
  });

  it("[R9] ends with 5108 in both rooms when a peer does not come back", () => {
    const pair = crossed();
    const { rooms, a, b, hy } = pair;
    a.drop();
    for (let i = 0; i < 4; i++) {
      rooms.advance(9_000);
      b.ping();
      for (const peer of rooms.room("y").peers) peer.ping();
    }
    expect(heardOf(b, "close")).toEqual([closeOf(hy, EndReason.PeerLost, 2)]);
    expect(left(pair)).toEqual([0, 1]);
  });
});

describe("a trunk", () => {
  it("[X5] is closed after 5 s of silence, and dialed again by whoever has something to say", () => {
    const { rooms, a, b, hx, hy } = crossed();
    expect(rooms.wires).toHaveLength(2);
    rooms.advance(8_000);
    expect(rooms.wires).toEqual([]);
    expect(a.heard()).toEqual([]); // nobody is told: nothing was lost
    b.send(frames.data(hy, "woken"));
    rooms.settle();
    expect(heardOf(a, "data")).toMatchObject([{ handle: hx, payload: "woken" }]);
    expect(rooms.dials).toBe(2);
  });

  it("[X5] is remembered while a socket is open on which it has rested, and the other room speaks again", () => {
    const { rooms, a, b, hx, hy } = crossed();
    const [x, y] = [rooms.room("x"), rooms.room("y")];
    x.now += 6_000;
    x.turn(() => x.room.restTrunks(x.now));
    rooms.step(); // y hears it
    a.send(frames.data(hx, "so x keeps it"));
    b.send(frames.data(hy, "on another"));
    rooms.settle();
    a.send(frames.close(hx));
    rooms.settle();
    y.now += 7_000;
    y.turn(() => y.room.restTrunks(y.now));
    rooms.settle(); // nothing is between the two but the socket that x has dialed
    expect(rooms.wires).toHaveLength(2);
    b.take();
    a.connect(b, { port: 8 });
    rooms.settle();
    b.accept(heardOf(b, "incoming").at(-1)!["handle"] as number);
    rooms.settle();
    rooms.advance(20_000);
    expect(rooms.wires).toEqual([]); // all at rest, what y has dialed too
  });

  it("[X5] lets both rooms lose their memory meanwhile", () => {
    const { rooms, a, b, hx, hy } = crossed();
    rooms.advance(8_000);
    expect(rooms.evict("x") && rooms.evict("y")).toBe(true);
    a.send(frames.data(hx, "from a"));
    rooms.settle();
    b.send(frames.data(hy, "from b"));
    rooms.settle();
    expect(heardOf(b, "data")).toMatchObject([{ payload: "from a" }]);
    expect(heardOf(a, "data")).toMatchObject([{ payload: "from b" }]);
  });

  it("[X5] accepted by a room that is evicted goes on", () => {
    const { rooms, a, b, hx, hy } = crossed();
    expect(rooms.evict("x")).toBe(false); // it has dialed
    expect(rooms.evict("y")).toBe(true);
    a.send(frames.data(hx, "from a"));
    b.send(frames.data(hy, "from b"));
    rooms.settle();
    expect(heardOf(b, "data")).toMatchObject([{ payload: "from a" }]);
    expect(heardOf(a, "data")).toMatchObject([{ payload: "from b" }]);
    expect(rooms.dials).toBe(1);
  });

  it("[X6] [X7] that breaks is dialed again, and both ends send again what was lost", () => {
    const { rooms, a, b, hx, hy } = crossed();
    a.send(frames.data(hx, "lost"));
    rooms.cut();
    rooms.advance(3_000);
    expect(heardOf(a, "path")).toEqual([path(hx, Path.Away), path(hx, Path.Open, PathFlag.Lost)]);
    expect(b.heard()).toEqual([path(hy, Path.Away), path(hy, Path.Open, PathFlag.Lost)]);
    expect(rooms.wires.length).toBeGreaterThan(0);
  });

  it("[X6] of two that breaks after it was asked to rest, and used once more, is missed by who used it", () => {
    const { rooms, a, b, hx, hy } = crossed();
    const [nearEnd, farEnd] = rooms.wires;
    const x = rooms.room("x");
    x.now += 6_000;
    x.turn(() => x.room.restTrunks(x.now));
    rooms.step(); // y hears it, and will say no more on this one
    b.send(frames.data(hy, "on another"));
    while (rooms.pending.length > 1) rooms.step(1); // x has not heard that y may rest
    expect(rooms.dials).toBe(2);
    a.take();
    a.send(frames.data(hx, "lost"));
    for (const end of [nearEnd!, farEnd!]) end.lose();
    rooms.settle();
    expect(heardOf(a, "path")).toContainEqual(path(hx, Path.Open, PathFlag.Lost));
  });

  it("[X6] tells what was said into the void: an accept, a close with its reason", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    const hx = a.connect(b);
    rooms.settle();
    b.accept(1);
    rooms.cut();
    rooms.advance(3_000);
    expect(heardOf(a, "state")).toEqual([stateOf(hx, Connecting, Connected)]);
    expect(heardOf(b, "path").at(-1)).toEqual(path(1, Path.Open, PathFlag.Lost)); // or b would send nothing
    b.send(frames.close(1, { reason: 1333 }));
    rooms.cut();
    rooms.advance(3_000);
    expect(heardOf(a, "close")).toEqual([closeOf(hx, 1333, 1)]);
  });

  it("[X7] that cannot be had for 30 s ends what leads over it, with 5108 on both sides", () => {
    const { rooms, a, b, hx, hy } = crossed();
    rooms.isReachable = false;
    rooms.cut();
    for (let i = 0; i < 4; i++) {
      for (const room of rooms.rooms) for (const peer of room.peers) peer.ping();
      rooms.advance(9_000);
    }
    expect(heardOf(a, "close")).toEqual([closeOf(hx, EndReason.PeerLost, 2)]);
    expect(heardOf(b, "close")).toEqual([closeOf(hy, EndReason.PeerLost, 2)]);
    expect(rooms.dials).toBeLessThan(20);
    const counted = rooms.rooms.reduce((sum, { statistics }) => sum + statistics.trunk.dials, 0);
    expect(counted).toBe(rooms.dials); // those in vain too
  });

  it("[X7] is dialed again when the clock has gone back, not when it is as late as it was", () => {
    const { rooms, a, b, hx } = crossed();
    rooms.isReachable = false;
    rooms.cut();
    rooms.advance(4_000);
    rooms.isReachable = true;
    for (const room of rooms.rooms) room.now -= BACK_MS;
    a.send(frames.data(hx, "from a"));
    rooms.advance(9_000);
    expect(heardOf(a, "path").at(-1)).toEqual(path(hx, Path.Open, PathFlag.Lost));
    expect(heardOf(b, "data")).toMatchObject([{ payload: "from a" }]);
  });

  it("goes on when the other room cannot write down what it is asked for, and finds it when it can", () => {
    const { rooms, a, b, hx } = crossed();
    rooms.room("y").store.failing.add("insertConnection");
    const again = a.connect(b, { port: 3, timeoutMs: 60_000 });
    rooms.settle();
    a.send(frames.data(hx, "meanwhile"));
    rooms.settle();
    expect(heardOf(b, "data")).toMatchObject([{ payload: "meanwhile" }]);
    expect(rooms.room("y").logged("store_failed")).toHaveLength(1);
    rooms.room("y").store.failing.clear();
    rooms.advance(3_000);
    b.accept(heardOf(b, "incoming")[0]!["handle"] as number);
    rooms.settle();
    expect(a.heard()).toEqual([stateOf(again, Connecting, Connected)]); // and no word of a path
  });

  it("[X7] is dialed again at once, and then after 1, 2, 4 and 8 s", () => {
    const { rooms } = crossed();
    rooms.isReachable = false;
    const before = rooms.dials;
    rooms.cut();
    const dials: number[] = [];
    for (let second = 0; second <= 16; second++) {
      rooms.settle();
      dials.push(rooms.dials - before);
      for (const peer of [...rooms.room("x").peers, ...rooms.room("y").peers]) peer.ping();
      rooms.room("x").advance(1_000);
    }
    expect(
      dials.map((count, second) => (count > (dials[second - 1] ?? 0) ? second : -1)).filter((at) => at >= 0),
    ).toEqual([0, 1, 3, 7, 15]);
  });

  it("[X7] that broke long ago, when nothing led over it, does not end what leads over the next one", () => {
    const { rooms, a, b, hx } = crossed();
    a.send(frames.close(hx));
    rooms.settle();
    rooms.cut();
    rooms.settle();
    for (const room of rooms.rooms) {
      room.now += 60_000; // without an alarm: nothing was due in a room of one
      for (const peer of room.peers) peer.ping();
    }
    const again = a.connect(b, { port: 3 });
    rooms.step(); // the directory has answered, and the trunk is dialed
    rooms.room("x").ring();
    rooms.settle();
    b.accept(heardOf(b, "incoming").at(-1)!["handle"] as number);
    rooms.settle();
    expect(heardOf(a, "state").at(-1)).toEqual(stateOf(again, Connecting, Connected));
  });

  it("[R10] [X6] outlives a room that crashes: its peers come back to their far connections", () => {
    const { rooms, a, b, hx, hy } = crossed();
    rooms.crash("x");
    rooms.advance(3_000);
    expect(heardOf(b, "path").at(-1)).toEqual(path(hy, Path.Away));
    const back = rooms.room("x").resume(a);
    rooms.settle();
    expect(heardOf(b, "path").at(-1)).toEqual(path(hy, Path.Open, PathFlag.Lost));
    back.send(frames.data(hx, "from a"));
    rooms.settle();
    expect(heardOf(b, "data")).toMatchObject([{ payload: "from a" }]);
  });

  it("[X6] [F3] who sends to a slow far peer is held back on the next trunk, too", () => {
    const { rooms, a, b, hx } = crossed({ settings: { maxQueuedBytes: 65_536 } });
    b.isReading = false;
    for (let i = 0; i < 30; i++) {
      a.send(frames.data(hx, new Uint8Array(4_000), { number: i + 1 }));
      rooms.settle();
    }
    expect(heardOf(a, "path")).toEqual([path(hx, Path.Held)]);
    rooms.cut();
    rooms.advance(1_000);
    expect(heardOf(a, "path")).toEqual([path(hx, Path.Away), path(hx, Path.Open, PathFlag.Lost), path(hx, Path.Held)]);
    b.isReading = true;
    b.credit();
    rooms.settle();
    expect(heardOf(a, "path").at(-1)).toMatchObject({ path: Path.Open });
  });

  it("[X9] [F3] holds back who sends to a slow far peer, and nobody else on it", () => {
    const { rooms, a, b, hx } = crossed({ settings: { maxQueuedBytes: 65_536 } });
    const carol = [...rooms.room("y").peers].find(({ id }) => id === CAROL)!;
    const other = a.connect(carol);
    rooms.settle();
    carol.accept(heardOf(carol, "incoming").at(-1)!["handle"] as number);
    rooms.settle();
    a.take();
    carol.take();
    b.isReading = false;
    for (let i = 0; i < 30; i++) {
      a.send(frames.data(hx, new Uint8Array(4_000), { number: i + 1 }));
      a.send(frames.data(other, String(i), { number: i + 1 }));
      rooms.settle();
    }
    expect(heardOf(carol, "data")).toHaveLength(30);
    expect(heardOf(a, "path")).toEqual([path(hx, Path.Held)]);
    expect(rooms.room("y").statistics.drops.peer_stalled).toBeGreaterThan(0);
    b.isReading = true;
    b.credit();
    rooms.settle();
    expect(heardOf(a, "path").at(-1)).toMatchObject({ path: Path.Open });
  });
});

describe("an attacker", () => {
  it("[X2] [C12] cannot use handles of another room, nor those of others over a trunk", () => {
    const { rooms, a, b, hx, hy } = crossed();
    const eve = rooms.join("x", peerId(66));
    eve.send(frames.data(hx, "hi"), frames.data(hy, "hi"), frames.close(hx));
    rooms.settle();
    expect(eve.heard()).toEqual([
      errorOf("unknown_handle", 0x20, hx),
      errorOf("unknown_handle", 0x20, hy),
      errorOf("unknown_handle", 0x15, hx),
    ]);
    expect([...a.heard(), ...b.heard()]).toEqual([]);
  });

  it("[P4] [X8] is refused what only rooms say", () => {
    for (const type of [0x40, 0x43, 0x45, 0x46, 0x48]) {
      const { rooms, b } = crossed();
      const eve = rooms.join("x", peerId(66));
      eve.send(new Uint8Array([type, 0, 0, 0, 0, 0, 0, 0]));
      expect(eve.heard()[0]).toEqual(errorOf("unknown_frame", type));
      rooms.settle();
      expect(b.heard()).toEqual([]);
    }
  });

  it("[L1] [L2] cannot send more over a trunk than its own room lets it", () => {
    const { rooms, a, b, hx } = crossed({ settings: { messagesPerSecond: 5 } });
    for (let i = 0; i < 15; i++) a.send(frames.data(hx, "flood", { number: i + 1 }));
    rooms.settle();
    expect(heardOf(b, "data").length).toBeLessThanOrEqual(10);
  });

  it("[X8] gains no second hop: who is asked for over a trunk and has left is not looked for elsewhere by that room", () => {
    const rooms = new TestRooms(["x", "y", "z"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB);
    a.connect(b);
    rooms.settle();
    b.bye();
    rooms.join("z", BOB);
    rooms.settle();
    expect(rooms.room("y").manager.getActiveConnectionCount()).toBe(0);
    expect(rooms.room("y").room.takeWanted()).toEqual([]);
  });
});

/** Everybody pings, for so long. */
function keepAlive(rooms: TestRooms, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    rooms.advance(10_000);
    for (const room of rooms.rooms) for (const peer of room.peers) peer.ping();
  }
}
