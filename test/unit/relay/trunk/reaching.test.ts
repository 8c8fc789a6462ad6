/** Whom a peer may look for in other rooms, for how long it is looked for, and how often the directory is asked. */
import { describe, expect, it } from "vitest";
import { ConnectionState, EndReason } from "../../../../src/protocol/index.ts";
import { ALICE, BOB, CAROL, type TestPeer, closeOf, frames, peerId, stateOf } from "../../../support/room.ts";
import { DEFAULT_SETTINGS } from "../../../../src/relay/settings.ts";
import { TestRooms } from "../../../support/rooms.ts";

const { Connecting, Connected } = ConnectionState;
const PATIENT = { timeoutMs: 120_000 };

const heardOf = (peer: TestPeer, frame: string) => peer.heard().filter((heard) => heard.frame === frame);

/** Alice in x; Bob in y, where Alice may be banned. */
function banned() {
  const rooms = new TestRooms(["x", "y"]);
  return {
    rooms,
    a: rooms.join("x", ALICE),
    b: rooms.join("y", BOB),
    ban: () => rooms.room("y").ban("peer", String(ALICE)),
  };
}

/** Seconds, in which everybody pings. */
function pass(rooms: TestRooms, seconds: number): void {
  for (let left = seconds; left > 0; left -= 10) {
    for (const room of rooms.rooms) for (const peer of room.peers) if (!peer.isGone) peer.ping();
    rooms.advance(Math.min(left, 10) * 1_000);
  }
}

describe("a peer that is looked for", () => {
  it("[X1] is found also by a room that was evicted meanwhile", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const handle = a.connect(BOB, PATIENT);
    pass(rooms, 20);
    expect(rooms.evict("x")).toBe(true);
    pass(rooms, 10);
    const b = rooms.join("y", BOB);
    pass(rooms, 60);
    b.accept(heardOf(b, "incoming")[0]!["handle"] as number);
    rooms.settle();
    expect(heardOf(a, "state")).toEqual([stateOf(handle, Connecting, Connected)]);
  });

  it("[X1] is asked for about as seldom by a room that is evicted again and again", () => {
    const rooms = new TestRooms(["x", "y"]);
    rooms.join("x", ALICE).connect(BOB, PATIENT);
    for (let i = 0; i < 10; i++) {
      pass(rooms, 10);
      expect(rooms.evict("x")).toBe(true);
    }
    expect(rooms.asked).toBeGreaterThan(10);
    expect(rooms.asked).toBeLessThan(20); // 0, 1, 2, 4, 8, …, and once after each eviction
  });

  it("[X1] [R10] is found after a crash, when the one who asks is back", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const c = rooms.join("x", CAROL);
    rooms.room("x").pair(a, c); // there is a session to come back to
    a.connect(BOB, PATIENT);
    rooms.settle();
    rooms.crash("x");
    pass(rooms, 3);
    const b = rooms.join("y", BOB);
    pass(rooms, 3);
    expect(b.heard()).toEqual([]);
    rooms.room("x").resume(a);
    pass(rooms, 3);
    expect(heardOf(b, "incoming")).toMatchObject([{ peer: ALICE }]);
  });

  it.each([
    ["says bye", (b: TestPeer) => b.bye(), 3],
    ["is lost, and its grace period is over", (b: TestPeer) => b.drop(), 40],
    ["is removed", (b: TestPeer) => b.room.kick(BOB), 3],
  ])("[X1] is found where it is next when it %s before it has answered", (_how, leave, seconds) => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("x", BOB);
    const c = rooms.join("x", CAROL);
    rooms.room("x").pair(b, c);
    const handle = a.connect(b, PATIENT);
    expect(heardOf(b, "incoming")).toHaveLength(1);
    leave(b);
    const again = rooms.join("y", BOB);
    pass(rooms, seconds);
    again.accept(heardOf(again, "incoming")[0]!["handle"] as number);
    rooms.settle();
    expect(heardOf(a, "state")).toEqual([stateOf(handle, Connecting, Connected)]);
  });

  it("[X1] is not looked for where rooms are strangers to each other, whatever becomes of the room", () => {
    const rooms = new TestRooms(["x", "y"], { crossRooms: 0 });
    const [a, b] = [rooms.join("x", ALICE), rooms.join("x", BOB)];
    a.connect(b, PATIENT);
    a.connect(CAROL, PATIENT);
    b.bye();
    rooms.evict("x");
    pass(rooms, 20);
    expect(rooms.asked).toBe(0);
  });
});

