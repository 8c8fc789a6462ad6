/** A connection's life as its two ends see it (rules C1 to C14; C6 is in privacy.test.ts). */
import { describe, expect, test } from "vitest";
import {
  ClosedBy,
  ConnectionState,
  ConnectionType,
  EndReason,
  FrameType,
  MAX_VIRTUAL_PORT,
} from "../../../src/protocol/index.ts";
import { ackFrame, walk } from "../../support/frames.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  START,
  type Heard,
  type TestPeer,
  TestRoom,
  closeOf,
  errorOf,
  frames,
  peerId,
  stateOf,
} from "../../support/room.ts";

const { Connecting, Connected, Disconnecting } = ConnectionState;
const { NetworkOld, NetworkPb, NetworkingSockets, NetworkingMessages } = ConnectionType;
const { Local, Peer, Relay } = ClosedBy;

function setup(options: ConstructorParameters<typeof TestRoom>[0] = {}) {
  const room = new TestRoom(options);
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  return { room, alice, bob, carol };
}

/** A connection in each state, as Alice and Bob have it. */
function inState(state: ConnectionState, { reason = 1000, by = "alice" } = {}) {
  const all = setup();
  const { alice, bob } = all;
  const handle = alice.connect(bob, { port: 7 });
  if (state !== Connecting) bob.accept(handle);
  if (state === Disconnecting) (by === "alice" ? alice : bob).send(frames.close(handle, { graceful: true, reason }));
  alice.take();
  bob.take();
  return { ...all, handle };
}

const firsts = (peer: TestPeer) => peer.heard().map(({ frame }) => frame);

describe("[C3] connect", () => {
  test("is answered with connecting, and the other end is told with incoming", () => {
    const { room, alice, bob, carol } = setup();
    alice.send(frames.connect(BOB, { request: 77, port: 7, channel: 5 }));
    const connectionId = (BigInt(START / 1000) << 32n) | 1n;
    expect(alice.batches()).toEqual([
      [{ frame: "connecting", request: 77, handle: 1, connectionId, state: Connecting }],
    ]);
    // A family with ports has no channel.
    expect(bob.batches()).toEqual([
      [
        {
          frame: "incoming",
          handle: 1,
          connectionId,
          connectionType: NetworkingSockets,
          peer: ALICE,
          virtualPort: 7,
          channel: -1,
        },
      ],
    ]);
    expect(carol.heard()).toEqual([]);
    expect(room.logged("connection_opened")).toEqual([
      {
        level: "info",
        event: "connection_opened",
        connection: String(connectionId),
        from: String(ALICE),
        to: String(BOB),
        app: 480,
        type: "NetworkingSockets",
        virtualPort: 7,
        channel: undefined,
      },
    ]);
  });

  test.each([NetworkPb, NetworkingMessages])("a family with channels (%i) has no port", (type) => {
    const { alice, bob } = setup();
    alice.send(frames.connect(BOB, { type, channel: -12 }));
    expect(bob.heard()).toMatchObject([{ connectionType: type, virtualPort: -1, channel: -12 }]);
  });

  test("a peer that joins before the timeout is told then, of everyone who waits", () => {
    const { room, alice, carol } = setup();
    const one = alice.connect(DAVE, { port: 1 });
    const two = alice.connect(DAVE, { port: 2 });
    const three = carol.connect(DAVE, { type: NetworkPb, channel: 4 });
    room.advance(9_999);
    const dave = room.join(DAVE);
    expect(dave.heard()).toMatchObject([
      { frame: "incoming", handle: one, peer: ALICE, virtualPort: 1 },
      { frame: "incoming", handle: two, peer: ALICE, virtualPort: 2 },
      { frame: "incoming", handle: three, peer: CAROL, virtualPort: -1, channel: 4 },
    ]);
    dave.accept(two);
    expect(alice.heard()).toEqual([stateOf(two, Connecting, Connected)]);
  });

  test("a guest is not told; it is when it says hello", () => {
    const { room, alice } = setup();
    const dave = room.guest(DAVE);
    const handle = alice.connect(DAVE);
    expect(dave.heard()).toEqual([]);
    dave.hello();
    expect(dave.heard()).toMatchObject([{ frame: "welcome" }, { frame: "incoming", handle }]);
  });

  test("one that joins after the timeout is not told", () => {
    const { room, alice } = setup();
    alice.connect(DAVE);
    room.advance(10_000);
    expect(room.join(DAVE).heard()).toEqual([]);
  });

  test("the app's connect timeout, the client's, and the limits of that", () => {
    const { room, alice } = setup({ settings: { connectTimeoutMs: 4_000 } });
    const deadline = (timeoutMs: number, port: number) => {
      const handle = alice.connect(DAVE, { timeoutMs, port });
      return room.manager.getConnectionByHandle(handle)!.deadline! - room.now;
    };
    expect([0, 1, 99, 100, 30_000, 3_600_000, 4_294_967_295].map(deadline)).toEqual([
      4_000, 100, 100, 100, 30_000, 3_600_000, 3_600_000,
    ]);
  });
});

