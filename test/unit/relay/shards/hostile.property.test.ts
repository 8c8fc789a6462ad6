/** A shard that lies: it gets no session that it was not given, and nothing it tells is a row that could not be read again. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionState, EndReason, type PeerId, encodeControl } from "../../../../src/protocol/index.ts";
import { handlesOf, homeOf } from "../../../../src/relay/shards/names.ts";
import { encodeTrunk } from "../../../../src/relay/trunk/frames.ts";
import { batch } from "../../../support/frames.ts";
import { runs } from "../../../support/hunting.ts";
import { type TestPeer, frames, peerId } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";
import { bring, frame, lies, token } from "../trunk/lies.ts";

const of = (home: string): PeerId[] =>
  Array.from({ length: 40 }, (_, i) => peerId(i + 1)).filter((id) => homeOf(id, 2) === home);
const [ALICE, CAROL, DAVE, ERIN, GRACE] = of("~1") as [PeerId, PeerId, PeerId, PeerId, PeerId];
const BOB = of("~0")[0]!;
const ALL = [ALICE, BOB, CAROL, DAVE, ERIN, GRACE];
const ROOMS = ["", "~0", "~1", "~7", "~99", "x", "no room!"];

/** The first handle that ~1 gives out. */
const FIRST = handlesOf("~1").first;

const WANTED = 4711n;
const TOKEN = new Uint8Array(16).fill(7);
const FAR_FUTURE = 2n ** 62n;

/**
 * In ~1, whose number of shards has just changed: Carol and Dave, connected; Erin, connected with Dave and without a socket now;
 * Alice, connected with Bob of ~0; and Grace, whose hello asks for a session that ~0 may have. What ~0 says is said by the test.
 */
function setup() {
  const rooms = new TestRooms(["", "~1", "~0"], { crossRooms: 0, shards: 2, graceMs: 60_000 });
  for (const room of rooms.rooms) room.follow({ shards: 2 }, { most: 2, changedAt: room.now });
  const [a, c, d, e] = [ALICE, CAROL, DAVE, ERIN].map((id) => rooms.join("~1", id)) as [
    TestPeer,
    TestPeer,
    TestPeer,
    TestPeer,
  ];
  const here = rooms.room("~1");
  const [local, ofErin] = [here.pair(c, d), here.pair(e, d)];
  const b = rooms.join("~0", BOB);
  a.connect(b);
  rooms.settle();
  b.accept(b.heard().findLast(({ frame: name }) => name === "incoming")!["handle"] as number);
  rooms.settle();
  e.drop();
  const g = here.guest(GRACE).send(frames.hello(WANTED, TOKEN));
  for (const peer of [a, b, c, d]) peer.take();
  const wire = rooms.wires.find(({ room, other }) => room === here && other.room === rooms.room("~0"))!;
  const say = (bytes: Uint8Array) => here.turn(() => here.room.receiveTrunk(wire, bytes.slice(), here.now));
  return { rooms, here, c, d, e, g, local, ofErin, say };
}

/** That a peer has begun a fresh session there (0) is believed: nobody else could know (rule S4). */
const session = fc.oneof(fc.constantFrom(1n, 3n, 5n, 7n, 9n, WANTED), fc.bigInt(1n, 2n ** 64n - 1n));
const someone = fc.constantFrom(...ALL, 0n);

/** A whole session, asked for or not. */
const arrival = fc
  .tuple(
    fc.constantFrom(GRACE, GRACE, ERIN, BOB, 0n),
    fc.oneof(fc.constant(WANTED), session),
    fc.array(bring(someone, fc.constantFrom(...ROOMS)), { maxLength: 3 }),
    fc.array(token, { maxLength: 2 }),
  )
  .map(([peer, id, brought, missed]) =>
    batch(
      encodeTrunk("yield", { peer, session: id, token: TOKEN, previousToken: new Uint8Array() }),
      ...missed.map((close) => encodeTrunk("missed", { peer, close })),
      ...brought,
      encodeTrunk("yielded", { peer, session: id }),
    ),
  );

/** About those who are here, by what is true of them. */
const aimed = fc.oneof(
  frame("took", { peer: someone, session, token }),
  frame("claim", { peer: someone, session, token }),
  frame("half", {
    mine: fc.nat(4).map((n) => FIRST + n),
    yours: fc.nat(4).map((n) => FIRST + n),
    state: fc.nat(3),
    path: fc.nat(2),
    reason: fc.constant(0),
    isByMe: fc.nat(1),
    peer: someone,
    moves: fc.nat(9),
  }),
  frame("missed", {
    peer: someone,
    close: fc.nat(4).map((n) => encodeControl("close", { handle: FIRST + n, reason: 1000, closedBy: 1, debug: "" })),
  }),
);

const message = fc.array(fc.oneof(lies(ALL, ROOMS, session), aimed, arrival), { minLength: 1, maxLength: 4 });

