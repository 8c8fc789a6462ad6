/**
 * Whatever four peers send and whatever befalls them, the room does not throw, and after every event holds what TestRoom
 * checks: memory and disk agree, statistics are what was delivered, sessions are those that were welcomed, no frame goes
 * to a peer that is not an end of its connection, what leaves is well-formed, and no alarm is missed.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionType, type PeerId } from "../../../src/protocol/index.ts";
import { ackFrame, batch, multicastFrame, probeFrame, walk } from "../../support/frames.ts";
import { ALICE, BOB, CAROL, DAVE, type TestPeer, TestRoom, control, frames, text } from "../../support/room.ts";

const PEERS = [ALICE, BOB, CAROL, DAVE];
const SETTINGS = { maxPayload: 40, maxConnectionsPerPeer: 6, idleTimeoutMs: 30_000 };

/** One step. `toString` is what a failing sequence prints. */
class Step {
  readonly #name: string;
  readonly run: (world: World) => void;

  constructor(name: string, run: (world: World) => void) {
    this.#name = name;
    this.run = run;
  }

  toString(): string {
    return this.#name;
  }

  [fc.toStringMethod](): string {
    return this.#name;
  }
}

/** A room, and the latest socket of each peer. */
class World {
  readonly room: TestRoom;
  readonly latest = new Map<PeerId, TestPeer>();
  /** Data frames, and targets of multicasts, that open sessions sent in messages without a fault. */
  sent = 0;

  constructor(graceMs = 0) {
    this.room = new TestRoom({ settings: { ...SETTINGS, graceMs } });
  }

  /** The n-th newest handle there has been; 0, which is none, when there were not so many. */
  readonly handle = (n: number): number => Math.max(0, this.room.manager.nextHandle - 1 - n);

  /** The latest socket of a peer; one that is gone is replaced, by one that asks for the session it had. */
  of(id: PeerId): TestPeer {
    const latest = this.latest.get(id);
    if (latest && !latest.isGone && !latest.socket.closed) return latest;
    return latest?.welcome ? this.resume(id) : this.set(this.room.join(id));
  }

  /** Also while the older socket looks open. */
  resume(id: PeerId): TestPeer {
    const latest = this.latest.get(id);
    if (!latest?.welcome) return this.of(id);
    const back = this.room.resume(latest);
    back.take();
    return this.set(back);
  }

  set(peer: TestPeer): TestPeer {
    this.latest.set(peer.id, peer);
    return peer;
  }
}

/* Frames. Those that name a connection are made when they are sent: `handle(n)` is the n-th newest that there has been. */

interface Draft {
  readonly name: string;
  readonly make: (handle: (n: number) => number) => Uint8Array;
}

const who = fc.constantFrom(...PEERS);
const nth = fc.nat(7);
const payloads = fc.integer({ min: 0, max: 42 }).map((size) => new Uint8Array(size).fill(0x61));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const types = fc.constantFrom(...Object.values(ConnectionType));

const connects = fc
  .tuple(fc.constantFrom(...PEERS, 5n), types, fc.constantFrom(0, 1), fc.constantFrom(0, 500, 15_000))
  .map(([peer, type, port, timeoutMs]): Draft => ({
    name: `connect(${peer}, type ${type}, port ${port}, ${timeoutMs} ms)`,
    make: () => frames.connect(peer, { type, timeoutMs, port: type % 2 === 0 ? port : -1 }),
  }));

const datas = fc.tuple(nth, payloads).map(([n, payload]): Draft => ({
  name: `data(#${n}, ${payload.length} bytes)`,
  make: (handle) => frames.data(handle(n), payload),
}));

const multicasts = fc.tuple(fc.array(nth, { minLength: 1, maxLength: 5 }), payloads).map(([to, payload]): Draft => ({
  name: `multicast(#${to.join(" #")}, ${payload.length} bytes)`,
  make: (handle) => {
    const targets = to.map((n) => ({ handle: handle(n), number: n, sequence: 0 }));
    return multicastFrame({ targets, payload, flags: 1, lane: 2, channel: -3 });
  },
}));

const closes = fc
  .tuple(nth, fc.constantFrom(0, 1000, 2999, 5102), fc.boolean())
  .map(([n, reason, graceful]): Draft => ({
    name: `close(#${n}, ${reason}${graceful ? ", graceful" : ""})`,
    make: (handle) => frames.close(handle(n), { reason, graceful, debug: "debug" }),
  }));

