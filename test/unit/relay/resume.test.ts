/** A client that loses its socket comes back to its session (rules R1 to R10, S5). */
import { describe, expect, test } from "vitest";
import { CloseCode, ClosedBy, ConnectionState, EndReason, Path, PathFlag } from "../../../src/protocol/index.ts";
import { TIMES } from "../../../src/relay/settings.ts";
import { ALICE, BOB, CAROL, type Heard, TestPeer, TestRoom, closeOf, frames, stateOf } from "../../support/room.ts";

const { Connecting, Connected, Disconnecting } = ConnectionState;
const GRACE = 30_000;

function setup(settings: ConstructorParameters<typeof TestRoom>[0] = {}) {
  const room = new TestRoom({ ...settings, settings: { graceMs: GRACE, ...settings.settings } });
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, handle };
}

const pathOf = (handle: number, path: Path, flags = 0): Heard => ({
  frame: "path",
  handle,
  path,
  ...(flags !== 0 && { flags }),
});
const resumed = (connections: number): Heard => ({ frame: "resumed", connections });

/** What a client that came back was told behind the welcome, which must be of its old session. */
function listing(back: TestPeer, old: TestPeer): Heard[] {
  const [welcome, ...rest] = back.heard();
  expect(welcome).toMatchObject({ frame: "welcome", session: old.welcome?.session });
  return rest;
}

describe("a socket is lost", () => {
  test("[R3] [R4] the session is away: its connections stay, and the other end is told", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    expect(bob.heard()).toEqual([pathOf(handle, Path.Away)]);
    expect(room.statistics).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
    bob.send(frames.data(handle, "into the void"));
    expect(bob.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({ totalPackets: 0, drops: { peer_away: 1 } });
  });

  test.each([
    ["bye", (peer: TestPeer) => void peer.bye()],
    ["a close with 1000, or without a code", (peer: TestPeer) => void peer.drop(true)],
    ["a broken protocol", (peer: TestPeer) => void peer.send(Uint8Array.of(0x7f, 0, 0, 0, 0, 0, 0, 0))],
  ])("[S5] %s ends the session at once", (_, leave) => {
    const { room, alice, bob, handle } = setup();
    leave(alice);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, ClosedBy.Relay)]);
    expect(room.statistics).toMatchObject({ peers: 1, away: 0 });
    expect(room.resume(alice).heard()).toMatchObject([{ frame: "welcome" }]);
    expect(room.logged("session_resumed")).toEqual([]);
  });

  test("[S5] without a connection of its own there is nothing to come back to", () => {
    const room = new TestRoom({ settings: { graceMs: GRACE } });
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    bob.connect(alice); // asked for, not answered
    alice.drop();
    expect(room.statistics).toMatchObject({ peers: 1, away: 0 });
    expect(room.store.loadSessions().map(({ peer }) => peer)).toEqual([BOB]);
  });

  test("[R3] one that has asked for a connection can come back to the answer", () => {
    const { room, alice } = setup();
    const carol = room.join(CAROL);
    const asked = carol.connect(alice, { port: 9 });
    carol.drop();
    alice.accept(asked);
    expect(alice.heard()).toMatchObject([{ frame: "incoming" }, { frame: "state", state: Connected }]);
    const back = room.resume(carol);
    expect(listing(back, carol)).toEqual([stateOf(asked, Connected, Connected), resumed(1)]);
  });

  test("[S5] a grace period of 0 ends it with its socket, and nothing is written down", () => {
    const { room, alice, bob, handle } = setup({ settings: { graceMs: 0 } });
    alice.drop();
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, ClosedBy.Relay)]);
    expect(room.store.loadSessions()).toEqual([]);
  });

  test("[C6] a stranger who waits for an answer is not told that the peer is away", () => {
    const { room, alice, bob } = setup();
    const carol = room.join(CAROL);
    carol.connect(alice, { port: 9 });
    carol.take();
    alice.drop();
    expect(carol.heard()).toEqual([]);
    room.advance(TIMES.disconnectMs);
    room.resume(alice);
    expect(carol.heard()).toEqual([]);
    expect(bob.heard()).toHaveLength(2);
  });
});

