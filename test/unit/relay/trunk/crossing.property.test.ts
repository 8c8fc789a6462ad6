/**
 * Two rooms, four peers and a trunk that is slow, cut and dialed by both at once, against one promise: when all is quiet, every
 * half has its other, in the same state, and nothing is left over (docs/trunk.md).
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionState, type PeerId } from "../../../../src/protocol/index.ts";
import type { P2PConnection } from "../../../../src/relay/connection.ts";
import { runs } from "../../../support/hunting.ts";
import { type TestPeer, type TestRoom, frames, peerId } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";

const NAMES = ["x", "y"];
const PEERS = 2;

type Act =
  | { readonly kind: "connect"; readonly from: number; readonly to: number; readonly port: number }
  | { readonly kind: "accept" | "refuse" | "close" | "graceful" | "data"; readonly from: number; readonly nth: number }
  | { readonly kind: "drop" | "bye" | "resume" | "rejoin" | "move" | "kick"; readonly from: number }
  | { readonly kind: "crash" | "evict"; readonly room: number }
  | { readonly kind: "step"; readonly choice: number; readonly times: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "ban" | "unban"; readonly from: number; readonly room: number }
  | { readonly kind: "cut" };

const who = fc.nat(2 * PEERS - 1);
const nth = fc.nat(3);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("connect" as const), from: who, to: who, port: fc.nat(1) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("accept" as const), from: who, nth }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("data" as const), from: who, nth }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("refuse" as const, "close" as const, "graceful" as const),
      from: who,
      nth,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("drop" as const, "bye" as const, "rejoin" as const, "move" as const, "kick" as const),
      from: who,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("resume" as const), from: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "evict" as const), room: fc.nat(1) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      choice: fc.nat(5),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(100, 1_000, 4_000, 8_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("ban" as const, "unban" as const), from: who, room: fc.nat(1) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
);

class World {
  readonly rooms = new TestRooms(NAMES, { graceMs: 10_000 });
  /** Who sits on each seat, in which room. */
  readonly seats: { room: string; peer: TestPeer }[] = [];

  constructor() {
    for (let i = 0; i < 2 * PEERS; i++) {
      const room = NAMES[i % 2]!;
      this.seats.push({ room, peer: this.rooms.join(room, peerId(i + 1)) });
    }
  }

  run(step: Act): void {
    switch (step.kind) {
      case "step":
        for (let i = 0; i < step.times; i++) this.rooms.step(step.choice);
        return;
      case "pass":
        for (const room of this.rooms.rooms) this.#pass(room, step.ms);
        return;
      case "cut":
        return this.rooms.cut();
      case "crash":
        return this.rooms.crash(NAMES[step.room]!);
      case "evict":
        return void this.rooms.evict(NAMES[step.room]!);
      case "ban":
        return void this.rooms.room(NAMES[step.room]!).ban("peer", String(this.seats[step.from]!.peer.id));
      case "unban":
        return this.#unban(this.rooms.room(NAMES[step.room]!), this.seats[step.from]!.peer.id);
      default:
        return this.#runOf(step);
    }
  }

  #unban({ room, now }: TestRoom, peer: PeerId): void {
    room.unban("peer", String(peer), now);
  }

  #runOf(step: Exclude<Act, { kind: "step" | "pass" | "cut" | "crash" | "evict" | "ban" | "unban" }>): void {
    const seat = this.seats[step.from]!;
    const { peer } = seat;
    const isIn = !peer.isGone && !peer.socket.closed && peer.isIn;
    switch (step.kind) {
      case "resume":
        if (!isIn && peer.welcome) seat.peer = this.rooms.room(seat.room).resume(peer);
        return;
      case "rejoin":
        return this.#sit(step.from, seat.room);
      case "move":
        if (isIn) peer.bye();
        return this.#sit(step.from, seat.room === "x" ? "y" : "x");
    }
    if (!isIn) return;
    switch (step.kind) {
      case "connect":
        return void peer.send(frames.connect(this.seats[step.to]!.peer.id, { port: step.port }));
      case "drop":
        return void peer.drop();
      case "bye":
        return void peer.bye();
      case "kick":
        return void this.rooms.room(seat.room).kick(peer.id);
      default: {
        if (!("nth" in step)) return;
        const mine = [...this.rooms.room(seat.room).manager.connectionsOf(peer.id)];
        const handle = mine[step.nth % Math.max(1, mine.length)]?.handle;
        if (handle === undefined) return;
        if (step.kind === "data") peer.send(frames.data(handle, "x"));
        else if (step.kind === "graceful") peer.send(frames.close(handle, { reason: 1234, graceful: true }));
        else peer.send(frames[step.kind](handle));
      }
    }
  }

  #sit(index: number, room: string): void {
    const id = this.seats[index]!.peer.id;
    const older = this.seats[index]!.peer;
    if (!older.isGone && older.socket.closed) older.drop();
    this.seats[index] = { room, peer: this.rooms.join(room, id) };
  }

  #pass(room: TestRoom, ms: number): void {
    this.pingAll();
    room.advance(ms);
    if (room.room.hasDialed) room.turn(() => room.room.restTrunks(room.now));
  }

  pingAll(): void {
    for (const room of this.rooms.rooms) for (const peer of room.peers) if (!peer.isGone) peer.ping();
  }

  /** Long enough for every timeout but the idle one. */
  quiet(): void {
    for (let i = 0; i < 10; i++) {
      this.pingAll();
      this.rooms.advance(8_000);
    }
  }
}