const groupNames = fc.constantFrom("", "zone", "größer");
const groupIds = fc.nat(4);
const attends = fc.nat(3).map((role): Draft => ({ name: `attend(${role})`, make: () => frames.attend(role) }));
const memberships = fc.oneof(
  groupNames.map((name): Draft => ({ name: `join(${name})`, make: () => frames.join(name) })),
  groupIds.map((id): Draft => ({ name: `leave(${id})`, make: () => frames.leave(id) })),
);

const onHandle = (name: string, make: (handle: number) => Uint8Array) =>
  nth.map((n): Draft => ({ name: `${name}(#${n})`, make: (handle) => make(handle(n)) }));

/** Frames that no session is ended for. */
const harmless = fc.oneof(
  { weight: 4, arbitrary: connects },
  { weight: 4, arbitrary: onHandle("accept", frames.accept) },
  { weight: 1, arbitrary: onHandle("refuse", (handle) => frames.refuse(handle)) },
  { weight: 2, arbitrary: closes },
  { weight: 8, arbitrary: datas },
  { weight: 2, arbitrary: multicasts },
  { weight: 3, arbitrary: memberships },
  { weight: 2, arbitrary: attends },
  {
    weight: 1,
    arbitrary: onHandle("ack", (handle) => ackFrame({ handle, lane: 1, cumulative: 2, selective: 3, window: 4 })),
  },
  {
    weight: 1,
    arbitrary: onHandle("probe", (handle) => probeFrame({ handle, answer: false, stamp: 1, quality: 2, jitter: 3 })),
  },
  {
    weight: 1,
    arbitrary: onHandle("quality", (handle) => control("quality", { handle, ping: 1, local: 2, remote: 3 })),
  },
  { weight: 1, arbitrary: fc.constant({ name: "skip", make: () => new Uint8Array([0xf9, 0, 0, 0, 1, 0, 0, 0, 7]) }) },
);

const others = fc.constantFrom<Draft[]>(
  { name: "hello", make: () => frames.hello() },
  { name: "bye", make: frames.bye },
  { name: "credit", make: () => frames.credit(7) },
  { name: "state", make: () => control("state", { handle: 1, state: 1, previous: 0 }) },
  { name: "multicast to no one", make: () => multicastFrame({ targets: [], payload: text("x") }) },
);

/** A frame with some of its bytes changed. */
const mutated = fc
  .tuple(fc.oneof(harmless, others), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 3 }))
  .map(([draft, changes]): Draft => ({
    name: `${draft.name} with bytes changed: ${changes.map(([at, value]) => `${at} to ${value}`).join(", ")}`,
    make: (handle) => {
      const copy = draft.make(handle).slice();
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    },
  }));

/** A header that says a length, with a body that may have another. */
const framed = fc.tuple(fc.nat(0x24), bytes(30), fc.integer({ min: -2, max: 2 })).map(([type, body, off]) => {
  const frame = batch(new Uint8Array([type, 0, 0, 0, 0, 0, 0, 0]), body);
  new DataView(frame.buffer).setUint32(4, Math.max(0, body.length + off), true);
  return frame;
});
const rubbish = fc.oneof(bytes(60), framed).map((made): Draft => ({ name: hex(made), make: () => made }));