describe("[C1] one connection per key", () => {
  test.each([
    ["the initiator", true],
    ["the other end", false],
  ])("a connect by %s for a Connected connection is answered with it, and changes nothing", (_, isInitiator) => {
    const { room, alice, bob, handle } = inState(Connected);
    const [asker, other] = isInitiator ? [alice, bob] : [bob, alice];
    asker.send(frames.connect(other.id, { port: 7, request: 5 }));
    expect(asker.heard()).toMatchObject([{ frame: "connecting", request: 5, handle, state: Connected }]);
    expect(other.heard()).toEqual([]);
    expect(room.manager.getActiveConnectionCount()).toBe(1);
  });

  test("while it is Connecting, a repeated connect repeats the incoming", () => {
    const { alice, bob, handle } = inState(Connecting);
    alice.send(frames.connect(BOB, { port: 7, request: 2 }), frames.connect(BOB, { port: 7, request: 3 }));
    expect(alice.heard()).toMatchObject([
      { frame: "connecting", request: 2, handle, state: Connecting },
      { frame: "connecting", request: 3, handle, state: Connecting },
    ]);
    expect(bob.heard()).toMatchObject([
      { frame: "incoming", handle },
      { frame: "incoming", handle },
    ]);
    bob.accept(handle);
    expect(alice.heard()).toEqual([stateOf(handle, Connecting, Connected)]);
  });

  test("also after a refusal; then it can be accepted", () => {
    const { room, alice, bob, handle } = inState(Connecting);
    bob.send(frames.refuse(handle));
    alice.send(frames.connect(BOB, { port: 7 }));
    expect(bob.heard()).toMatchObject([{ frame: "incoming", handle }]);
    bob.accept(handle);
    expect(alice.heard().at(-1)).toEqual(stateOf(handle, Connecting, Connected));
    expect(room.manager.getConnectionByHandle(handle)?.isRefused).toBe(false);
  });

  test("asking again does not move the timeout", () => {
    const { room, alice, handle } = inState(Connecting);
    room.advance(9_000);
    alice.send(frames.connect(BOB, { port: 7, timeoutMs: 60_000 }));
    alice.take();
    room.advance(1_000);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
  });

  test.each([
    ["the one who closed", "alice"],
    ["the other end", "bob"],
  ])("one that is Disconnecting is ended first, asked anew by %s", (_, by) => {
    const { alice, bob, handle } = inState(Disconnecting, { reason: 1234, by: "alice" });
    const [asker, other] = by === "alice" ? [alice, bob] : [bob, alice];
    asker.send(frames.connect(other.id, { port: 7 }));
    const next = handle + 1;
    const ofAsker = closeOf(handle, 1234, asker === alice ? Local : Peer);
    const ofOther = closeOf(handle, 1234, other === alice ? Local : Peer);
    expect(asker.heard()).toMatchObject([ofAsker, { frame: "connecting", handle: next, state: Connecting }]);
    expect(other.heard()).toMatchObject([ofOther, { frame: "incoming", handle: next }]);
  });

  test("peers, families and ports tell connections apart; the order of the peers does not", () => {
    const { room, alice, bob } = setup();
    const handles = [NetworkOld, NetworkingSockets].flatMap((type) =>
      [0, 1, MAX_VIRTUAL_PORT].map((port) => alice.connect(bob, { type, port })),
    );
    for (const type of [NetworkPb, NetworkingMessages]) handles.push(alice.connect(bob, { type, channel: 1 }));
    expect(new Set(handles).size).toBe(8);
    expect(alice.connect(bob, { type: NetworkPb, channel: 2 })).toBe(handles[6]);
    bob.take();
    expect(bob.connect(alice, { type: NetworkOld, port: 1 })).toBe(handles[1]);
    expect(room.manager.getConnectionByHandle(handles[1]!)?.state).toBe(Connected);
    expect(room.manager.getConnectionByHandle(handles[0]!)?.state).toBe(Connecting);
  });

  test("closing one port leaves the other", () => {
    const { alice, bob } = setup();
    const [one, two] = [1, 2].map((port) => alice.room.pair(alice, bob, { port })) as [number, number];
    alice.send(frames.close(one), frames.data(two, "still here"));
    expect(bob.heard()).toMatchObject([closeOf(one, 1000, Peer), { handle: two, payload: "still here" }]);
  });
});

