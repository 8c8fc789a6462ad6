/** Whatever happens in a room: who replays what a watcher is told has the room's connections and peers, at any moment. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionType, type PeerId } from "../../../../src/protocol/index.ts";
import { type ConnectionView, viewConnection } from "../../../../src/relay/connection-view.ts";
import type { WatchEvent } from "../../../../src/relay/watching/events.ts";
import { ALICE, BOB, CAROL, type TestPeer, frames } from "../../../support/room.ts";
import { Spectator, WatchedRoom, identityOf } from "./spectator.ts";

/** Refuses what cannot follow from what it was told before. */
class Replay extends Spectator {
  readonly connections = new Map<string, ConnectionView>();
  readonly presence = new Map<string, "present" | "away">();

  override send(text: string): void {
    super.send(text);
    this.#apply(this.events.at(-1)!);
  }

  #apply(event: WatchEvent): void {
    if (event.type === "opened") {
      expect(this.connections.has(event.connection.connectionId)).toBe(false);
      this.connections.set(event.connection.connectionId, event.connection);
    } else if (event.type === "changed") {
      const known = this.connections.get(event.connectionId);
      expect(known?.state).toBe(event.previous);
      this.connections.set(event.connectionId, { ...known!, state: event.state });
    } else if (event.type === "closed") {
      expect(this.connections.delete(event.connection.connectionId)).toBe(true);
    } else if (event.type === "peer") this.#applyPresence(event.peer, event.change);
    else if (event.type === "skipped") throw new Error("something was left out");
  }

  #applyPresence(peer: string, change: "joined" | "away" | "back" | "left"): void {
    const before = { joined: [undefined], away: ["present"], back: ["away"], left: ["present", "away"] }[change];
    expect(before).toContain(this.presence.get(peer));
    if (change === "left") this.presence.delete(peer);
    else this.presence.set(peer, change === "away" ? "away" : "present");
  }
}

const PEERS = [ALICE, BOB, CAROL];

class World {
  readonly watched: WatchedRoom;
  readonly replay = new Replay();
  readonly #latest = new Map<PeerId, TestPeer>();

  constructor(graceMs: number) {
    this.watched = new WatchedRoom({ graceMs, idleTimeoutMs: 30_000, maxPayload: 40 });
    this.watched.watch(this.replay);
  }

  get room() {
    return this.watched.room;
  }

  handle(n: number): number {
    return Math.max(0, this.room.manager.nextHandle - 1 - n);
  }

  of(id: PeerId): TestPeer {
    const latest = this.#latest.get(id);
    return latest && !latest.isGone && !latest.socket.closed && latest.isIn ? latest : this.join(id);
  }

  join(id: PeerId): TestPeer {
    return this.#set(this.room.join(id));
  }

  resume(id: PeerId): TestPeer {
    const latest = this.#latest.get(id);
    return latest?.welcome ? this.#set(this.room.resume(latest)) : this.join(id);
  }

  /** What was told is what there is. */
  check(): void {
    const told = [...this.replay.connections.values()].map(identityOf);
    const held = [...this.room.manager.connections()].map((each) => identityOf(viewConnection(each)));
    expect(told).toEqual(held);
    const count = (as: string) => [...this.replay.presence.values()].filter((presence) => presence === as).length;
    const { peers, away } = this.room.statistics;
    expect({ peers: count("present"), away: count("away") }).toEqual({ peers, away });
    for (const id of PEERS)
      expect(this.replay.presence.get(String(id)) === "present").toBe(this.room.room.isPresent(id));
  }

  #set(peer: TestPeer): TestPeer {
    this.#latest.set(peer.id, peer);
    return peer;
  }
}

interface Step {
  readonly name: string;
  readonly run: (world: World) => void;
}

const who = fc.constantFrom(...PEERS);
const nth = fc.nat(5);
const types = fc.constantFrom(...Object.values(ConnectionType));

const connects = fc
  .tuple(who, fc.constantFrom(...PEERS, 5n as PeerId), types, fc.boolean())
  .map(([from, to, type, isAccepted]): Step => ({
    name: `${from} connects to ${to} by type ${type}, ${isAccepted ? "accepted" : "unanswered"}`,
    run: (world) => {
      const [a, b] = [world.of(from), isAccepted && to !== 5n ? world.of(to) : undefined];
      a.send(frames.connect(to, { type, timeoutMs: 12_000 }));
      const answer = a.heard().findLast(({ frame }) => frame === "connecting");
      if (answer) b?.accept(answer["handle"] as number);
    },
  }));