function hex(message: Uint8Array): string {
  return [...message].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* Steps */

const listed = (drafts: readonly Draft[]) => drafts.map(({ name }) => name).join(", ");
const names = new Map(PEERS.map((peer, index) => [peer, "ABCD"[index]!]));
const nameOf = (peer: PeerId) => names.get(peer)!;

const harmlessMessage = fc.tuple(who, fc.array(harmless, { minLength: 1, maxLength: 5 })).map(
  ([peer, list]) =>
    new Step(`${nameOf(peer)} sends ${listed(list)}`, (world) => {
      const from = world.of(peer);
      if (!from.isIn) from.hello();
      const message = batch(...list.map(({ make }) => make(world.handle)));
      for (const { data, multicast } of walk(message)) world.sent += data ? 1 : (multicast?.targets.length ?? 0);
      from.send(message);
    }),
);

/** Two join a group, unless they are in it, and one of them sends to it, or to one that it may not be in. */
const casting = fc.tuple(who, who, groupNames, fc.oneof(fc.constant(0), groupIds), payloads).map(
  ([peer, other, name, wrongId, payload]) =>
    new Step(
      `${nameOf(peer)} casts ${payload.length} bytes to ${nameOf(other)} in ${wrongId || `"${name}"`}`,
      (world) => {
        const [from, to] = [world.of(peer), world.of(other)];
        for (const each of [from, to]) if (!each.isIn) each.hello();
        to.send(frames.join(name));
        from.send(frames.join(name));
        const answer = from.heard().findLast(({ frame }) => frame === "joined");
        const id = wrongId || ((answer?.["group"] as number | undefined) ?? 0);
        const group = from.link.groups?.get(id);
        world.sent += group ? group.members.size - 1 : 1;
        from.send(frames.cast(id, payload));
      },
    ),
);

/** Straight to a connection, so that long sequences have some to go wrong with. */
const pairing = fc.tuple(who, who, types).map(
  ([a, b, type]) =>
    new Step(`pair ${nameOf(a)}${nameOf(b)} type ${type}`, (world) => {
      const [from, to] = [world.of(a), world.of(b)];
      for (const peer of [from, to]) if (!peer.isIn) peer.hello();
      from.send(frames.connect(b, { type }));
      const answer = from.heard().findLast(({ frame }) => frame === "connecting");
      if (answer) to.accept(answer["handle"] as number);
    }),
);

const hostile = fc.tuple(who, fc.oneof(rubbish, mutated, others), fc.array(harmless, { maxLength: 2 })).map(
  ([peer, bad, before]) =>
    new Step(`${nameOf(peer)} sends ${listed([...before, bad])}`, (world) => {
      world.of(peer).send(...[...before, bad].map(({ make }) => make(world.handle)));
    }),
);

const life = fc.oneof(
  who.map((peer) => new Step(`${nameOf(peer)} joins anew`, (world) => world.set(world.room.join(peer)))),
  who.map((peer) => new Step(`${nameOf(peer)} knocks`, (world) => world.set(world.room.guest(peer)))),
  who.map((peer) => new Step(`${nameOf(peer)} pings`, (world) => world.of(peer).ping())),
  who.map((peer) => new Step(`${nameOf(peer)} is lost`, (world) => world.of(peer).drop())),
  who.map((peer) => new Step(`${nameOf(peer)} leaves`, (world) => world.of(peer).drop(true))),
  who.map((peer) => new Step(`${nameOf(peer)} resumes`, (world) => world.resume(peer))),
  fc.constant(new Step("drained", ({ room }) => room.drain(100))),
  who.map((peer) => new Step(`${nameOf(peer)} is kicked`, (world) => world.room.kick(peer))),
  nth.map((n) => new Step(`#${n} is closed`, (world) => world.room.closeConnection(world.handle(n)))),
);

const times = fc
  .constantFrom(1, 500, 1_000, 5_000, 12_000, 31_000, 60_000)
  .map((ms) => new Step(`${ms} ms pass`, (world) => world.room.advance(ms)));
const evicted = fc.constant(new Step("evicted", (world) => world.room.evict()));
const crashed = fc.constant(new Step("crashed", (world) => world.room.crash()));
const rung = fc.constant(new Step("the alarm rings early", (world) => world.room.ring()));
const texts = who.map(
  (peer) => new Step(`${nameOf(peer)} sends text`, (world) => world.room.receiveText(world.of(peer))),
);

/** A socket that the rules have closed goes on sending, or is reported closed: both are nothing. */
const afterlife = fc.tuple(fc.nat(20), fc.boolean()).map(
  ([index, isEnd]) =>
    new Step(`socket ${index} ${isEnd ? "ends" : "speaks"} again`, ({ room }) => {
      const peer = [...room.peers][index];
      if (!peer?.socket.closed || peer.isGone) return;
      if (isEnd) peer.drop();
      else peer.send(frames.hello(), frames.connect(ALICE));
    }),
);

/** Sessions that end with their sockets, and sessions that wait. */
const graces = fc.constantFrom(0, 2_000, 20_000);

function play(world: World, steps: readonly Step[]): void {
  for (const step of steps) step.run(world);
}

const anything = fc.oneof(
  { weight: 5, arbitrary: harmlessMessage },
  { weight: 4, arbitrary: pairing },
  { weight: 2, arbitrary: casting },
  { weight: 3, arbitrary: hostile },
  { weight: 2, arbitrary: life },
  { weight: 2, arbitrary: times },
  { weight: 1, arbitrary: fc.oneof(evicted, crashed, rung, texts, afterlife) },
);

/** A connect may name any time up to this, and bytes that are changed may make it so. */
const LONGEST_TIMEOUT_MS = 2 ** 32;

const roomHolds = fc.property(graces, fc.array(anything, { maxLength: 60, size: "max" }), (graceMs, steps) => {
  const world = new World(graceMs);
  play(world, steps);
  expectEnd(world);
});

/** When all are gone, so is everything else, at last. */
function expectEnd({ room }: World): void {
  // Nothing in it was an accident of the relay's own.
  expect(room.logged("internal_error")).toEqual([]);
  expect(room.logged("store_failed")).toEqual([]);
  for (const peer of room.peers) if (!peer.isGone) peer.drop();
  // A connect whose initiator a crash took with it, and that has no session to end with, waits for its timeout.
  room.advance(120_000);
  if (room.statistics.activeConnections > 0) room.advance(LONGEST_TIMEOUT_MS);
  expect(room.statistics).toMatchObject({ activeConnections: 0, peers: 0, away: 0 });
  expect(room.store.loadSessions()).toEqual([]);
  expect(room.scheduled).toBe(Infinity);
}

test("hostile bytes, broken frames and every accident: the room holds", () => {
  fc.assert(roomHolds, { numRuns: 600 });
}, 120_000);

test("the same with seed 1224780375: a connect that names two minutes, and then a crash", () => {
  fc.assert(roomHolds, { numRuns: 120, seed: 1_224_780_375 });
  const world = new World();
  world.room.join(DAVE).send(frames.connect(ALICE, { timeoutMs: 131_072 }));
  world.room.crash();
  world.room.advance(120_000);
  expect(world.room.statistics.activeConnections).toBe(1);
  expectEnd(world);
}, 120_000);

test("the same with seed -528705702: a handle that two crashes in a row have skipped to is not given out twice", () => {
  const world = new World(20_000);
  const [a, b] = [world.of(ALICE), world.of(BOB)];
  a.send(frames.connect(BOB));
  b.accept(world.handle(0));
  world.room.crash();
  world.of(DAVE).send(frames.connect(ALICE));
  const first = world.handle(0);
  world.of(DAVE).send(frames.bye());
  world.room.crash();
  world.of(DAVE).send(frames.connect(CAROL));
  expect(world.handle(0)).toBeGreaterThan(first);
  expectEnd(world);
});

test("[D7] every data frame is delivered or counted under a name, through evictions too", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: harmlessMessage },
    { weight: 4, arbitrary: casting },
    { weight: 4, arbitrary: pairing },
    { weight: 2, arbitrary: life },
    { weight: 2, arbitrary: times },
    { weight: 1, arbitrary: fc.oneof(evicted, rung) },
  );
  fc.assert(
    fc.property(graces, fc.array(step, { maxLength: 50, size: "max" }), (graceMs, steps) => {
      const world = new World(graceMs);
      play(world, steps);
      const { totalPackets, drops } = world.room.statistics;
      const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
      expect(totalPackets + dropped).toBe(world.sent);
      expect(world.room.logged("protocol_error").filter(({ error }) => error !== "hello_timeout")).toEqual([]);
    }),
    { numRuns: 400 },
  );
}, 120_000);