describe("[C4] accept", () => {
  test("makes it Connected; both ends are told, and nobody else", () => {
    const { room, alice, bob, carol, handle } = inState(Connecting);
    bob.accept(handle);
    expect(alice.batches()).toEqual([[stateOf(handle, Connecting, Connected)]]);
    expect(bob.batches()).toEqual([[stateOf(handle, Connecting, Connected)]]);
    expect(carol.heard()).toEqual([]);
    room.advance(20_000);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connected);
  });

  test("the state reaches the other end before data of the same message", () => {
    const { alice, bob, handle } = inState(Connecting);
    bob.send(frames.accept(handle), frames.data(handle, "hi"));
    expect(alice.batches()).toMatchObject([[stateOf(handle, Connecting, Connected), { frame: "data", payload: "hi" }]]);
  });

  test("is on disk before it is told", () => {
    const { room, handle } = inState(Connected);
    expect(room.store.loadConnections()).toMatchObject([{ handle, state: Connected, deadline: undefined }]);
  });
});

describe("[C5] connects by both ends at once are an accept", () => {
  test("each for the same key", () => {
    const { room, alice, bob } = setup();
    alice.send(frames.connect(BOB, { port: 3, request: 1 }));
    bob.send(frames.connect(ALICE, { port: 3, request: 2 }));
    expect(alice.heard()).toMatchObject([
      { frame: "connecting", state: Connecting },
      stateOf(1, Connecting, Connected),
    ]);
    expect(bob.heard()).toMatchObject([
      { frame: "incoming", handle: 1 },
      { frame: "connecting", handle: 1, state: Connecting },
      stateOf(1, Connecting, Connected),
    ]);
    expect(room.manager.getActiveConnectionCount()).toBe(1);
  });

  test("also of one who refused before", () => {
    const { alice, bob, handle } = inState(Connecting);
    bob.send(frames.refuse(handle), frames.connect(ALICE, { port: 7 }));
    expect(alice.heard()).toEqual([stateOf(handle, Connecting, Connected)]);
  });

  test("also of one who joins after: its connect answers what was asked", () => {
    const { room, alice } = setup();
    const handle = alice.connect(DAVE);
    const dave = room.guest(DAVE).send(frames.hello(), frames.connect(ALICE));
    expect(firsts(dave)).toEqual(["welcome", "incoming", "connecting", "state"]);
    expect(alice.heard()).toEqual([stateOf(handle, Connecting, Connected)]);
  });

  test("another port is another question", () => {
    const { room, alice, bob } = setup();
    alice.connect(bob, { port: 3 });
    bob.connect(alice, { port: 4 });
    expect([...room.manager.connections()].map(({ state }) => state)).toEqual([Connecting, Connecting]);
  });
});

describe("[C7] who may answer", () => {
  const answers = [
    ["accept", FrameType.Accept, (handle: number) => frames.accept(handle)],
    ["refuse", FrameType.Refuse, (handle: number) => frames.refuse(handle)],
  ] as const;

  test.each(answers)("%s by the initiator is illegal_state", (_, type, frame) => {
    const { room, alice, bob, handle } = inState(Connecting);
    alice.send(frame(handle));
    expect(alice.heard()).toEqual([errorOf("illegal_state", type, handle)]);
    expect(bob.heard()).toEqual([]);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connecting);
  });

  test.each(
    answers.flatMap(([name, type, frame]) =>
      [Connected, Disconnecting].map((state) => [name, state, type, frame] as const),
    ),
  )("%s in state %i is illegal_state, for both ends", (_, state, type, frame) => {
    const { room, alice, bob, handle } = inState(state);
    for (const peer of [alice, bob]) {
      peer.send(frame(handle));
      expect(peer.heard()).toEqual([errorOf("illegal_state", type, handle)]);
    }
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(state);
  });

  test.each(answers)("%s of a handle that is not theirs is unknown_handle", (_, type, frame) => {
    const { alice, bob, carol, handle } = inState(Connecting);
    carol.send(frame(handle), frame(999), frame(0));
    expect(carol.heard()).toEqual([handle, 999, 0].map((about) => errorOf("unknown_handle", type, about)));
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
  });

  test.each(answers)("%s after a refusal is illegal_state: the handle has been given back", (_, type, frame) => {
    const { room, alice, bob, handle } = inState(Connecting);
    bob.send(frames.refuse(handle), frame(handle));
    expect(bob.heard()).toEqual([errorOf("illegal_state", type, handle)]);
    expect(alice.heard()).toEqual([]);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connecting);
  });
});