describe("a shard that lies", () => {
  it("[SH5] [SH6] gets nobody's session or connection, and what it tells can be read again", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), (messages) => {
        const { rooms, here, c, d, e, local, ofErin, say } = setup();
        for (const each of messages) say(batch(...each));
        expect([...c.heard(), ...d.heard()].filter(({ handle }) => handle === local)).toEqual([]);
        c.send(frames.data(local, "still here"));
        expect(d.heard().at(-1)).toMatchObject({ frame: "data", payload: "still here" });
        const back = here.resume(e);
        expect(back.welcome?.session).toBe(e.welcome!.session);
        d.send(frames.data(ofErin, "and you"));
        expect(back.heard().at(-1)).toMatchObject({ frame: "data", payload: "and you" });
        rooms.settle();
        rooms.advance(2_000);
        rooms.crash("~1");
        expect([...here.room.peers]).toEqual(expect.arrayContaining([CAROL, DAVE, ERIN]));
      }),
      runs("SHARD", 300),
    );
  }, 3_600_000);

  const TRUE = {
    peer: GRACE,
    handle: 77,
    id: 77n,
    from: GRACE as bigint,
    to: BOB as bigint,
    connectionType: 2,
    state: ConnectionState.Connected as number,
    created: 5n,
    connectedAt: 6n,
    disconnectingAt: 0n,
    lastActivity: 7n,
    virtualPort: 0,
    channel: -1,
    deadline: 0n,
    pendingReason: 0,
    pendingBy: 0n,
    isRefused: 0,
    fromMoves: 1,
    toMoves: 0,
    path: 0,
    farHandle: 77,
    farRoom: "~0",
  };

  function tell(more: Partial<typeof TRUE>) {
    const world = setup();
    world.say(encodeTrunk("yield", { peer: GRACE, session: WANTED, token: TOKEN, previousToken: new Uint8Array() }));
    world.say(encodeTrunk("bring", { ...TRUE, ...more }));
    world.say(encodeTrunk("yielded", { peer: GRACE, session: WANTED }));
    expect(world.g.welcome?.session).toBe(WANTED);
    return { ...world, half: world.here.manager.getConnectionByHandle(77) };
  }

  it("[SH5] is believed where it was asked, and what is true", () => {
    expect(tell({}).half).toMatchObject({
      connectionId: 77n,
      farRoom: "~0",
      created: 5,
      state: ConnectionState.Connected,
    });
  });

  it.each([
    ["another handle than its id has", { id: 78n }],
    ["a peer that is none", { to: 0n }],
    ["a peer and itself", { to: GRACE }],
    ["two others", { from: BOB, to: DAVE }],
    ["a state that there is not", { state: 9 }],
    ["what is closed", { state: 3 }],
    ["no type", { connectionType: 200 }],
    ["a path that there is not", { path: 9 }],
    ["a room that is none", { farRoom: "no room!" }],
    ["a named room", { farRoom: "x" }],
    ["who closes it, and is no end of it", { state: ConnectionState.Disconnecting as number, pendingBy: DAVE }],
  ])("[SH5] does not bring %s", (_, more) => {
    expect(tell(more).half).toBeUndefined();
  });

  it("[SH5] brings no times of the far future", () => {
    const times = { created: FAR_FUTURE, connectedAt: FAR_FUTURE, lastActivity: FAR_FUTURE, deadline: FAR_FUTURE };
    const { half, here } = tell(times);
    expect(half).toMatchObject({ created: here.now, connectedAt: here.now, lastActivity: here.now });
    expect(half!.deadline).toBeLessThanOrEqual(here.now + 0xffff_ffff);
  });

  it("[SH5] leaves no session here that nobody has asked for", () => {
    const { here, say } = setup();
    say(encodeTrunk("yield", { peer: peerId(39), session: 5n, token: TOKEN, previousToken: new Uint8Array() }));
    say(encodeTrunk("yielded", { peer: peerId(39), session: 5n }));
    expect([...here.room.peers]).not.toContain(peerId(39));
  });

  it("[SH5] has not taken what it was not told: without its token no session is over here", () => {
    const { here, e, say } = setup();
    say(encodeTrunk("took", { peer: ERIN, session: e.welcome!.session, token: TOKEN }));
    expect(here.resume(e).welcome?.session).toBe(e.welcome!.session);
  });

  it("[SH6] has no end of a connection whose peer is here", () => {
    const { here, e, ofErin, say } = setup();
    const half = { mine: ofErin, yours: ofErin, state: 1, path: 0, reason: 0, isByMe: 0, peer: ERIN, moves: 5 };
    say(encodeTrunk("half", half, 1));
    expect(here.manager.getConnectionByHandle(ofErin)?.farPeer).toBeUndefined();
    expect(here.resume(e).welcome?.session).toBe(e.welcome!.session);
  });

  it("[SH5] ends no connection of a session that did not come from it, though it tells of that", () => {
    const { here, c, local, say } = setup();
    const close = encodeControl("close", { handle: local, reason: EndReason.AppGeneric, closedBy: 1, debug: "" });
    const { session: id } = c.welcome!;
    say(encodeTrunk("yield", { peer: CAROL, session: id, token: TOKEN, previousToken: new Uint8Array() }));
    say(encodeTrunk("yielded", { peer: CAROL, session: id }));
    say(encodeTrunk("missed", { peer: CAROL, close }));
    expect(here.manager.getConnectionByHandle(local)).toBeDefined();
  });
});
