/** Who is in the room (rules S1 to S7, H2), and how operators take them out. */
import { describe, expect, test } from "vitest";
import {
  CloseCode,
  ClosedBy,
  ConnectionState,
  DROP_REASONS,
  EndReason,
  FrameType,
  MAX_BATCH,
  MAX_PAYLOAD,
  PROTOCOL_VERSION,
} from "../../../src/protocol/index.ts";
import { TIMES } from "../../../src/relay/settings.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  START,
  TestRoom,
  byeOf,
  closeOf,
  control,
  errorOf,
  frames,
  stateOf,
  text,
} from "../../support/room.ts";

const { Connecting, Connected, Disconnecting } = ConnectionState;
const { Relay, Peer } = ClosedBy;

describe("hello", () => {
  test("[S3] the answer is welcome, with every limit", () => {
    const room = new TestRoom({
      settings: { maxPayload: 1200, maxConnectionsPerPeer: 9, connectTimeoutMs: 7_000, idleTimeoutMs: 120_000 },
    });
    const alice = room.guest(ALICE).hello();
    expect(alice.batches()).toEqual([
      [
        {
          frame: "welcome",
          version: PROTOCOL_VERSION,
          session: 1n,
          peer: ALICE,
          now: BigInt(START),
          heartbeatMs: 15_000,
          graceMs: 0,
          maxPayload: 1200,
          maxBatch: MAX_BATCH,
          maxConnections: 9,
          connectTimeoutMs: 7_000,
          idleTimeoutMs: 120_000,
          token: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          messagesPerSecond: 1_000,
          bytesPerSecond: 16 * MAX_BATCH,
          connectionBytesPerSecond: 0,
        },
      ],
    ]);
    expect(room.room.isPresent(ALICE)).toBe(true);
    expect(room.logged("session_opened")).toEqual([
      { level: "info", event: "session_opened", peer: String(ALICE), session: "1" },
    ]);
  });

  test("[S3] the default limits", () => {
    expect(new TestRoom().guest(ALICE).hello().heard()).toMatchObject([
      { maxPayload: MAX_PAYLOAD, maxConnections: 1024, connectTimeoutMs: 10_000, idleTimeoutMs: 300_000 },
    ]);
  });

  test("[S1] frames behind hello in the same message are read", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE).send(frames.hello(), frames.connect(BOB));
    expect(alice.heard().map(({ frame }) => frame)).toEqual(["welcome", "connecting"]);
  });

  const firsts: [string, number, Uint8Array][] = [
    ["bye", FrameType.Bye, frames.bye()],
    ["connect", FrameType.Connect, frames.connect(BOB)],
    ["accept", FrameType.Accept, frames.accept(1)],
    ["close", FrameType.Close, frames.close(1)],
    ["data", FrameType.Data, frames.data(1, "x")],
    ["welcome, which is the relay's", FrameType.Welcome, new Uint8Array([FrameType.Welcome, 0, 0, 0, 0, 0, 0, 0])],
    ["a type that does not exist", 0x7f, new Uint8Array([0x7f, 0, 0, 0, 0, 0, 0, 0])],
    ["a type that may be skipped later", 0x80, new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0])],
  ];
  test.each(firsts)("[S1] %s as the first frame is hello_expected", (_, type, frame) => {
    const room = new TestRoom();
    const alice = room.guest(ALICE).send(frame, frames.hello());
    expect(alice.batches()).toEqual([[errorOf("hello_expected", type), byeOf(4001, "hello_expected")]]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.ProtocolError, reason: "hello_expected" });
    expect(room.room.isPresent(ALICE)).toBe(false);
    expect(room.statistics.drops.unknown_handle).toBe(0);
  });

  test("[S1] a second hello is hello_repeated, and ends the session", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    alice.hello();
    expect(alice.heard()).toEqual([errorOf("hello_repeated", FrameType.Hello), byeOf(4001, "hello_repeated")]);
    expect(alice.socket.closed?.code).toBe(4001);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
  });

  test.each([0, 2, 65_535])("[S1] version %i is unsupported_version", (version) => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    alice.send(control("hello", { version, session: 0n, token: new Uint8Array() }), frames.connect(BOB));
    expect(alice.heard()).toEqual([
      errorOf("unsupported_version", FrameType.Hello),
      byeOf(4001, "unsupported_version"),
    ]);
    expect(alice.socket.closed?.code).toBe(4001);
  });

  test("[S1] an unsupported version does not end the session that the peer has", () => {
    const room = new TestRoom();
    const older = room.join(ALICE);
    room.guest(ALICE).send(control("hello", { version: 9, session: 0n, token: new Uint8Array() }));
    expect(older.heard()).toEqual([]);
    expect(room.room.isPresent(ALICE)).toBe(true);
  });

  test("[S1] a session or token that is asked for is not resumed: this version has none", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    alice.send(control("hello", { version: 1, session: 77n, token: text("let me in") }));
    expect(alice.heard()).toMatchObject([{ frame: "welcome", session: 1n, graceMs: 0 }]);
  });

  test("[S2] no hello within 10 s: error, bye, 4002", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    room.advance(TIMES.helloMs - 1);
    expect(alice.socket.closed).toBeUndefined();
    room.advance(1);
    expect(alice.batches()).toEqual([[errorOf("hello_timeout", FrameType.Hello), byeOf(4002, "hello_timeout")]]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.HelloTimeout, reason: "hello_timeout" });
    expect(room.scheduled).toBe(Infinity);
  });

  test("[S2] each guest has its own 10 s; a session is not touched", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    const bob = room.guest(BOB);
    room.advance(6_000);
    const carol = room.guest(CAROL);
    room.advance(4_000);
    expect([alice, bob, carol].map(({ socket }) => socket.closed?.code)).toEqual([undefined, 4002, undefined]);
    room.advance(6_000);
    expect(carol.socket.closed?.code).toBe(4002);
    expect(alice.socket.closed).toBeUndefined();
  });

  test("[S2] keep-alives are not a hello", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    room.advance(9_000);
    alice.ping();
    room.advance(1_000);
    expect(alice.socket.closed?.code).toBe(4002);
  });

  test("[S2] an eviction does not start the 10 s anew", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    room.advance(6_000);
    room.evict();
    room.advance(4_000);
    expect(alice.socket.closed?.code).toBe(4002);
  });

  test("a guest that goes leaves nothing behind", () => {
    const room = new TestRoom();
    room.guest(ALICE).drop();
    expect(room.scheduled).toBe(Infinity);
    expect(room.advance(60_000).alarms).toEqual([]);
    expect(room.logs).toEqual([]);
  });
});