describe("coming back", () => {
  test("[R1] [R5] [R6] the same session, the same handles, a new token; both ends are told to send again", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.take();
    room.advance(GRACE - 1_001);
    bob.ping();
    const back = room.resume(alice);
    const token = alice.welcome!.token;
    expect(back.welcome).toMatchObject({ session: alice.welcome?.session, graceMs: GRACE });
    expect(back.welcome?.token).toHaveLength(16);
    expect(back.welcome?.token).not.toEqual(token);
    expect(listing(back, alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
    expect(bob.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
    bob.send(frames.data(handle, "again"));
    back.send(frames.data(handle, "here"));
    expect([...back.heard(), ...bob.heard()]).toMatchObject([{ payload: "again" }, { payload: "here" }]);
    room.advance(GRACE);
    expect(room.logged("session_closed")).toMatchObject([]);
  });

  test("[R5] lists every connection as it is: both kinds of Connecting, Connected, Disconnecting", () => {
    const { room, alice, bob, handle } = setup();
    const asking = alice.connect(bob, { port: 1 });
    const asked = bob.connect(alice, { port: 2 });
    const closing = room.pair(alice, bob, { port: 3 });
    const refused = bob.connect(alice, { port: 4 });
    alice.send(frames.refuse(refused));
    bob.send(frames.close(closing, { reason: 1234, graceful: true }));
    alice.drop();
    const told = listing(room.resume(alice), alice);
    expect(told).toHaveLength(6);
    expect(told.slice(0, 5)).toMatchObject([
      stateOf(handle, Connected, Connected),
      stateOf(asking, Connecting, Connecting),
      { frame: "incoming", handle: asked },
      stateOf(closing, Disconnecting, Disconnecting),
      { frame: "close", handle: closing, reason: 1234, closedBy: ClosedBy.Peer, flags: 1 },
    ]);
    expect(told[5]).toEqual(resumed(4));
  });

  test("[R5] closes of the meantime are told first, with who closed and why", () => {
    const { room, alice, bob, handle } = setup();
    const second = room.pair(alice, bob, { port: 1 });
    alice.drop();
    bob.send(frames.close(handle, { reason: 1111, debug: "done" }));
    room.closeConnection(second);
    expect(listing(room.resume(alice), alice)).toEqual([
      closeOf(handle, 1111, ClosedBy.Peer, "done"),
      closeOf(second, EndReason.ClosedByAdmin, ClosedBy.Relay),
      resumed(0),
    ]);
  });

  test("[R5] also those told on a socket that turns out to have been dead", () => {
    const { room, alice, bob, handle } = setup();
    bob.send(frames.close(handle, { reason: 1111 }));
    const second = room.pair(alice, bob, { port: 1 });
    // Alice has seen nothing of it, and comes back while her old socket still looks open.
    expect(listing(room.resume(alice), alice)).toEqual([
      closeOf(handle, 1111, ClosedBy.Peer),
      stateOf(second, Connected, Connected),
      resumed(1),
    ]);
  });

  test("[R5] of those, the last sixteen, and no more than fit beside the socket; also after an eviction", () => {
    const { room, alice, bob, handle } = setup();
    const closed = Array.from({ length: 20 }, (_, port) => room.pair(alice, bob, { port: port + 1 }));
    for (const each of closed) bob.send(frames.close(each, { reason: 1111 }));
    const back = room.resume(alice);
    const told = listing(back, alice);
    expect(told.slice(0, -2)).toEqual(closed.slice(-16).map((each) => closeOf(each, 1111, ClosedBy.Peer)));
    const wordy = Array.from({ length: 16 }, (_, port) => room.pair(back, bob, { port: port + 1 }));
    const debug = "x".repeat(127);
    for (const each of wordy) bob.send(frames.close(each, { reason: 1111, debug }));
    room.evict();
    const after = listing(room.resume(back), alice).filter(({ frame }) => frame === "close");
    expect(after).toEqual(wordy.slice(-10).map((each) => closeOf(each, 1111, ClosedBy.Peer, debug)));
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connected);
  });

  test("[R5] closes of the meantime survive evictions and a crash", () => {
    const { room, alice, bob, handle } = setup();
    const second = room.pair(alice, bob, { port: 1 });
    const third = room.pair(alice, bob, { port: 2 });
    alice.drop();
    room.evict();
    bob.send(frames.close(handle, { reason: 1001 }));
    room.evict();
    bob.send(frames.close(second, { reason: 1002 }));
    room.crash();
    expect(listing(room.resume(alice), alice)).toEqual([
      closeOf(handle, 1001, ClosedBy.Peer),
      closeOf(second, 1002, ClosedBy.Peer),
      stateOf(third, Connected, Connected),
      pathOf(third, Path.Away),
      resumed(1),
    ]);
  });

  test("[R5] closes of one turn that it missed are one row", () => {
    const { room, alice, bob } = setup();
    const more = Array.from({ length: 20 }, (_, port) => room.pair(alice, bob, { port: port + 1 }));
    alice.drop();
    room.store.writes.length = 0;
    bob.send(...more.map((each) => frames.close(each, { reason: 1111 })));
    expect(room.store.writes.filter((write) => write === "saveSession")).toHaveLength(1);
    room.crash();
    expect(listing(room.resume(alice), alice).filter(({ frame }) => frame === "close")).toHaveLength(20);
  });

  test("[R5] of very many closes while away the last are kept", () => {
    const room = new TestRoom({ settings: { graceMs: GRACE, maxConnectionsPerPeer: 2_000 }, checks: false });
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const open = (port: number, type = 2): number => {
      if (port % 200 === 0) room.advance(4_000);
      for (const peer of [alice, bob]) peer.ping();
      return room.pair(alice, bob, { port, type });
    };
    const all = [
      ...Array.from({ length: 900 }, (_, port) => open(port)),
      ...Array.from({ length: 200 }, (_, port) => open(port, 0)),
    ];
    alice.drop();
    for (const handle of all) bob.send(frames.close(handle, { reason: 1111 }));
    const told = listing(room.resume(alice), alice);
    expect(told).toHaveLength(1_024 + 1);
    expect(told[0]).toEqual(closeOf(all.at(-1_024)!, 1111, ClosedBy.Peer));
  });

  test("[R5] [R4] where the other end is away as well, both learn of it, and of its return", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.drop();
    const one = room.resume(alice);
    expect(listing(one, alice)).toEqual([stateOf(handle, Connected, Connected), pathOf(handle, Path.Away), resumed(1)]);
    const two = room.resume(bob);
    expect(listing(two, bob)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
    expect(one.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
  });

  test("[R8] takes over from a socket that still looks open, which is told; nobody is told of an absence", () => {
    const { room, alice, bob, handle } = setup();
    const back = room.resume(alice);
    expect(listing(back, alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
    expect(alice.socket.closed?.code).toBe(CloseCode.Superseded);
    expect(bob.heard()).toEqual([pathOf(handle, Path.Open, PathFlag.Lost)]);
    expect(room.statistics).toMatchObject({ peers: 1 + 1, away: 0 });
    alice.send(frames.data(handle, "too late"));
    alice.drop();
    expect(bob.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({ peers: 2, away: 0 });
  });

  test("[R1] again and again", () => {
    const { room, alice, bob, handle } = setup();
    let current = alice;
    for (let i = 0; i < 10; i++) {
      current.drop();
      room.advance(20_000);
      bob.ping();
      const back = room.resume(current);
      expect(listing(back, current)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
      back.send(frames.data(handle, String(i)));
      expect(bob.heard().at(-1)).toMatchObject({ payload: String(i) });
      current = back;
    }
    expect(room.statistics.totalPackets).toBe(10);
  });
});

describe("whose session it is", () => {
  const wrong = new Uint8Array(16).fill(7);

  test.each([
    ["a wrong token", (alice: TestPeer) => ({ session: alice.welcome!.session, token: wrong })],
    ["no token", (alice: TestPeer) => ({ session: alice.welcome!.session, token: new Uint8Array() })],
    [
      "a longer token",
      (a: TestPeer) => ({ session: a.welcome!.session, token: Uint8Array.of(...a.welcome!.token, 0) }),
    ],
    ["another session id", (alice: TestPeer) => ({ session: 4711n, token: alice.welcome!.token })],
  ])("[R2] %s: a fresh session, and the old one is over (S4)", (_, shown) => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.take();
    const back = room.resume(alice, shown(alice));
    expect(back.heard()).toMatchObject([{ frame: "welcome" }]);
    expect(back.welcome?.session).not.toBe(alice.welcome?.session);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerSuperseded, ClosedBy.Relay)]);
  });

  test("[R2] another peer's session and token are worth nothing, and the session does not suffer", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.take();
    const carol = room.resume(alice, { peer: CAROL });
    expect(carol.welcome?.session).not.toBe(alice.welcome?.session);
    expect(carol.heard()).toHaveLength(1);
    expect(bob.heard()).toEqual([]);
    expect(listing(room.resume(alice), alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
  });

  test("[R7] a token is used up when the session that it resumed has been heard from", () => {
    const { room, alice } = setup();
    alice.drop();
    const back = room.resume(alice);
    back.send(frames.connect(CAROL, { port: 9 }));
    back.drop();
    const thief = room.resume(alice); // the first token, again
    expect(thief.welcome?.session).not.toBe(alice.welcome?.session);
  });

  test("[R7] and not before: a welcome that was lost does not lose the session", () => {
    const { room, alice, handle } = setup();
    alice.drop();
    for (let i = 0; i < 3; i++) room.resume(alice).drop(); // the client never hears of its new token
    expect(listing(room.resume(alice), alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
  });

  test("[R7] through evictions and a crash, too", () => {
    const { room, alice } = setup();
    alice.drop();
    room.resume(alice);
    room.evict();
    const back = room.resume(alice);
    expect(back.welcome?.session).toBe(alice.welcome?.session);
    back.send(frames.connect(CAROL, { port: 9 }));
    room.evict();
    back.drop();
    expect(room.resume(alice).welcome?.session).not.toBe(alice.welcome?.session);
  });
});

describe("not coming back", () => {
  test("[R9] after the grace the session is over: 5108, once, and no alarm is left for it", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.take();
    room.advance(GRACE - 1_000);
    bob.ping();
    expect(bob.heard()).toEqual([]);
    room.advance(2_000);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLost, ClosedBy.Relay)]);
    expect(room.store.loadSessions().map(({ peer }) => peer)).toEqual([BOB]);
    expect(room.resume(alice).welcome?.session).not.toBe(alice.welcome?.session);
  });

  test("[R9] an object that sleeps and is evicted all the while finds the end by its alarm alone", () => {
    const { room, alice, bob } = setup();
    alice.drop();
    bob.drop();
    for (let second = 0; second < 40; second++) {
      room.evict();
      room.advance(1_000);
    }
    expect(room.manager.getActiveConnectionCount()).toBe(0);
    expect(room.store.loadSessions()).toEqual([]);
    expect(room.scheduled).toBe(Infinity);
    expect(room.alarms.length).toBeLessThanOrEqual(4);
  });

  test("[R10] after a crash all who had connections are waited for, for a grace period, and no longer", () => {
    const { room, alice, bob, handle } = setup();
    room.join(CAROL);
    room.crash();
    expect(room.statistics).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
    room.advance(10_000);
    room.crash(); // does not begin the wait anew
    const back = room.resume(bob);
    expect(listing(back, bob)).toEqual([stateOf(handle, Connected, Connected), pathOf(handle, Path.Away), resumed(1)]);
    room.advance(GRACE - 10_000 + 1_000);
    expect(back.heard()).toEqual([closeOf(handle, EndReason.PeerLost, ClosedBy.Relay)]);
    expect(room.resume(alice).welcome?.session).not.toBe(alice.welcome?.session);
  });

  test("the connection's own timeouts go on", () => {
    const { room, alice, bob, handle } = setup({ settings: { idleTimeoutMs: 10_000 } });
    alice.drop();
    bob.take();
    room.advance(20_001);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.IdleTimeout, ClosedBy.Relay)]);
    expect(listing(room.resume(alice), alice)).toEqual([
      closeOf(handle, EndReason.IdleTimeout, ClosedBy.Relay),
      resumed(0),
    ]);
  });

  test("[H2] a ghost is away, not over; then its grace begins", () => {
    const { room, alice, bob, handle } = setup();
    for (let i = 0; i < 5; i++) {
      room.advance(9_000);
      bob.ping();
    }
    expect(alice.socket.closed?.code).toBe(CloseCode.HeartbeatLost);
    expect(bob.heard()).toEqual([pathOf(handle, Path.Away)]);
    expect(listing(room.resume(alice), alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
  });

  test("an operator removes a peer that is away, too", () => {
    const { room, alice, bob, handle } = setup();
    alice.drop();
    bob.take();
    expect(room.kick(ALICE)).toBe(true);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerKicked, ClosedBy.Relay)]);
    expect(room.resume(alice).welcome?.session).not.toBe(alice.welcome?.session);
  });

  test("[C3] who asks for a peer that is away is heard when it is back", () => {
    const { room, alice, bob, handle } = setup();
    const carol = room.join(CAROL);
    alice.drop();
    const asked = carol.connect(alice, { port: 9 });
    expect(listing(room.resume(alice), alice)).toMatchObject([
      stateOf(handle, Connected, Connected),
      { frame: "incoming", handle: asked },
      resumed(2),
    ]);
    expect(bob.heard()).toHaveLength(2);
  });
});