describe("a ticket for one room", () => {
  it("[X1] lets its peer ask for nobody in another: it waits as for one who is nowhere", () => {
    const answers = [true, false].map((isThere) => {
      const rooms = new TestRooms(["x", "y"]);
      const a = rooms.join("x", ALICE, { isBound: true });
      const b = rooms.join("y", BOB);
      if (!isThere) b.bye();
      const handle = a.connect(BOB);
      pass(rooms, 5);
      rooms.evict("x");
      pass(rooms, 25);
      expect(rooms.asked).toBe(0);
      expect(b.heard().filter(({ frame }) => frame === "incoming")).toEqual([]);
      expect(a.heard()).toEqual([closeOf(handle, EndReason.Timeout, 2)]);
      return a.history.map(({ at, bytes }) => [at, bytes.length]);
    });
    expect(answers[0]).toEqual(answers[1]);
  });

  it("[X1] does so also when another peer of the room has found the same one", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE, { isBound: true });
    const c = rooms.join("x", CAROL);
    const b = rooms.join("y", BOB);
    a.connect(b);
    c.connect(b);
    pass(rooms, 5);
    expect(heardOf(b, "incoming")).toMatchObject([{ peer: CAROL }]);
  });

  it("[X1] does so after a crash, when it is not known yet who had which ticket", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE, { isBound: true });
    const b = rooms.join("y", BOB);
    rooms.room("x").pair(a, rooms.join("x", CAROL));
    a.connect(b, PATIENT);
    rooms.crash("x");
    pass(rooms, 5);
    rooms.room("x").resume(a);
    pass(rooms, 5);
    expect(rooms.asked).toBe(0);
    expect(b.heard()).toEqual([]);
  });

  it("[X2] lets it be asked by who could come to its room", () => {
    const rooms = new TestRooms(["x", "y"]);
    const a = rooms.join("x", ALICE);
    const b = rooms.join("y", BOB, { isBound: true });
    const handle = a.connect(b);
    rooms.settle();
    b.connect(ALICE); // by both is an accept (rule C5)
    rooms.settle();
    expect(heardOf(a, "state")).toEqual([stateOf(handle, Connecting, Connected)]);
  });
});

describe("a peer that is banned from a room", () => {
  it("[L3] [X8] [C6] reaches nobody there from another one, and is not told why", () => {
    const { rooms, a, b, ban } = banned();
    ban();
    const handle = a.connect(b);
    pass(rooms, 15);
    expect(b.heard()).toEqual([]);
    expect(a.heard()).toEqual([closeOf(handle, EndReason.Timeout, 2)]);
  });

  it("[L3] is not looked for by who is there", () => {
    const { rooms, a, b, ban } = banned();
    ban();
    const handle = b.connect(ALICE);
    pass(rooms, 15);
    expect(a.heard()).toEqual([]);
    expect(b.heard()).toEqual([closeOf(handle, EndReason.Timeout, 2)]);
  });

  it("[L4] loses what it had with its peers: 5110 at both ends", () => {
    const { rooms, a, b, ban } = banned();
    const hx = a.connect(b);
    rooms.settle();
    const hy = heardOf(b, "incoming")[0]!["handle"] as number;
    b.accept(hy);
    rooms.settle();
    a.take();
    b.take();
    ban();
    rooms.settle();
    expect(b.heard()).toEqual([closeOf(hy, EndReason.PeerBanned, 2)]);
    expect(a.heard()).toEqual([closeOf(hx, EndReason.PeerBanned, 2)]);
    expect(rooms.rooms.map(({ manager }) => manager.getActiveConnectionCount())).toEqual([0, 0]);
  });

  it.each(["Alice", "Bob"])(
    "[L4] [C6] what %s has asked for, and was not answered, is taken back; who asked waits",
    (who) => {
      const { rooms, a, b, ban } = banned();
      const [asking, asked] = who === "Alice" ? [a, b] : [b, a];
      const handle = asking.connect(asked);
      rooms.settle();
      const incoming = heardOf(asked, "incoming")[0]!["handle"] as number;
      ban();
      rooms.settle();
      expect(asking.heard()).toEqual([]);
      expect(heardOf(asked, "close")).toMatchObject([{ handle: incoming }]);
      pass(rooms, 15);
      expect(asked.heard()).toEqual([]);
      expect(asking.heard()).toEqual([closeOf(handle, EndReason.Timeout, 2)]);
    },
  );
});

describe("one client that asks without end", () => {
  it.each([
    [undefined, 4],
    [new Map([["server", { ...DEFAULT_SETTINGS, maxConnectionsPerPeer: 6 }]]), 6],
  ])("[C10] has no more connections in a room for being in several others", (classes, most) => {
    const settings = { maxConnectionsPerPeer: 4, ...(classes && { classes }) };
    const rooms = new TestRooms(["x", "y", "z"], settings);
    const b = rooms.join("y", BOB);
    for (const name of ["x", "z"]) {
      const eve = rooms.join(name, peerId(66));
      const ports = name === "x" ? [1, 2, 3, 4] : [5, 6, 7, 8];
      for (const port of ports) eve.connect(b, { port, ...PATIENT });
    }
    pass(rooms, 20);
    expect(rooms.room("y").manager.getActiveConnectionCount()).toBe(most);
    expect(heardOf(b, "incoming")).toHaveLength(most);
  });

  it("[X1] makes its room ask the directory a few times a second, and all are asked for", () => {
    const rooms = new TestRooms(["x", "y"], { connectBurst: 1_000 });
    const eve = rooms.join("x", peerId(66));
    for (let i = 0; i < 200; i++) {
      eve.send(frames.connect(peerId(1_000 + i), { ...PATIENT, request: i + 1 }));
      rooms.settle();
    }
    expect(rooms.asked).toBeLessThanOrEqual(20);
    const b = rooms.join("y", peerId(1_199));
    rooms.advance(2_000);
    expect(heardOf(b, "incoming")).toHaveLength(1);
    expect(rooms.asked).toBeLessThanOrEqual(22);
  });

  it("[X1] does not keep what others look for from being found", () => {
    const rooms = new TestRooms(["x", "y"], { connectBurst: 10_000 });
    const [eve, a] = [rooms.join("x", peerId(66)), rooms.join("x", ALICE)];
    const b = rooms.join("y", BOB);
    for (let i = 0; i < 40; i++) {
      eve.send(frames.connect(peerId(1_000 + i), { request: i + 1 }));
      rooms.settle();
    }
    a.connect(b, PATIENT);
    rooms.advance(1_000);
    expect(heardOf(b, "incoming")).toHaveLength(1);
  });
});