describe("[S4] a fresh hello supersedes the older session", () => {
  test("which is told with bye 4003 and closed, and nothing else", () => {
    const room = new TestRoom();
    const [older, bob] = [room.join(ALICE), room.join(BOB)];
    room.pair(older, bob);
    const newer = room.join(ALICE);
    expect(older.batches()).toEqual([[byeOf(4003, "superseded")]]);
    expect(older.socket.closed).toEqual({ code: CloseCode.Superseded, reason: "superseded" });
    expect(newer.isIn).toBe(true);
    expect(room.statistics.peers).toBe(2);
  });

  test("connections end with 5103, in each state", () => {
    const room = new TestRoom();
    const [older, bob, carol, dave] = [room.join(ALICE), room.join(BOB), room.join(CAROL), room.join(DAVE)];
    const connected = room.pair(older, bob);
    const asked = older.connect(carol);
    const leaving = room.pair(older, dave);
    older.send(frames.close(leaving, { graceful: true, reason: 1234 }));
    const incoming = bob.connect(older, { port: 9 });
    for (const peer of [older, bob, carol, dave]) peer.take();
    const newer = room.join(ALICE);
    expect(bob.heard()).toEqual([closeOf(connected, EndReason.PeerSuperseded, Relay)]);
    expect(carol.heard()).toEqual([closeOf(asked, EndReason.PeerSuperseded, Relay)]);
    expect(dave.heard()).toEqual([closeOf(leaving, EndReason.PeerSuperseded, Relay)]);
    // What another asked of this peer is not the older session's: the newer one may answer it (C3, C6).
    expect(newer.heard()).toMatchObject([{ frame: "incoming", handle: incoming, peer: BOB }]);
    newer.accept(incoming);
    expect(bob.heard()).toEqual([stateOf(incoming, Connecting, Connected)]);
    expect(room.manager.getActiveConnectionCount()).toBe(1);
  });

  test("what the older socket still sends is not read, and its end does not end the newer session", () => {
    const room = new TestRoom();
    const [older, bob] = [room.join(ALICE), room.join(BOB)];
    const newer = room.join(ALICE);
    older.send(frames.connect(BOB));
    room.receiveText(older);
    older.drop();
    expect(bob.heard()).toEqual([]);
    expect(older.heard()).toEqual([byeOf(4003, "superseded")]);
    expect(room.room.isPresent(ALICE)).toBe(true);
    room.pair(newer, bob);
  });

  test("three times in a row", () => {
    const room = new TestRoom();
    const sessions = [room.join(ALICE), room.join(ALICE), room.join(ALICE)];
    expect(sessions.map(({ socket }) => socket.closed?.code)).toEqual([4003, 4003, undefined]);
    expect(room.logged("session_closed").map(({ why }) => why)).toEqual(["superseded", "superseded"]);
  });

  test("the superseded socket, still listed by the platform, is not the session after an eviction", () => {
    const room = new TestRoom();
    const older = room.join(ALICE);
    const [newer, bob] = [room.join(ALICE), room.join(BOB)];
    // The other end of the older socket never answers the close: it stays in the platform's list, here as the last.
    room.peers.delete(older);
    room.peers.add(older);
    room.evict();
    expect(room.statistics.peers).toBe(2);
    const handle = room.pair(newer, bob);
    bob.send(frames.data(handle, "to the newer one"));
    expect(newer.heard()).toMatchObject([{ payload: "to the newer one" }]);
    older.send(frames.connect(BOB));
    older.drop();
    expect(newer.isIn && room.room.isPresent(ALICE)).toBe(true);
  });
});