const endsOf = ({ fromPeerId, toPeerId, type, virtualPort }: P2PConnection): string =>
  `${[fromPeerId, toPeerId].toSorted().join("-")}/${type}/${virtualPort}`;

function halvesOf({ manager }: TestRoom): Map<string, P2PConnection> {
  return new Map(
    [...manager.connections()].filter(({ farPeer }) => farPeer !== undefined).map((half) => [endsOf(half), half]),
  );
}

const bansOf = (room: TestRoom["room"], now: number) =>
  room.listBans({ after: { kind: "", subject: "" }, limit: 9 }, now);

/** Whoever is there is found by whoever asks, wherever it has been, and what is sent arrives. */
function checkReach(world: World): void {
  const { rooms, seats } = world;
  for (const { room, now } of rooms.rooms) {
    for (const { kind, subject } of bansOf(room, now)) room.unban(kind, subject, now);
  }
  const there = seats.filter(({ peer }) => !peer.isGone && !peer.socket.closed && peer.isIn);
  for (const { peer: from } of there) {
    for (const { peer: to } of there) {
      if (from === to) continue;
      to.take();
      from.take();
      const mine = from.connect(to.id, { port: 7 });
      rooms.advance(4_000);
      const asked = to.heard().find(({ frame }) => frame === "incoming");
      expect(asked, `${from.id} to ${to.id}`).toMatchObject({ peer: from.id });
      to.accept(asked!["handle"] as number);
      rooms.settle();
      from.send(frames.data(mine, "here"));
      rooms.settle();
      expect(to.heard().at(-1)).toMatchObject({ frame: "data", payload: "here" });
      from.send(frames.close(mine));
      rooms.settle();
      world.pingAll();
    }
  }
}

function check({ rooms }: World): void {
  const [x, y] = rooms.rooms.map(halvesOf) as [Map<string, P2PConnection>, Map<string, P2PConnection>];
  expect([...x.keys()].toSorted()).toEqual([...y.keys()].toSorted());
  for (const [ends, half] of x) {
    const other = y.get(ends)!;
    expect(half.state).toBe(other.state);
    expect([half.farHandle, other.farHandle]).toEqual([other.handle, half.handle]);
    expect(half.state).toBe(ConnectionState.Connected);
  }
  for (const { manager, room, now } of rooms.rooms) {
    const banned = bansOf(room, now).map(({ subject }) => subject);
    for (const half of manager.connections()) {
      const near: PeerId[] = [half.fromPeerId, half.toPeerId].filter((peer) => peer !== half.farPeer);
      for (const peer of near) expect([...room.peers]).toContain(peer);
      expect([...room.peers]).not.toContain(half.farPeer);
      expect(banned).not.toContain(String(half.farPeer));
    }
    expect(room.takeWanted()).toEqual([]);
  }
}

describe("rooms joined by a trunk", () => {
  it("[X2] [X4] [X6] [X8] agree on everything once all is quiet, whatever has happened", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const world = new World();
        for (const step of acts) world.run(step);
        world.quiet();
        check(world);
        expect(world.rooms.wires).toEqual([]); // at rest
        checkReach(world);
      }),
      runs("TRUNK", 150),
    );
  }, 3_600_000);
});