describe("[C8] close", () => {
  test.each([
    ["the initiator", true],
    ["the other end", false],
  ])("by %s closes at once: the other end is told reason and text, the closer that it was itself", (_, isInitiator) => {
    const { room, alice, bob, handle } = inState(Connected);
    const [closer, other] = isInitiator ? [alice, bob] : [bob, alice];
    closer.send(frames.close(handle, { reason: 1500, debug: "gg wp" }));
    expect(other.heard()).toEqual([closeOf(handle, 1500, Peer, "gg wp")]);
    expect(closer.heard()).toEqual([closeOf(handle, 1500, Local, "gg wp")]);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
    expect(room.logged("connection_closed")).toMatchObject([{ reason: 1500 }]);
  });

  test("data before it in the message is delivered before it, data behind it is unknown_handle", () => {
    const { alice, bob, handle } = inState(Connected);
    alice.send(frames.data(handle, "1"), frames.close(handle), frames.data(handle, "2"));
    expect(bob.heard()).toMatchObject([{ payload: "1" }, closeOf(handle, 1000, Peer)]);
    expect(alice.heard()).toEqual([closeOf(handle, 1000, Local), errorOf("unknown_handle", FrameType.Data, handle)]);
  });

  test("of a Connecting connection by its initiator withdraws it, graceful or not", () => {
    for (const graceful of [false, true]) {
      const { room, alice, bob, handle } = inState(Connecting);
      alice.send(frames.close(handle, { reason: 1001, debug: "never mind", graceful }));
      expect(bob.heard()).toEqual([closeOf(handle, 1001, Peer, "never mind")]);
      expect(alice.heard()).toEqual([closeOf(handle, 1001, Local, "never mind")]);
      bob.accept(handle);
      expect(bob.heard()).toEqual([errorOf("unknown_handle", FrameType.Accept, handle)]);
      expect(room.manager.getActiveConnectionCount()).toBe(0);
    }
  });

  test("a withdrawn connection that had been refused is not told to who refused it", () => {
    const { alice, bob, handle } = inState(Connecting);
    bob.send(frames.refuse(handle));
    alice.send(frames.close(handle));
    expect(bob.heard()).toEqual([]);
    expect(alice.heard()).toEqual([closeOf(handle, 1000, Local)]);
  });

  test("of a Connecting connection by the other end is a refusal", () => {
    const { room, alice, bob, handle } = inState(Connecting);
    bob.send(frames.close(handle, { reason: 1001, debug: "no" }));
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
    expect(room.manager.getConnectionByHandle(handle)).toMatchObject({ state: Connecting, isRefused: true });
  });

  test("by a third peer is unknown_handle", () => {
    const { room, carol, handle } = inState(Connected);
    carol.send(frames.close(handle));
    expect(carol.heard()).toEqual([errorOf("unknown_handle", FrameType.Close, handle)]);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connected);
  });

  test("a second one is unknown_handle", () => {
    const { alice, bob, handle } = inState(Connected);
    alice.send(frames.close(handle));
    alice.take();
    for (const peer of [alice, bob]) {
      peer.send(frames.close(handle));
      expect(peer.heard().at(-1)).toEqual(errorOf("unknown_handle", FrameType.Close, handle));
    }
  });
});

const graceful = (handle: number, reason = 1234) => frames.close(handle, { graceful: true, reason, debug: "bye now" });