describe("[S5] the end of a socket ends its session", () => {
  test("its connections end with 5102 at the other end, in each state", () => {
    const room = new TestRoom();
    const [alice, bob, carol, dave] = [room.join(ALICE), room.join(BOB), room.join(CAROL), room.join(DAVE)];
    const connected = room.pair(alice, bob);
    const asked = alice.connect(carol);
    const leaving = room.pair(dave, alice);
    dave.send(frames.close(leaving, { graceful: true }));
    for (const peer of [alice, bob, carol, dave]) peer.take();
    alice.drop();
    expect(bob.heard()).toEqual([closeOf(connected, EndReason.PeerLeft, Relay)]);
    expect(carol.heard()).toEqual([closeOf(asked, EndReason.PeerLeft, Relay)]);
    expect(dave.heard()).toEqual([closeOf(leaving, EndReason.PeerLeft, Relay)]);
    expect(alice.heard()).toEqual([]);
    expect(room.room.isPresent(ALICE)).toBe(false);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
    expect(room.logged("session_closed")).toEqual([
      { level: "info", event: "session_closed", peer: String(ALICE), why: "socket_closed" },
    ]);
  });

  test("both ends at once: nobody is told, nothing stays, and there is no alarm", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    room.pair(alice, bob);
    alice.drop();
    bob.drop();
    expect(room.statistics).toMatchObject({ activeConnections: 0, peers: 0 });
    expect(room.scheduled).toBe(Infinity);
  });

  test("told twice is told once", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    alice.drop();
    alice.drop();
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    expect(room.logged("session_closed")).toHaveLength(1);
  });
});

describe("[S6] bye from a client", () => {
  test("ends its session at once; the relay closes with 1000", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    alice.bye();
    expect(alice.batches()).toEqual([[byeOf(1000, "bye")]]);
    expect(alice.socket.closed).toEqual({ code: 1000, reason: "bye" });
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    expect(room.logged("session_closed")).toMatchObject([{ why: "bye" }]);
    alice.drop();
    expect(bob.heard()).toEqual([]);
  });

  test("frames before it in the message are in effect, those behind it are not", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "last words"), frames.bye(), frames.data(handle, "from beyond"));
    expect(bob.heard()).toMatchObject([{ payload: "last words" }, { frame: "close", handle }]);
    expect(room.statistics).toMatchObject({ totalPackets: 1, drops: { unknown_handle: 0 } });
  });

  test("whatever code and text it has", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE).send(control("bye", { code: 4004, reconnectAfterMs: 9, debug: "I was kicked" }));
    expect(alice.socket.closed).toEqual({ code: 1000, reason: "bye" });
  });
});

