/**
 * Peers of an app's own room while the number of its shards changes, rooms hear of it one after the other, trunks break and
 * rooms crash: nobody loses a session or a connection, and every half has its other in the end (docs/shards.md).
 */
import * as fc from "fast-check";
import { expect } from "vitest";
import { ConnectionState, Path, type PeerId } from "../../../../src/protocol/index.ts";
import type { P2PConnection } from "../../../../src/relay/connection.ts";
import { everyPart, homeOf } from "../../../../src/relay/shards/names.ts";
import { type TestPeer, type TestRoom, frames, peerId } from "../../../support/room.ts";
import { walk } from "../../../support/frames.ts";
import { TestRooms } from "../../../support/rooms.ts";

const MOST = 4;
const NAMES = everyPart(MOST).map((room) => room ?? "");
const PEERS = 5;

export type Act =
  | { readonly kind: "connect"; readonly from: number; readonly to: number; readonly port: number }
  | { readonly kind: "accept" | "data" | "close" | "graceful"; readonly from: number; readonly nth: number }
  | { readonly kind: "drop" | "come"; readonly from: number }
  | { readonly kind: "shards"; readonly shards: number }
  | { readonly kind: "hear"; readonly room: number }
  | { readonly kind: "crash" | "evict"; readonly room: number }
  | { readonly kind: "step"; readonly choice: number; readonly times: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "cut" };

const who = fc.nat(PEERS - 1);
const nth = fc.nat(3);
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);

export function acts(endings: boolean): fc.Arbitrary<Act> {
  const [first, ...others] = [
    weighted(6, fc.record({ kind: kind("connect"), from: who, to: who, port: fc.nat(1) })),
    weighted(6, fc.record({ kind: kind("accept", "data"), from: who, nth })),
    weighted(8, fc.record({ kind: kind("come"), from: who })),
    weighted(1, fc.record({ kind: kind("drop"), from: who })),
    weighted(3, fc.record({ kind: kind("shards"), shards: fc.constantFrom(1, 2, 3, MOST) })),
    weighted(5, fc.record({ kind: kind("hear"), room: fc.nat(NAMES.length - 1) })),
    weighted(12, fc.record({ kind: kind("step"), choice: fc.nat(7), times: fc.integer({ min: 1, max: 6 }) })),
    weighted(1, fc.record({ kind: kind("pass"), ms: fc.constantFrom(100, 1_000, 3_000) })),
    weighted(1, fc.record({ kind: kind("cut") })),
    weighted(1, fc.record({ kind: kind("evict"), room: fc.nat(NAMES.length - 1) })),
    ...(endings
      ? [
          weighted(3, fc.record({ kind: kind("close", "graceful"), from: who, nth })),
          weighted(1, fc.record({ kind: kind("crash"), room: fc.nat(NAMES.length - 1) })),
        ]
      : []),
  ] as { weight: number; arbitrary: fc.Arbitrary<Act> }[];
  return fc.oneof(first!, ...others);
}

export interface Seat {
  peer: TestPeer;
  /** The last that its client has heard. */
  welcome: NonNullable<TestPeer["welcome"]>;
}

export class World {
  readonly rooms = new TestRooms(NAMES, { crossRooms: 0, graceMs: 60_000, idleTimeoutMs: 3_600_000 }, new Map());
  readonly seats: Seat[] = [];
  shards = 1;
  changedAt = -Infinity;
  readonly deaf = new Set<string>();
  /** Sessions that were begun anew, by a client that wanted its own. */
  lost: PeerId[] = [];

  constructor() {
    for (let i = 0; i < PEERS; i++) {
      const peer = this.rooms.join("", peerId(i + 1));
      this.seats.push({ peer, welcome: peer.welcome! });
    }
    for (const { peer } of this.seats) {
      for (const { peer: other } of this.seats) {
        if (peer.id < other.id) peer.room.pair(peer, other, { port: 2 });
      }
    }
    this.#note();
  }

  run(act: Act): void {
    switch (act.kind) {
      case "step":
        for (let i = 0; i < act.times; i++) this.rooms.step(act.choice);
        return;
      case "pass":
        return this.#pass(act.ms);
      case "cut":
        return this.rooms.cut();
      case "crash":
        return this.rooms.crash(NAMES[act.room]!);
      case "evict":
        return this.#evict(NAMES[act.room]!);
      case "shards":
        return this.#divide(act.shards);
      case "hear":
        return this.#hear(NAMES[act.room]!);
      case "come":
        return this.#come(this.seats[act.from]!);
      default:
        return this.#say(act);
    }
  }