describe("[C8] graceful close", () => {
  test("is Disconnecting: both are told the state, the other end reason and text", () => {
    const { room, alice, bob, handle } = inState(Connected);
    alice.send(graceful(handle));
    expect(alice.heard()).toEqual([stateOf(handle, Connected, Disconnecting)]);
    expect(bob.heard()).toEqual([
      stateOf(handle, Connected, Disconnecting),
      { ...closeOf(handle, 1234, Peer, "bye now"), flags: 1 },
    ]);
    expect(room.store.loadConnections()).toMatchObject([
      { handle, state: Disconnecting, pendingReason: 1234, deadline: START + 5_000 },
    ]);
  });

  test.each([
    ["plainly", frames.close(1, { reason: 2222, debug: "own words" })],
    ["gracefully", frames.close(1, { reason: 2222, graceful: true })],
  ])("is over when the other end closes too, %s, with the first one's reason", (_, answer) => {
    const { room, alice, bob, handle } = inState(Disconnecting, { reason: 1234 });
    room.advance(4_000);
    bob.send(answer);
    expect(alice.heard()).toEqual([closeOf(handle, 1234, Local)]);
    expect(bob.heard()).toEqual([closeOf(handle, 1234, Peer)]);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
  });

  test("by who accepted: the initiator is told reason and text", () => {
    const { alice, bob, handle } = inState(Connected);
    bob.send(graceful(handle));
    expect(bob.heard()).toEqual([stateOf(handle, Connected, Disconnecting)]);
    expect(alice.heard()).toEqual([
      stateOf(handle, Connected, Disconnecting),
      { ...closeOf(handle, 1234, Peer, "bye now"), flags: 1 },
    ]);
  });

  test("by the other end of the connection, the same", () => {
    const { alice, bob, handle } = inState(Disconnecting, { reason: 1111, by: "bob" });
    alice.send(frames.close(handle));
    expect(bob.heard()).toEqual([closeOf(handle, 1111, Local)]);
    expect(alice.heard()).toEqual([closeOf(handle, 1111, Peer)]);
  });

  test("both ends in one breath: the first one's counts", () => {
    const { alice, bob, handle } = inState(Connected);
    alice.send(graceful(handle, 1001));
    bob.send(graceful(handle, 1002));
    expect(alice.heard()).toEqual([stateOf(handle, Connected, Disconnecting), closeOf(handle, 1001, Local)]);
    expect(bob.heard().at(-1)).toEqual(closeOf(handle, 1001, Peer));
  });

  test("is over after 5 s when the other end is silent: as the closer's, not the relay's", () => {
    const { room, alice, bob, handle } = inState(Disconnecting, { reason: 1234 });
    room.advance(4_999);
    expect([...alice.heard(), ...bob.heard()]).toEqual([]);
    room.advance(1);
    expect(alice.heard()).toEqual([closeOf(handle, 1234, Local)]);
    expect(bob.heard()).toEqual([closeOf(handle, 1234, Peer)]);
    expect(room.logged("connection_closed")).toMatchObject([{ reason: 1234 }]);
  });

  test("is over at once when the closer closes again", () => {
    const { alice, bob, handle } = inState(Disconnecting, { reason: 1234 });
    alice.send(frames.close(handle, { reason: 1999 }));
    expect(alice.heard()).toEqual([closeOf(handle, 1234, Local)]);
    expect(bob.heard()).toEqual([closeOf(handle, 1234, Peer)]);
  });

  test.each(["alice", "bob"])("%s leaves meanwhile: the other is told 5102 by the relay", (leaver) => {
    const { alice, bob, handle } = inState(Disconnecting);
    const [gone, other] = leaver === "alice" ? [alice, bob] : [bob, alice];
    gone.drop();
    expect(other.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
  });

  test("the other end's session is gone before it begins: nobody to wait for, nothing to throw", () => {
    const { room, alice, bob, handle } = inState(Connected);
    room.crash();
    const back = room.join(ALICE);
    expect(back.heard()).toEqual([]);
    expect([alice.heard(), bob.heard()]).toEqual([[], []]);
    back.send(graceful(handle));
    expect(back.heard()).toEqual([errorOf("unknown_handle", FrameType.Close, handle)]);
  });
});

describe("[C9] what the relay ends", () => {
  test("[C11] idle: no data for idleTimeoutMs, told to both with 5101", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 60_000 } });
    const [quiet, busy] = [1, 2].map((port) => room.pair(alice, bob, { port })) as [number, number];
    const alive = (seconds: number) => {
      for (let i = 0; i < seconds / 10; i++) {
        room.advance(10_000);
        for (const peer of room.peers) peer.ping();
      }
    };
    alive(30);
    alice.send(frames.data(busy, "x"));
    bob.take();
    alive(20);
    expect(alice.heard()).toEqual([]);
    alive(20);
    expect(alice.heard()).toEqual([closeOf(quiet, EndReason.IdleTimeout, Relay)]);
    expect(bob.heard()).toEqual([closeOf(quiet, EndReason.IdleTimeout, Relay)]);
    alive(30);
    expect(alice.heard()).toEqual([closeOf(busy, EndReason.IdleTimeout, Relay)]);
    expect(room.logged("cleanup")).toHaveLength(2);
  });

  test("[C11] the idle time of a connection begins when it is Connected", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 20_000 } });
    const handle = alice.connect(bob, { timeoutMs: 60_000 });
    for (const peer of [alice, bob]) peer.ping();
    room.advance(30_000);
    for (const peer of [alice, bob]) peer.ping();
    bob.accept(handle);
    alice.take();
    room.advance(14_000);
    expect(alice.heard()).toEqual([]);
    bob.send(frames.data(handle, "still in time"));
    expect(alice.heard()).toMatchObject([{ payload: "still in time" }]);
  });

  test("[C11] also when it is Connected by connects of both ends", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 20_000 } });
    const handle = alice.connect(bob, { timeoutMs: 60_000 });
    room.advance(30_000);
    for (const peer of [alice, bob]) peer.ping();
    bob.connect(alice);
    alice.take();
    room.advance(14_000);
    expect(alice.heard()).toEqual([]);
    expect(room.manager.getConnectionByHandle(handle)?.lastActivity).toBe(START + 30_000);
  });

  test("[C11] acks and probes are not data", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 20_000 } });
    const handle = room.pair(alice, bob);
    for (let i = 0; i < 2; i++) {
      alice.send(ackOf(handle));
      room.advance(10_000);
    }
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.IdleTimeout, Relay)]);
  });

  test("a connect timeout is told to the other end too, unless it had refused", () => {
    const { room, alice, bob, carol } = setup();
    const [one, two] = [alice.connect(bob), alice.connect(carol)];
    bob.send(frames.refuse(one));
    bob.take();
    carol.take();
    room.advance(10_000);
    expect(alice.heard()).toEqual([closeOf(one, EndReason.Timeout, Relay), closeOf(two, EndReason.Timeout, Relay)]);
    expect(bob.heard()).toEqual([]);
    expect(carol.heard()).toEqual([closeOf(two, EndReason.Timeout, Relay)]);
  });
});