test("[S7] a session speaks as the peer of its ticket, whatever its frames say", () => {
  const room = new TestRoom();
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  const handle = room.pair(alice, bob);
  // Carol names Alice's connection in every frame that has a handle.
  carol.send(frames.data(handle, "I am Alice"), frames.accept(handle), frames.refuse(handle), frames.close(handle));
  expect(carol.heard()).toEqual([
    errorOf("unknown_handle", FrameType.Data, handle),
    errorOf("unknown_handle", FrameType.Accept, handle),
    errorOf("unknown_handle", FrameType.Refuse, handle),
    errorOf("unknown_handle", FrameType.Close, handle),
  ]);
  expect([...alice.heard(), ...bob.heard()]).toEqual([]);
  carol.send(frames.connect(BOB));
  expect(bob.heard()).toMatchObject([{ frame: "incoming", peer: CAROL }]);
});

describe("[H2] ghosts", () => {
  test("34 s without a word, not even a ping: bye, 4005, and the session is over", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    for (let i = 0; i < 3; i++) {
      room.advance(11_000);
      bob.ping();
    }
    expect(alice.socket.closed).toBeUndefined();
    room.advance(1_000);
    expect(alice.batches()).toEqual([[byeOf(4005, "nothing was heard")]]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.HeartbeatLost, reason: "nothing was heard" });
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    expect(room.logged("session_closed")).toMatchObject([{ peer: String(ALICE), why: "heartbeat_lost" }]);
  });

  test("a ping is enough, and so is any message", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    for (let i = 0; i < 10; i++) {
      room.advance(33_000);
      alice.ping();
      bob.send(frames.connect(peerOf(i)));
    }
    expect([alice.isIn, bob.isIn]).toEqual([true, true]);
    // Last heard 34 s ago is a ghost; the look comes within the pace of the cleanup.
    room.advance(33_999);
    expect([alice.isIn, bob.isIn]).toEqual([true, true]);
    room.advance(10_001);
    expect([alice.isIn, bob.isIn]).toEqual([false, false]);
  });

  test("is found by an object that sleeps between its alarms", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    // Nothing happens but the alarm and pings of Bob: the object is evicted between any two events.
    for (let seconds = 0; seconds < 60 && alice.isIn; seconds++) {
      room.evict();
      room.advance(1_000);
      if (seconds % 20 === 0) bob.ping();
    }
    expect(alice.socket.closed?.code).toBe(CloseCode.HeartbeatLost);
    expect(room.now - START).toBeLessThanOrEqual(45_000);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    expect(bob.isIn).toBe(true);
  });

  test("a client that only talks, then falls silent and pings in time, is never taken for one", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    bob.ping();
    for (let second = 0; second < 300; second++) {
      // Two minutes of talk without a ping, then silence with a ping each 15 s (H1); evicted all the time.
      if (second < 120) alice.send(frames.data(handle, "x"));
      else if (second % 15 === 14) alice.ping();
      bob.ping();
      room.evict();
      room.advance(1_000);
    }
    expect(alice.isIn).toBe(true);
  });

  test("saving when a socket was last heard costs one save per half a heartbeat, not one per message", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    const before = alice.socket.saves;
    for (let i = 0; i < 600; i++) {
      alice.send(frames.data(handle, "x"));
      room.advance(100);
    }
    expect(alice.socket.saves - before).toBeLessThanOrEqual(60_000 / (TIMES.heartbeatMs / 2));
  });

  test("a ghost that is evicted after its close is not found again", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    room.advance(45_000);
    expect(alice.socket.closed?.code).toBe(4005);
    room.evict();
    expect(room.statistics.peers).toBe(0);
    expect(room.scheduled).toBe(Infinity);
  });
});