  /** What a client does that is in. */
  #say(act: Extract<Act, { from: number }>): void {
    const { peer } = this.seats[act.from]!;
    if (!isIn(peer)) return;
    if (act.kind === "drop") return void peer.drop();
    if (act.kind === "connect") {
      const to = this.seats[act.to]!.peer.id;
      if (to !== peer.id) peer.send(frames.connect(to, { port: act.port, timeoutMs: 3_600_000 }));
      return;
    }
    if (!("nth" in act)) return;
    const mine = [...peer.room.manager.connectionsOf(peer.id)].filter(({ farPeer }) => farPeer !== peer.id);
    const handle = mine[act.nth % Math.max(1, mine.length)]?.handle;
    if (handle === undefined) return;
    if (act.kind === "data") peer.send(frames.data(handle, "x"));
    else if (act.kind === "graceful") peer.send(frames.close(handle, { reason: 1234, graceful: true }));
    else peer.send(frames[act.kind as "accept" | "close"](handle));
  }

  /** A room is evicted when nothing has happened in it for ten seconds. */
  #evict(name: string): void {
    const room = this.rooms.room(name);
    const isQuiet = this.rooms.ends.every(
      (end) => end.events.length === 0 || (end.room !== room && end.other.room !== room),
    );
    if (isQuiet) this.rooms.evict(name);
  }

  #divide(shards: number): void {
    if (shards === this.shards) return;
    this.shards = shards;
    this.changedAt = this.rooms.rooms[0]!.now;
    for (const name of NAMES) this.deaf.add(name);
  }

  #hear(name: string): void {
    if (!this.deaf.delete(name)) return;
    this.rooms.room(name).follow({ shards: this.shards }, { most: MOST, changedAt: this.changedAt });
  }

  /** A client without a socket dials: to where the newest number of shards sends it, which has heard of that then. */
  #come(seat: Seat): void {
    this.#listen(seat);
    if (isIn(seat.peer) || isWaiting(seat.peer)) return;
    const home = homeOf(seat.peer.id, this.shards);
    this.#hear(home);
    const { session, token } = seat.welcome;
    if (!seat.peer.isGone) seat.peer.drop();
    seat.peer = this.rooms.room(home).resume(seat.peer, { session, token });
    this.#listen(seat);
  }

  #listen(seat: Seat): void {
    const { welcome } = seat.peer;
    if (!welcome || welcome === seat.welcome) return;
    if (welcome.session !== seat.welcome.session && this.#hadConnections.has(seat.peer.id))
      this.lost.push(seat.peer.id);
    seat.welcome = welcome;
  }

  /** Peers that have had a connection of their own: S5 ends the sessions of others with their sockets. */
  readonly #hadConnections = new Set<PeerId>();

  #note(): void {
    for (const { manager } of this.rooms.rooms) {
      for (const { fromPeerId, toPeerId, state } of manager.connections()) {
        if (state === ConnectionState.Connected) this.#hadConnections.add(fromPeerId).add(toPeerId);
      }
    }
  }

  #pass(ms: number): void {
    this.#note();
    for (const room of this.rooms.rooms) {
      for (const peer of room.peers) if (!peer.isGone) peer.ping();
      room.advance(ms);
      if (room.room.hasDialed) room.turn(() => room.room.restTrunks(room.now));
    }
  }

  /** Everybody hears of everything, and all clients come back. */
  quiet(seconds = 40): void {
    for (let i = 0; i < seconds; i++) {
      this.#note();
      for (const name of NAMES) this.#hear(name);
      this.rooms.settle();
      for (const seat of this.seats) this.#come(seat);
      this.rooms.settle();
      this.#pass(1_000);
    }
    for (const seat of this.seats) this.#listen(seat);
  }
}

function isIn(peer: TestPeer): boolean {
  return peer.isIn && !peer.isGone && !peer.socket.closed;
}

/** Its hello is not answered yet. */
function isWaiting(peer: TestPeer): boolean {
  return !peer.isGone && !peer.socket.closed && !peer.welcome;
}

/** What its client was told last of the way to each other end. */
function pathsOf({ history }: TestPeer): Map<number, number> {
  const paths = new Map<number, number>();
  for (const { bytes } of history) {
    for (const { control } of walk(bytes)) {
      if (control?.frame === "path") paths.set(control.values.handle, control.values.path);
    }
  }
  return paths;
}

const endsOf = ({ fromPeerId, toPeerId, type, virtualPort }: P2PConnection): string =>
  `${[fromPeerId, toPeerId].toSorted().join("-")}/${type}/${virtualPort}`;

/** All connections, by their ends: the one whole, or both halves. */
export function connectionsOf(rooms: readonly TestRoom[]): Map<string, { half: P2PConnection; room: TestRoom }[]> {
  const found = new Map<string, { half: P2PConnection; room: TestRoom }[]>();
  for (const room of rooms) {
    for (const half of room.manager.connections()) {
      const ends = endsOf(half);
      found.set(ends, [...(found.get(ends) ?? []), { half, room }]);
    }
  }
  return found;
}

export function check(world: World): void {
  const { rooms, seats, shards } = world;
  const nameOf = (room: TestRoom): string | undefined => [...rooms.byName].find(([, other]) => other === room)?.[0];
  for (const { peer } of seats) {
    expect(isIn(peer)).toBe(true);
    expect(nameOf(peer.room)).toBe(homeOf(peer.id, shards));
    const paths = pathsOf(peer);
    for (const { handle, state, farPeer } of peer.room.manager.connectionsOf(peer.id)) {
      if (state !== ConnectionState.Connected || farPeer === peer.id) continue;
      expect([peer.id, handle, paths.get(handle) ?? Path.Open]).toEqual([peer.id, handle, Path.Open]);
    }
  }
  for (const [name, { room }] of rooms.byName) {
    for (const id of room.peers) expect([id, homeOf(id, shards)]).toEqual([id, name]);
  }
  for (const [ends, all] of connectionsOf(rooms.rooms)) {
    const [a, b] = all as [(typeof all)[0], (typeof all)[0] | undefined];
    const homes = new Set([a.half.fromPeerId, a.half.toPeerId].map((id) => homeOf(id, shards)));
    if (a.half.state === ConnectionState.Connecting) continue; // may wait where it was asked for
    expect([ends, all.length]).toEqual([ends, homes.size]);
    if (!b) {
      expect(a.half.farPeer).toBeUndefined();
      continue;
    }
    expect(a.half.state).toBe(b.half.state);
    expect([a.half.farHandle, b.half.farHandle]).toEqual([b.half.handle, a.half.handle]);
    expect([a.half.farRoom, b.half.farRoom]).toEqual([nameOf(b.room), nameOf(a.room)]);
  }
}