describe("[C10] limits", () => {
  test.each([
    [NetworkingSockets, 0],
    [NetworkPb, -1],
  ])("a connect to oneself is connect_to_self (family %i)", (type, port) => {
    const { room, alice } = setup();
    alice.send(frames.connect(ALICE, { type, port, request: 8 }));
    expect(alice.heard()).toEqual([errorOf("connect_to_self", FrameType.Connect, 8)]);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
  });

  test("more than maxConnections of one peer are too_many_connections; the session goes on", () => {
    const { room, alice, bob } = setup({ settings: { maxConnectionsPerPeer: 2 } });
    const [one] = [1, 2].map((port) => alice.connect(bob, { port })) as [number, number];
    alice.send(frames.connect(BOB, { port: 3, request: 9 }));
    expect(alice.heard()).toEqual([errorOf("too_many_connections", FrameType.Connect, 9)]);
    // One that exists is still answered.
    expect(alice.connect(bob, { port: 1 })).toBe(one);
    alice.send(frames.close(one));
    alice.take();
    alice.connect(bob, { port: 3 });
    expect(room.manager.countConnectionsForPeer(ALICE)).toBe(2);
    // Another peer's count is its own.
    expect(room.join(DAVE).connect(bob)).toBeGreaterThan(0);
  });

  test("what others asked for counts from its accept on: strangers cannot use a peer's limit up", () => {
    const { room, alice, bob, carol } = setup({ settings: { maxConnectionsPerPeer: 2 } });
    bob.connect(alice);
    carol.connect(alice);
    alice.send(frames.connect(DAVE, { request: 4 }));
    expect(alice.heard().some(({ frame }) => frame === "connecting")).toBe(true);
    for (const { handle, fromPeerId } of room.manager.getConnectionsForPeer(alice.id)) {
      if (fromPeerId === bob.id) alice.send(frames.accept(handle));
    }
    alice.take();
    alice.send(frames.connect(DAVE, { request: 5, port: 9 }));
    expect(alice.heard()).toEqual([errorOf("too_many_connections", FrameType.Connect, 5)]);
  });
});

const connects = (count: number) =>
  Array.from({ length: count }, (_, port) => frames.connect(BOB, { port, request: port }));