const happenings = fc.oneof(
  fc.tuple(who, nth).map(([id, n]): Step => ({
    name: `${id} sends on #${n}`,
    run: (world) => void world.of(id).send(frames.data(world.handle(n), "data")),
  })),
  fc.tuple(who, nth, fc.boolean(), fc.constantFrom(0, 1_000, 2_999, 5_102)).map(([id, n, graceful, reason]): Step => ({
    name: `${id} closes #${n}${graceful ? " gracefully" : ""} with ${reason}`,
    run: (world) => void world.of(id).send(frames.close(world.handle(n), { graceful, reason })),
  })),
  fc.tuple(who, nth).map(([id, n]): Step => ({
    name: `${id} refuses #${n}`,
    run: (world) => void world.of(id).send(frames.refuse(world.handle(n))),
  })),
  nth.map((n): Step => ({
    name: `an operator closes #${n}`,
    run: (world) => world.room.closeConnection(world.handle(n)),
  })),
);

const comings = fc.oneof(
  who.map((id): Step => ({ name: `${id} joins anew`, run: (world) => world.join(id) })),
  who.map((id): Step => ({ name: `${id} resumes`, run: (world) => world.resume(id) })),
  who.map((id): Step => ({ name: `${id} is lost`, run: (world) => world.of(id).drop() })),
  who.map((id): Step => ({ name: `${id} leaves`, run: (world) => world.of(id).drop(true) })),
  who.map((id): Step => ({ name: `${id} says bye`, run: (world) => world.of(id).bye() })),
  who.map((id): Step => ({ name: `${id} is kicked`, run: (world) => world.room.kick(id) })),
  who.map((id): Step => ({ name: `${id} breaks the protocol`, run: (world) => world.room.receiveText(world.of(id)) })),
  fc.constant<Step>({ name: "drained", run: (world) => world.room.drain(100) }),
  fc.constant<Step>({ name: "evicted", run: (world) => world.watched.evict() }),
);

const times = fc
  .constantFrom(1, 400, 1_000, 5_000, 13_000, 61_000)
  .map((ms): Step => ({ name: `${ms} ms pass`, run: (world) => world.watched.advance(ms) }));

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: connects },
    { weight: 4, arbitrary: happenings },
    { weight: 3, arbitrary: comings },
    { weight: 2, arbitrary: times },
  ),
  { maxLength: 50, size: "max" },
);
const graces = fc.constantFrom(0, 3_000, 20_000);

/** With the names of the steps in what a failure prints. */
function play(world: World, all: readonly Step[]): void {
  for (const [index, { name, run }] of all.entries()) {
    run(world);
    try {
      world.check();
    } catch (error) {
      const before = all.slice(0, index + 1).map((step) => step.name);
      throw new Error(`After ${name}: ${String(error)}\n${before.join("\n")}`, { cause: error });
    }
  }
}

test("the events replayed are the connections and the peers, after every event", () => {
  fc.assert(
    fc.property(graces, steps, (graceMs, all) => play(new World(graceMs), all)),
    { numRuns: 300 },
  );
}, 120_000);

test("statistics come at most once a second, and the last ones are what the room says", () => {
  fc.assert(
    fc.property(graces, steps, (graceMs, all) => {
      const world = new World(graceMs);
      for (const { name, run } of all) if (name !== "evicted") run(world);
      // Until nothing changes any more; then there is no timer.
      do world.watched.advance(1_000);
      while (world.watched.wakeAt !== Infinity);
      const told = world.replay.of("statistics");
      expect(told.at(-1)?.statistics).toEqual(world.room.statistics);
      told.slice(1).forEach(({ at }, index) => expect(at - told[index]!.at).toBeGreaterThanOrEqual(1_000));
      for (const [index, { statistics }] of told.slice(1).entries())
        expect(statistics).not.toEqual(told[index]!.statistics);
    }),
    { numRuns: 300 },
  );
}, 120_000);

test("a close is told with the connection's final counters, and why", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World(3_000);
      play(world, all);
      const logged = world.room.logged("connection_closed").map((entry) => ({
        id: entry["connection"],
        packets: entry["packets"],
        bytes: entry["bytes"],
        code: entry["reason"],
      }));
      const told = world.replay.of("closed").map(({ connection, code }) => {
        return {
          id: connection.connectionId,
          packets: connection.packetsRelayed,
          bytes: connection.bytesRelayed,
          code,
        };
      });
      expect(told).toEqual(logged);
    }),
    { numRuns: 100 },
  );
}, 120_000);

test("the sequences get somewhere: every event, every change of presence, reasons of many kinds", () => {
  const seen = new Set<string>();
  for (const all of fc.sample(fc.tuple(graces, steps), { numRuns: 150, seed: 7 })) {
    const world = new World(all[0]);
    play(world, all[1]);
    for (const event of world.replay.events) {
      seen.add(event.type);
      if (event.type === "peer") seen.add(event.change);
      if (event.type === "closed") seen.add(event.reason);
    }
  }
  const events = ["statistics", "opened", "changed", "closed", "peer", "joined", "away", "back", "left"];
  const reasons = ["app", "timeout", "idle_timeout", "peer_left", "peer_lost", "peer_superseded", "peer_kicked"];
  expect([...seen]).toEqual(expect.arrayContaining([...events, ...reasons, "closed_by_admin"]));
}, 120_000);