test("[L1] what a session has sent beyond its rate it still owes after a resume", () => {
  const { room, alice, bob, handle } = setup({ settings: { messagesPerSecond: 5 } });
  let current = alice;
  for (let i = 0; i < 12; i++) {
    current.send(frames.data(handle, String(i)));
    current = room.resume(current);
  }
  expect(room.statistics.drops.rate_limited).toBeGreaterThan(0);
  for (let i = 0; i < 12 && !current.socket.closed; i++) current.send(frames.data(handle, String(i)));
  expect(current.socket.closed?.code).toBe(CloseCode.RateLimited);
  expect(bob.isIn).toBe(true);
});

test("drain: each client is told when to come back, and finds its session", () => {
  const { room, alice, bob, handle } = setup();
  const guest = room.guest(CAROL);
  expect(room.drain(2_500)).toBe(2);
  for (const peer of [alice, bob]) {
    expect(peer.heard().at(-1)).toMatchObject({ frame: "bye", code: CloseCode.Restarting, reconnectAfterMs: 2_500 });
    expect(peer.socket.closed?.code).toBe(CloseCode.Restarting);
  }
  expect(guest.socket.closed).toBeUndefined();
  expect(room.statistics).toMatchObject({ peers: 0, away: 2 });
  room.resume(alice);
  expect(listing(room.resume(bob), bob)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
});

test("a store that fails when a session goes away costs nothing but its memory of it", () => {
  const { room, alice, bob, handle } = setup({ checks: false });
  room.store.failing.add("saveSession").add("deleteSession");
  alice.drop();
  expect(bob.heard()).toEqual([pathOf(handle, Path.Away)]);
  expect(listing(room.resume(alice), alice)).toEqual([stateOf(handle, Connected, Connected), resumed(1)]);
  expect(room.logged("store_failed").length).toBeGreaterThan(0);
});