const count = (peer: { heard(): Heard[] }) => {
  const heard = peer.heard();
  const limited = heard.filter(({ error }) => error === "rate_limited");
  return { limited: limited.length, answered: heard.filter(({ frame }) => frame === "connecting").length };
};

describe("[C14] connects within a rate", () => {
  test("256 at once; each beyond them is refused with its request, and the session goes on", () => {
    const { room, alice, bob } = setup();
    alice.send(...connects(300));
    const heard = alice.heard();
    expect(heard.slice(256)).toEqual(
      Array.from({ length: 44 }, (_, n) => errorOf("rate_limited", FrameType.Connect, 256 + n)),
    );
    expect(room.manager.getActiveConnectionCount()).toBe(256);
    // Bob's rate is his own, and what he accepts is not limited.
    bob.send(...room.manager.getConnectionsForPeer(BOB).map(({ handle }) => frames.accept(handle)));
    expect(count(bob.send(frames.connect(CAROL)))).toEqual({ limited: 0, answered: 1 });
    // No close is lost, however many come at once.
    alice.send(...room.manager.getConnectionsForPeer(ALICE).map(({ handle }) => frames.close(handle)));
    expect(room.manager.getConnectionsForPeer(ALICE)).toEqual([]);
  });

  test("64 more each second, up to 256; connects that are refused or repeated count", () => {
    const { room, alice } = setup();
    alice.send(...Array.from({ length: 128 }, () => frames.connect(ALICE)));
    alice.send(...Array.from({ length: 128 }, () => frames.connect(BOB)));
    alice.take();
    expect(count(alice.send(...connects(1)))).toEqual({ limited: 1, answered: 0 });
    room.advance(500);
    expect(count(alice.send(...connects(40)))).toEqual({ limited: 8, answered: 32 });
    room.advance(30_000);
    expect(count(alice.send(...connects(300)))).toEqual({ limited: 44, answered: 256 });
  });

  test("a message of nothing but connect and close costs 256 of each, not 15,000", () => {
    const { room, alice } = setup();
    const next = room.manager.nextHandle;
    const pairs = Array.from({ length: 15_000 }, (_, n) => [frames.connect(BOB), frames.close(next + n)]);
    const before = room.store.writes.length;
    alice.send(...pairs.flat());
    expect(room.store.writes.length - before).toBe(512);
    expect(room.logged("connection_closed")).toHaveLength(256);
  });
});

test("[C12] a handle that never was, is another's, or is over: the same answer, byte by byte", () => {
  const { room, alice, bob, carol } = setup();
  const never = 4;
  const others = room.pair(alice, bob);
  const over = room.pair(alice, carol);
  alice.send(frames.close(over));
  carol.take();
  const answers = [never, others, over].map((handle) => {
    const about = [frames.data(handle, "x"), frames.accept(handle), frames.refuse(handle), frames.close(handle)];
    carol.send(...about, ackOf(handle));
    return carol.take().map((message) =>
      walk(message).map(({ offset, end, control }) => {
        if (control?.frame !== "error") throw new Error("an error was expected");
        // The handle, one digit here, is in a field and in the text: everything else must be the same.
        const { values } = control;
        expect(values.about).toBe(handle);
        return {
          ...values,
          about: "handle",
          message: values.message.replaceAll(String(handle), "#"),
          size: end - offset,
        };
      }),
    );
  });
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(room.statistics.drops.unknown_handle).toBe(3);
});

describe("[C13] end reasons of applications", () => {
  const reasons = [
    [0, 1000],
    [999, 1999],
    [1000, 1000],
    [1999, 1999],
    [2000, 2000],
    [2999, 2999],
    [3000, 1999],
    [5102, 1999],
    [65_535, 1999],
  ] as const;

  test.each(reasons)("close with %i is told as %i", (given, told) => {
    const { alice, bob, handle } = inState(Connected);
    alice.send(frames.close(handle, { reason: given }));
    expect(bob.heard()).toEqual([closeOf(handle, told, Peer)]);
    expect(alice.heard()).toEqual([closeOf(handle, told, Local)]);
  });

  test.each(reasons)("a graceful close with %i is told as %i", (given, told) => {
    const { alice, bob, handle } = inState(Connected);
    alice.send(frames.close(handle, { reason: given, graceful: true }));
    bob.send(frames.close(handle));
    expect(bob.heard().filter(({ frame }) => frame === "close")).toMatchObject([{ reason: told }, { reason: told }]);
  });

  test.each(reasons)("a refusal with %i is told to a visible initiator as %i", (given, told) => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE, { visible: true }), room.join(BOB)];
    const handle = alice.connect(bob);
    bob.send(frames.refuse(handle, given));
    expect(alice.heard()).toEqual([closeOf(handle, told, Peer, "no")]);
  });
});