test("the sequences get somewhere: packets, drops, closes of every kind", () => {
  const seen = { packets: 0, casts: 0, hosts: 0, dropped: 0, reasons: new Set<unknown>() };
  const step = fc.oneof(
    { weight: 5, arbitrary: harmlessMessage },
    { weight: 3, arbitrary: casting },
    { weight: 4, arbitrary: pairing },
    { weight: 2, arbitrary: fc.oneof(life, times, evicted, crashed) },
  );
  for (const steps of fc.sample(fc.array(step, { minLength: 40, maxLength: 60, size: "max" }), {
    numRuns: 60,
    seed: 42,
  })) {
    const world = new World(2_000);
    play(world, steps);
    const { totalPackets, drops } = world.room.statistics;
    seen.packets += totalPackets;
    seen.casts += world.room.statistics.groups.packets;
    seen.hosts += world.room.logged("host_elected").length;
    seen.dropped += drops.not_connected + drops.unknown_handle + drops.payload_too_large;
    for (const { reason } of world.room.logged("connection_closed")) seen.reasons.add(reason);
  }
  expect(seen.packets).toBeGreaterThan(100);
  expect(seen.casts).toBeGreaterThan(20);
  expect(seen.hosts).toBeGreaterThan(20);
  expect(seen.dropped).toBeGreaterThan(100);
  for (const reason of [1000, 1999, 5003, 5101, 5102, 5103, 5104, 5105, 5108]) expect(seen.reasons).toContain(reason);
});