describe("operators", () => {
  test("[C9] kick: bye 4004, closed, connections end with 5105 at the other end, in each state", () => {
    const room = new TestRoom();
    const [alice, bob, carol, dave] = [room.join(ALICE), room.join(BOB), room.join(CAROL), room.join(DAVE)];
    const connected = room.pair(bob, alice);
    const asked = alice.connect(carol);
    const leaving = room.pair(alice, dave);
    dave.send(frames.close(leaving, { graceful: true }));
    for (const peer of [alice, bob, carol, dave]) peer.take();
    expect(room.kick(ALICE)).toBe(true);
    expect(alice.batches()).toEqual([[byeOf(4004, "kicked")]]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.Kicked, reason: "kicked" });
    expect(bob.heard()).toEqual([closeOf(connected, EndReason.PeerKicked, Relay)]);
    expect(carol.heard()).toEqual([closeOf(asked, EndReason.PeerKicked, Relay)]);
    expect(dave.heard()).toEqual([closeOf(leaving, EndReason.PeerKicked, Relay)]);
    expect(room.kick(ALICE)).toBe(false);
    expect(room.logged("session_closed")).toMatchObject([{ why: "kicked" }]);
  });

  test("kick: false for a peer that is not here", () => {
    const room = new TestRoom();
    room.guest(BOB);
    expect(room.kick(ALICE)).toBe(false);
    expect(room.kick(BOB)).toBe(false);
  });

  test("[C6] kick: what a stranger asked of the kicked peer waits for its timeout", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = alice.connect(bob);
    room.kick(BOB);
    expect(alice.heard()).toEqual([]);
    room.advance(10_000);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
  });

  test("[C9] close: both ends are told 5104 by the relay; false for what is not there", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    expect(room.closeConnection(handle)).toBe(true);
    for (const peer of [alice, bob]) {
      expect(peer.heard()).toEqual([closeOf(handle, EndReason.ClosedByAdmin, Relay)]);
    }
    expect(room.closeConnection(handle)).toBe(false);
    expect([alice.isIn, bob.isIn]).toEqual([true, true]);
  });

  test("[C9] close of a connection that is Connecting or Disconnecting", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const asked = alice.connect(bob, { port: 1 });
    const leaving = room.pair(alice, bob, { port: 2 });
    bob.send(frames.close(leaving, { graceful: true, reason: 1001 }));
    alice.take();
    bob.take();
    room.closeConnection(asked);
    room.closeConnection(leaving);
    for (const peer of [alice, bob]) {
      expect(peer.heard()).toEqual([
        closeOf(asked, EndReason.ClosedByAdmin, Relay),
        closeOf(leaving, EndReason.ClosedByAdmin, Relay),
      ]);
    }
  });

  test("shutdown of the manager tells everyone 5106, and later connects fail with internal", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(alice, bob);
    room.manager.shutdown();
    bob.send(frames.bye());
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.RelayShutdown, Relay)]);
    alice.send(frames.connect(CAROL));
    expect(alice.heard()).toEqual([errorOf("internal", 0), byeOf(4007, "internal")]);
  });
});

test("statistics: connections, packets, bytes, peers and drops", () => {
  const room = new TestRoom();
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  room.guest(CAROL);
  const handle = room.pair(alice, bob);
  alice.send(frames.data(handle, "12345"), frames.data(99, "x"));
  expect(room.statistics).toMatchObject({
    refusals: { unknown_handle: 1, flooding: 0 },
    joinRefusals: { room_full: 0 },
  });
  expect(room.statistics).toEqual({
    ...room.statistics,
    activeConnections: 1,
    totalPackets: 1,
    totalBytes: 5,
    peers: 2,
    away: 0,
    monthBytes: 5,
    drops: { ...Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])), unknown_handle: 1 },
  });
  bob.send(frames.close(handle, { reason: 1000 }));
  expect(alice.heard()).toMatchObject([errorOf("unknown_handle", FrameType.Data, 99), { closedBy: Peer }]);
  expect(room.manager.getConnectionByHandle(handle)?.state).not.toBe(Disconnecting);
});

function peerOf(n: number): bigint {
  return 9_000n + BigInt(n);
}

describe("a clock that goes back", () => {
  const BACK_MS = 4 * 60_000;

  test("[C6] a connect that comes after it times out in its time", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    room.ring(); // everything was looked at, at the time that was
    room.now -= BACK_MS;
    const handle = alice.connect(BOB, { timeoutMs: 5_000 });
    alice.take();
    room.advance(6_000);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
  });

  test("[L1] who keeps to the rate goes on", () => {
    const room = new TestRoom({ settings: { messagesPerSecond: 10 } });
    const alice = room.join(ALICE);
    const bob = room.join(BOB);
    const handle = room.pair(alice, bob);
    room.now -= BACK_MS;
    for (let message = 1; message <= 300; message++) {
      alice.send(frames.data(handle, "still here", { number: message }));
      room.advance(200);
    }
    expect(alice.socket.closed).toBeUndefined();
    expect(room.statistics.totalPackets).toBe(300);
  });
});