describe("[P10] arguments of connect", () => {
  test.each([
    ["peer 0", { peer: 0n }],
    ["an unknown family", { type: 4, port: -1 }],
    ["family 255", { type: 255, port: -1 }],
    ["no port in NetworkOld", { type: NetworkOld, port: -1 }],
    ["no port in NetworkingSockets", { port: -1 }],
    ["a port above 999", { port: MAX_VIRTUAL_PORT + 1 }],
    ["a port below 0", { port: -2_147_483_648 }],
    ["a port in NetworkPb", { type: NetworkPb, port: 0 }],
    ["a port in NetworkingMessages", { type: NetworkingMessages, port: 7 }],
  ])("%s is invalid_argument, and the session goes on", (_, to: { peer?: bigint; type?: number; port?: number }) => {
    const { room, alice, bob } = setup();
    alice.send(frames.connect(to.peer ?? BOB, { ...to, request: 6 }), frames.connect(BOB, { request: 7 }));
    expect(alice.heard()).toMatchObject([
      errorOf("invalid_argument", FrameType.Connect, 6),
      { frame: "connecting", request: 7 },
    ]);
    expect(firsts(bob)).toEqual(["incoming"]);
    expect(room.manager.getActiveConnectionCount()).toBe(1);
  });

  test.each([
    ["peer must be a decimal integer from 1 to 18446744073709551615", frames.connect(0n)],
    ["connection type 9 is unknown; use 0 to 3", frames.connect(BOB, { type: 9, port: 0 })],
    [
      "virtual port 1000 is out of range; use 0 to 999, or -1 in families without ports",
      frames.connect(BOB, { port: 1000 }),
    ],
    ["a peer cannot connect to itself through the relay", frames.connect(ALICE)],
    ["connection 1 is not waiting for an answer of this peer", frames.accept(1)],
    ["this peer has 1 connections, which is the limit; close one first", frames.connect(CAROL)],
  ])("the developer is told: %s", (text, frame) => {
    const { alice, bob } = setup({ settings: { maxConnectionsPerPeer: 1 } });
    alice.connect(bob);
    alice.send(frame);
    expect(textOfError(alice)).toBe(text);
  });

  test("the developer is told of the rate", () => {
    const { alice } = setup();
    alice.send(...connects(257));
    expect(textOfError(alice)).toBe("more than 256 requests at once, or 64 a second; try again later");
  });

  test("after the end of the room: its failure, and the log says why", () => {
    const { room, alice } = setup();
    room.manager.shutdown();
    alice.send(frames.connect(BOB));
    expect(alice.heard()[0]).toMatchObject({ frame: "error", error: "internal" });
    const [failure] = room.logged("internal_error");
    expect(failure?.["error"]).toContain("Cannot create a connection: the room is shut down");
  });

  test.each([1n, 2n ** 53n + 1n, 2n ** 64n - 1n])("peer %i is a peer", (peer) => {
    const { room, alice } = setup();
    const handle = alice.connect(peer);
    expect(room.manager.getConnectionByHandle(handle)?.toPeerId).toBe(peer);
    expect(room.store.loadConnections()[0]?.toPeerId).toBe(peer);
  });
});

test("a room of many peers, each connected to each: everyone hears of their own connections only", () => {
  const room = new TestRoom();
  const peers = Array.from({ length: 8 }, (_, n) => room.join(peerId(n + 10)));
  for (const [n, from] of peers.entries()) {
    for (const to of peers.slice(n + 1)) room.pair(from, to);
  }
  expect(room.manager.getActiveConnectionCount()).toBe(28);
  peers[3]!.drop();
  expect(peers.map((peer) => peer.heard().length)).toEqual([1, 1, 1, 0, 1, 1, 1, 1]);
});

function ackOf(handle: number): Uint8Array {
  return ackFrame({ handle, lane: 0, cumulative: 1, selective: 0, window: 1000 });
}

/** The text of the last error that a peer was sent. */
function textOfError(peer: TestPeer): string | undefined {
  const errors = peer.take().flatMap(walk);
  return errors.flatMap(({ control }) => (control?.frame === "error" ? [control.values.message] : [])).at(-1);
}
