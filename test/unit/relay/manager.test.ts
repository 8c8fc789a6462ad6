import { describe, expect, test, vi } from "vitest";
import {
  type AppId,
  type ConnectionId,
  ConnectionState,
  ConnectionType,
  EndReason,
  type Handle,
  NO_CONNECTION,
  handleOf,
} from "../../../src/protocol/index.ts";
import { viewConnection } from "../../../src/relay/connection-view.ts";
import { type ManagerEvents, P2PRelayManager } from "../../../src/relay/manager.ts";
import type { LogEntry, StoredConnection } from "../../../src/relay/ports.ts";
import { ALICE, APP, BOB, CAROL, DAVE, START, peerId } from "../../support/room.ts";

const { Connecting, Connected, Disconnecting, Closed } = ConnectionState;
const { NetworkOld, NetworkPb, NetworkingSockets, NetworkingMessages } = ConnectionType;
const FAMILIES = Object.entries(ConnectionType);
const WITH_PORTS = [["NetworkOld", NetworkOld] as const, ["NetworkingSockets", NetworkingSockets] as const];
const WITHOUT_PORTS = [["NetworkPb", NetworkPb] as const, ["NetworkingMessages", NetworkingMessages] as const];
const MINUTE = 60_000;
const OTHER_APP = 730 as AppId;
const UNKNOWN = 0x1234_5678_0000_0001n as ConnectionId;

function setup({ events, idleTimeoutMs = 5 * MINUTE }: { events?: ManagerEvents; idleTimeoutMs?: number } = {}) {
  const logs: LogEntry[] = [];
  const manager = new P2PRelayManager({ idleTimeoutMs, log: (entry) => logs.push(entry), ...(events && { events }) });
  const create = (
    from = ALICE,
    to = BOB,
    type: ConnectionType = NetworkingSockets,
    options: Partial<Parameters<P2PRelayManager["createOrGetConnection"]>[4]> = {},
  ) => manager.createOrGetConnection(from, to, APP, type, { now: START, ...options });
  const logged = (event: string) => logs.filter((entry) => entry.event === event);
  return { manager, create, logs, logged };
}

/** Every way to reach a connection: all find it, or none does. */
function reachable(manager: P2PRelayManager, id: ConnectionId): boolean[] {
  return [
    manager.getConnection(id) !== undefined,
    manager.getConnectionByHandle(handleOf(id))?.connectionId === id,
    manager.getConnectionsForPeer(ALICE).some(({ connectionId }) => connectionId === id),
    manager.getConnectionsForPeer(BOB).some(({ connectionId }) => connectionId === id),
    [...manager.connections()].some(({ connectionId }) => connectionId === id),
    [NetworkOld, NetworkPb, NetworkingSockets, NetworkingMessages].some((type) =>
      [0, 7].some((port) => manager.findConnection(ALICE, BOB, type, port) === id),
    ),
  ];
}

describe("createOrGetConnection", () => {
  test.each(FAMILIES)("[C1] %s: the same id for A to B and B to A", (_, type) => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, type);
    expect(id).not.toBe(NO_CONNECTION);
    expect(create(BOB, ALICE, type)).toBe(id);
    expect(create(ALICE, BOB, type)).toBe(id);
    expect(manager.getActiveConnectionCount()).toBe(1);
    // Who asked first stays who asked.
    expect(manager.getConnection(id)).toMatchObject({ fromPeerId: ALICE, toPeerId: BOB });
  });

  test("makes a Connecting record of what was asked for", () => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, NetworkingSockets, { virtualPort: 7, connectTimeoutMs: 10_000 });
    expect(manager.getConnection(id)).toMatchObject({
      connectionId: id,
      handle: 1,
      fromPeerId: ALICE,
      toPeerId: BOB,
      appId: APP,
      type: NetworkingSockets,
      state: Connecting,
      created: START,
      lastActivity: START,
      packetsRelayed: 0,
      bytesRelayed: 0,
      virtualPort: 7,
      channel: undefined,
      deadline: START + 10_000,
    });
  });

  test("the id is the creation second and the handle", () => {
    const { create } = setup();
    expect(create(ALICE, BOB, NetworkPb, { now: START + 999 })).toBe((BigInt(START / 1000) << 32n) | 1n);
    expect(create(ALICE, CAROL, NetworkPb, { now: START + 1000 })).toBe((BigInt(START / 1000 + 1) << 32n) | 2n);
  });

  test("what the second caller asks for does not change the first connection", () => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, NetworkPb, { channel: 3, connectTimeoutMs: 1_000 });
    const record = { ...manager.getConnection(id) };
    manager.createOrGetConnection(BOB, ALICE, OTHER_APP, NetworkPb, {
      now: START + 500,
      channel: 9,
      connectTimeoutMs: 1,
    });
    expect(manager.getConnection(id)).toEqual(record);
  });

  test.each(WITH_PORTS)("[C1] %s: two ports are two connections; closing one leaves the other", (_, type) => {
    const { manager, create } = setup();
    const one = create(ALICE, BOB, type, { virtualPort: 1 });
    const two = create(BOB, ALICE, type, { virtualPort: 2 });
    expect(one).not.toBe(two);
    expect(create(BOB, ALICE, type, { virtualPort: 1 })).toBe(one);
    expect(create(ALICE, BOB, type, { virtualPort: 2 })).toBe(two);
    expect(manager.closeConnection(one)).toBe(true);
    expect(manager.findConnection(ALICE, BOB, type, 1)).toBe(NO_CONNECTION);
    expect(manager.findConnection(ALICE, BOB, type, 2)).toBe(two);
    expect(manager.getConnection(two)?.state).toBe(Connecting);
  });

  test.each(WITH_PORTS)("[C1] %s: no port named is port 0", (_, type) => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, type);
    expect(create(ALICE, BOB, type, { virtualPort: 0 })).toBe(id);
    expect(create(ALICE, BOB, type, { virtualPort: 1 })).not.toBe(id);
    expect(manager.findConnection(BOB, ALICE, type)).toBe(id);
    expect(manager.getConnection(id)?.virtualPort).toBe(0);
  });

  test.each(WITHOUT_PORTS)("[C1] %s: a port makes no difference", (_, type) => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, type, { virtualPort: 1 });
    expect(create(ALICE, BOB, type, { virtualPort: 2 })).toBe(id);
    expect(create(ALICE, BOB, type)).toBe(id);
    expect(manager.findConnection(ALICE, BOB, type, 9)).toBe(id);
    expect(manager.getConnection(id)?.virtualPort).toBeUndefined();
  });

  test("[C1] a channel is no part of the key", () => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB, NetworkingMessages, { channel: 1 });
    expect(create(ALICE, BOB, NetworkingMessages, { channel: 2 })).toBe(id);
    expect(manager.getConnection(id)?.channel).toBe(1);
  });

  test("[C1] the four families and every pair of peers are apart", () => {
    const { create, manager } = setup();
    const pairs = [
      [ALICE, BOB],
      [ALICE, CAROL],
      [BOB, CAROL],
    ] as const;
    const ids = pairs.flatMap(([from, to]) => FAMILIES.map(([, type]) => create(from, to, type)));
    expect(new Set(ids).size).toBe(12);
    expect(manager.getActiveConnectionCount()).toBe(12);
    expect(manager.countConnectionsForPeer(ALICE)).toBe(8);
  });

  test("0n for a peer with itself", () => {
    const { manager, create, logs } = setup();
    expect(create(ALICE, ALICE)).toBe(NO_CONNECTION);
    expect(manager.getActiveConnectionCount()).toBe(0);
    expect(logs).toEqual([]);
    expect(manager.nextHandle).toBe(1);
  });

  test("0n after shutdown, for new connections and for those there were", () => {
    const { manager, create } = setup();
    create();
    manager.shutdown();
    expect(create()).toBe(NO_CONNECTION);
    expect(create(CAROL, DAVE)).toBe(NO_CONNECTION);
    expect(manager.getActiveConnectionCount()).toBe(0);
  });

  test("after a close the same key makes a new connection with a new handle", () => {
    const { manager, create } = setup();
    const first = create();
    manager.closeConnection(first);
    const second = create();
    expect(second).not.toBe(first);
    expect(handleOf(second)).toBe(2);
  });

  test("a Disconnecting connection is still the one of its key", () => {
    const { manager, create } = setup();
    const id = create();
    manager.beginDisconnect(id, 1000, ALICE, START + 5_000);
    expect(create(BOB, ALICE)).toBe(id);
  });

  test("`opened` is told once, when the connection can be found; not for one that exists", () => {
    const seen: boolean[][] = [];
    const { manager, create } = setup({
      events: { opened: ({ connectionId }) => seen.push(reachable(manager, connectionId)) },
    });
    create();
    create(BOB, ALICE);
    expect(seen).toEqual([[true, true, true, true, true, true]]);
  });

  test("when `opened` throws there is no such connection, and the next try makes another", () => {
    const opened = vi.fn<NonNullable<ManagerEvents["opened"]>>().mockImplementationOnce(() => {
      throw new Error("disk full");
    });
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create } = setup({ events: { opened, closed } });
    expect(() => create()).toThrow("disk full");
    expect(manager.getActiveConnectionCount()).toBe(0);
    expect(manager.findConnection(ALICE, BOB, NetworkingSockets)).toBe(NO_CONNECTION);
    expect(manager.countConnectionsForPeer(ALICE)).toBe(0);
    expect(opened.mock.calls[0]![0].state).toBe(Closed);
    expect(closed).not.toHaveBeenCalled();
    expect(handleOf(create())).toBe(2);
  });
});

describe("findConnection", () => {
  test("0n for peers without one, for another family, for another port", () => {
    const { manager, create } = setup();
    expect(manager.findConnection(ALICE, BOB, NetworkPb)).toBe(NO_CONNECTION);
    create(ALICE, BOB, NetworkingSockets, { virtualPort: 3 });
    create(ALICE, CAROL, NetworkPb);
    expect(manager.findConnection(ALICE, BOB, NetworkPb)).toBe(NO_CONNECTION);
    expect(manager.findConnection(ALICE, BOB, NetworkOld, 3)).toBe(NO_CONNECTION);
    expect(manager.findConnection(ALICE, BOB, NetworkingSockets, 4)).toBe(NO_CONNECTION);
    expect(manager.findConnection(BOB, CAROL, NetworkPb)).toBe(NO_CONNECTION);
    expect(manager.findConnection(ALICE, ALICE, NetworkPb)).toBe(NO_CONNECTION);
  });

  test("costs the connections of the peer with fewer of them, not those of the room", () => {
    const { manager, create } = setup();
    // A host with very many clients: finding one of them from either side must not walk the host's list.
    const host = peerId(1_000_000);
    for (let n = 0; n < 50_000; n++) create(peerId(n + 10), host);
    const last = peerId(50_009);
    const began = performance.now();
    for (let i = 0; i < 2_000; i++) {
      expect(manager.findConnection(host, last, NetworkingSockets)).not.toBe(NO_CONNECTION);
    }
    // 2,000 walks of 50,000 would be 10^8 steps: many seconds. 2,000 lookups are a millisecond or two.
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("updateConnectionState", () => {
  const legal = new Set(["0>1", "0>2", "0>3", "1>2", "1>3", "2>3"]);
  const states = [Connecting, Connected, Disconnecting, Closed];
  const matrix = states.flatMap((from) => states.map((to) => [from, to, legal.has(`${from}>${to}`)] as const));

  /** A connection that has been brought to `state`. */
  function inState(state: ConnectionState, events?: ManagerEvents) {
    const made = setup(events && { events });
    const id = made.create(ALICE, BOB, NetworkingSockets, { connectTimeoutMs: 10_000 });
    const record = made.manager.getConnection(id)!;
    if (state !== Connecting) expect(made.manager.updateConnectionState(id, state)).toBe(true);
    expect(record.state).toBe(state);
    return { ...made, id, record };
  }

  test.each(matrix)("[C2] %i to %i: %s", (from, to, isLegal) => {
    const stateChanged = vi.fn<NonNullable<ManagerEvents["stateChanged"]>>();
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, id, record } = inState(from, { stateChanged, closed });
    stateChanged.mockClear();
    closed.mockClear();
    const before = { ...record };
    expect(manager.updateConnectionState(id, to, { now: START + 1, deadline: START + 2 })).toBe(isLegal);
    if (!isLegal) {
      expect(record).toEqual(before);
      expect(stateChanged).not.toHaveBeenCalled();
      expect(closed).not.toHaveBeenCalled();
      return;
    }
    expect(record.state).toBe(to);
    expect(manager.getConnection(id)).toBe(to === Closed ? undefined : record);
    expect(stateChanged.mock.calls).toEqual(to === Closed ? [] : [[record, from]]);
    expect(closed).toHaveBeenCalledTimes(to === Closed ? 1 : 0);
  });

  test("false for an unknown id, and for the id of a connection that is over", () => {
    const { manager, create } = setup();
    expect(manager.updateConnectionState(UNKNOWN, Connected)).toBe(false);
    expect(manager.updateConnectionState(NO_CONNECTION, Closed)).toBe(false);
    const id = create();
    manager.closeConnection(id);
    for (const state of states) expect(manager.updateConnectionState(id, state)).toBe(false);
  });

  test("an id with the right handle and another second is unknown", () => {
    const { manager, create } = setup();
    const id = (create() + (1n << 32n)) as ConnectionId;
    expect(manager.updateConnectionState(id, Connected)).toBe(false);
    expect(manager.recordPacketRelayed(id, 1, START)).toBe(false);
    expect(manager.closeConnection(id)).toBe(false);
    expect(manager.beginDisconnect(id, 1000, ALICE, START)).toBe(false);
  });

  test("Connected has no deadline, and `now` is its activity", () => {
    const { manager, id, record } = inState(Connecting);
    manager.updateConnectionState(id, Connected, { now: START + 9_000 });
    expect(record).toMatchObject({ deadline: undefined, lastActivity: START + 9_000, created: START });
  });

  test("without `now` the activity stays", () => {
    const { manager, id, record } = inState(Connecting);
    manager.updateConnectionState(id, Connected);
    expect(record.lastActivity).toBe(START);
  });

  test("Closed is a close: logged, out of every index", () => {
    const { manager, id, logged } = inState(Connected);
    manager.updateConnectionState(id, Closed);
    expect(logged("connection_closed")).toMatchObject([{ reason: EndReason.MiscGeneric }]);
    expect(reachable(manager, id)).toEqual(Array(6).fill(false));
  });
});

describe("beginDisconnect", () => {
  test("[C8] keeps reason and author, and is over at the deadline with both", () => {
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create } = setup({ events: { closed } });
    const id = create();
    manager.updateConnectionState(id, Connected);
    expect(manager.beginDisconnect(id, 1234, BOB, START + 5_000)).toBe(true);
    expect(manager.getConnection(id)).toMatchObject({
      state: Disconnecting,
      pendingReason: 1234,
      pendingBy: BOB,
      deadline: START + 5_000,
    });
    expect(manager.cleanupStaleConnections(START + 4_999)).toBe(0);
    expect(manager.cleanupStaleConnections(START + 5_000)).toBe(1);
    expect(closed.mock.calls[0]![1]).toEqual({ reason: 1234, by: BOB, debug: undefined });
  });

  test("refused when it is under way already: the first reason stays", () => {
    const { manager, create } = setup();
    const id = create();
    expect(manager.beginDisconnect(id, 1001, ALICE, START + 5_000)).toBe(true);
    expect(manager.beginDisconnect(id, 1002, BOB, START + 9_000)).toBe(false);
    expect(manager.getConnection(id)).toMatchObject({ pendingReason: 1001, pendingBy: ALICE, deadline: START + 5_000 });
    expect(manager.beginDisconnect(UNKNOWN, 1002, BOB, START)).toBe(false);
  });
});

describe("packets", () => {
  test("[D5] recordPacketRelayed: one packet and its size, for the connection and for the room", () => {
    const { manager, create } = setup();
    const [ab, ac] = [create(ALICE, BOB), create(ALICE, CAROL)];
    expect(manager.recordPacketRelayed(ab, 100, START + 1)).toBe(true);
    expect(manager.recordPacketRelayed(ab, 0, START + 2)).toBe(true);
    expect(manager.recordPacketRelayed(ac, 7, START + 3)).toBe(true);
    expect(manager.getConnection(ab)).toMatchObject({ packetsRelayed: 2, bytesRelayed: 100, lastActivity: START + 2 });
    expect(manager.getConnection(ac)).toMatchObject({ packetsRelayed: 1, bytesRelayed: 7, lastActivity: START + 3 });
    expect(manager.getStatistics()).toEqual({ totalPackets: 3, totalBytes: 107 });
  });

  test("an unknown id is not counted", () => {
    const { manager, create } = setup();
    const id = create();
    manager.closeConnection(id);
    for (const none of [id, UNKNOWN, NO_CONNECTION]) expect(manager.recordPacketRelayed(none, 5, START)).toBe(false);
    expect(manager.getStatistics()).toEqual({ totalPackets: 0, totalBytes: 0 });
  });

  test("the room's statistics outlive the connection; counters beyond 2^32 are exact", () => {
    const { manager, create } = setup();
    const id = create();
    for (let i = 0; i < 3; i++) manager.recordPacketRelayed(id, 0xffff_ffff, START);
    manager.closeConnection(id);
    expect(manager.getStatistics()).toEqual({ totalPackets: 3, totalBytes: 3 * 0xffff_ffff });
  });
});

describe("closeConnection", () => {
  test("logs final statistics: this entry, no more and no less", () => {
    const { manager, create, logs } = setup();
    const id = create(ALICE, BOB, NetworkOld, { virtualPort: 7 });
    manager.updateConnectionState(id, Connected);
    manager.recordPacketRelayed(id, 512, START + 4_000);
    logs.length = 0;
    expect(manager.closeConnection(id, 1002)).toBe(true);
    expect(logs).toEqual([
      {
        level: "info",
        event: "connection_closed",
        connection: String(id),
        from: "76561197960287931",
        to: "76561197960287932",
        app: 480,
        type: "NetworkOld",
        state: "Closed",
        previousState: "Connected",
        virtualPort: 7,
        channel: undefined,
        reason: 1002,
        packets: 1,
        bytes: 512,
        created: START,
        lastActivity: START + 4_000,
        durationMs: 4_000,
      },
    ]);
  });

  test("logs how long it was open, by the time of the turn in which it ends", () => {
    const { manager, create, logged } = setup();
    const [one, other] = [create(ALICE, BOB), create(ALICE, CAROL)];
    manager.beginTurn(START + 90_000);
    manager.closeConnection(one);
    manager.recordPacketRelayed(other, 1, START + 95_000);
    manager.beginTurn(START - 10); // a clock that went back: never less than it is known to have been open
    manager.closeConnection(other);
    expect(logged("connection_closed").map(({ durationMs }) => durationMs)).toEqual([90_000, 95_000]);
  });

  test("logs the channel in a family that has channels", () => {
    const { manager, create, logged } = setup();
    manager.closeConnection(create(ALICE, BOB, NetworkingMessages, { channel: -4 }));
    expect(logged("connection_closed")).toMatchObject([
      { channel: -4, virtualPort: undefined, type: "NetworkingMessages" },
    ]);
  });

  test("state Closed, out of every index; others stay", () => {
    const { manager, create } = setup();
    const [ab, ac] = [create(ALICE, BOB), create(ALICE, CAROL)];
    const record = manager.getConnection(ab)!;
    expect(reachable(manager, ab)).toEqual(Array(6).fill(true));
    manager.closeConnection(ab);
    expect(record.state).toBe(Closed);
    expect(reachable(manager, ab)).toEqual(Array(6).fill(false));
    expect(manager.getDestinationPeer(ab, ALICE)).toBeUndefined();
    expect(manager.getConnectionsForPeer(ALICE).map(({ connectionId }) => connectionId)).toEqual([ac]);
    expect(manager.countConnectionsForPeer(BOB)).toBe(0);
    expect(manager.getActiveConnectionCount()).toBe(1);
  });

  test("false for an unknown id and the second time; nothing is logged or told then", () => {
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create, logged } = setup({ events: { closed } });
    expect(manager.closeConnection(UNKNOWN)).toBe(false);
    const id = create();
    expect(manager.closeConnection(id)).toBe(true);
    expect(manager.closeConnection(id)).toBe(false);
    expect(logged("connection_closed")).toHaveLength(1);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("`closed` is told reason, author and text; by default Misc_Generic by the relay", () => {
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create } = setup({ events: { closed } });
    manager.closeConnection(create());
    manager.closeConnection(create(), 1500, { peer: BOB, debug: "gg" });
    expect(closed.mock.calls.map(([, ending]) => ending)).toEqual([
      { reason: EndReason.MiscGeneric, by: undefined, debug: undefined },
      { reason: 1500, by: BOB, debug: "gg" },
    ]);
  });
});

describe("closeConnectionsForPeer", () => {
  test("ends all of the peer's, in either direction, and says how many", () => {
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create } = setup({ events: { closed } });
    create(ALICE, BOB);
    create(CAROL, ALICE);
    const other = create(BOB, CAROL);
    expect(manager.closeConnectionsForPeer(ALICE, EndReason.PeerKicked, { peer: BOB, debug: "x" })).toBe(2);
    expect(manager.closeConnectionsForPeer(ALICE)).toBe(0);
    expect(manager.closeConnectionsForPeer(DAVE)).toBe(0);
    expect([...manager.connections()].map(({ connectionId }) => connectionId)).toEqual([other]);
    expect(closed.mock.calls.map(([, ending]) => ending)).toEqual(
      [1, 2].map(() => ({ reason: EndReason.PeerKicked, by: BOB, debug: "x" })),
    );
  });

  test("by default because the peer left", () => {
    const { manager, create, logged } = setup();
    create();
    manager.closeConnectionsForPeer(BOB);
    expect(logged("connection_closed")).toMatchObject([{ reason: EndReason.PeerLeft }]);
  });
});

describe("cleanupStaleConnections", () => {
  test.each([2, 5, 10])("[C11] idle for %i minutes", (minutes) => {
    const idleTimeoutMs = minutes * MINUTE;
    const { manager, create, logged } = setup({ idleTimeoutMs });
    const [quiet, busy] = [create(ALICE, BOB), create(ALICE, CAROL)];
    manager.recordPacketRelayed(busy, 1, START + 1_000);
    expect(manager.cleanupStaleConnections(START + idleTimeoutMs - 1)).toBe(0);
    expect(logged("cleanup")).toEqual([]);
    expect(manager.cleanupStaleConnections(START + idleTimeoutMs)).toBe(1);
    expect(manager.getConnection(quiet)).toBeUndefined();
    expect(manager.getConnection(busy)).toBeDefined();
    expect(logged("connection_closed")).toMatchObject([{ connection: String(quiet), reason: EndReason.IdleTimeout }]);
    expect(logged("cleanup")).toEqual([{ level: "info", event: "cleanup", closed: 1, active: 1 }]);
    expect(manager.cleanupStaleConnections(START + 1_000 + idleTimeoutMs)).toBe(1);
    expect(manager.getActiveConnectionCount()).toBe(0);
  });

  test("[C11] a connection that took long to be accepted has its whole idle timeout before it", () => {
    const { manager, create } = setup({ idleTimeoutMs: 1_000 });
    const id = create(ALICE, BOB, NetworkPb, { connectTimeoutMs: 60_000 });
    expect(manager.cleanupStaleConnections(START + 50_000)).toBe(0);
    manager.updateConnectionState(id, Connected, { now: START + 50_000 });
    expect(manager.cleanupStaleConnections(START + 50_999)).toBe(0);
    expect(manager.cleanupStaleConnections(START + 51_000)).toBe(1);
  });

  test("[C6] a connect deadline ends Connecting with Timeout, whatever the idle timeout", () => {
    const { manager, create, logged } = setup();
    create(ALICE, BOB, NetworkPb, { connectTimeoutMs: 10_000 });
    expect(manager.cleanupStaleConnections(START + 9_999)).toBe(0);
    expect(manager.cleanupStaleConnections(START + 10_000)).toBe(1);
    expect(logged("connection_closed")).toMatchObject([{ reason: EndReason.Timeout }]);
  });

  test("without a deadline Connecting and Disconnecting end with the idle timeout", () => {
    const { manager, create, logged } = setup();
    create(ALICE, BOB);
    manager.updateConnectionState(create(ALICE, CAROL), Disconnecting);
    expect(manager.cleanupStaleConnections(START + 5 * MINUTE - 1)).toBe(0);
    expect(manager.cleanupStaleConnections(START + 5 * MINUTE)).toBe(2);
    expect(logged("connection_closed")).toMatchObject([
      { reason: EndReason.IdleTimeout },
      { reason: EndReason.IdleTimeout },
    ]);
  });

  test("a disconnect deadline without a reason ends as App_Generic", () => {
    const { manager, create, logged } = setup();
    manager.updateConnectionState(create(), Disconnecting, { deadline: START + 1 });
    manager.cleanupStaleConnections(START + 1);
    expect(logged("connection_closed")).toMatchObject([{ reason: EndReason.AppGeneric }]);
  });

  test("nextDue and staleTime say when the next is due", () => {
    const { manager, create } = setup();
    expect(manager.nextDue()).toEqual({ deadline: Infinity, idle: Infinity });
    const late = create(ALICE, BOB, NetworkPb, { connectTimeoutMs: 20_000 });
    create(ALICE, CAROL, NetworkPb, { connectTimeoutMs: 10_000 });
    const quiet = create(BOB, CAROL);
    const busy = create(BOB, DAVE);
    manager.recordPacketRelayed(busy, 1, START + 7);
    expect(manager.nextDue()).toEqual({ deadline: START + 10_000, idle: START + 5 * MINUTE });
    expect(manager.staleTime(manager.getConnection(late)!)).toBe(START + 20_000);
    expect(manager.staleTime(manager.getConnection(quiet)!)).toBe(START + 5 * MINUTE);
    expect(manager.staleTime(manager.getConnection(busy)!)).toBe(START + 5 * MINUTE + 7);
  });
});

describe("shutdown", () => {
  test("ends everything, logs, clears; a second call does nothing", () => {
    const closed = vi.fn<NonNullable<ManagerEvents["closed"]>>();
    const { manager, create, logs, logged } = setup({ events: { closed } });
    const id = create(ALICE, BOB);
    create(CAROL, DAVE);
    manager.recordPacketRelayed(id, 9, START);
    manager.shutdown();
    expect(manager.getActiveConnectionCount()).toBe(0);
    expect(manager.getConnectionsForPeer(ALICE)).toEqual([]);
    expect([...manager.connections()]).toEqual([]);
    expect(logged("connection_closed").map(({ reason }) => reason)).toEqual(Array(2).fill(EndReason.RelayShutdown));
    expect(logs.at(-1)).toEqual({ level: "info", event: "shutdown", active: 2, totalPackets: 1, totalBytes: 9 });
    expect(closed).toHaveBeenCalledTimes(2);
    const count = logs.length;
    manager.shutdown();
    expect(logs).toHaveLength(count);
    expect(manager.getStatistics()).toEqual({ totalPackets: 1, totalBytes: 9 });
  });

  test("all other calls are answered as for a room without connections", () => {
    const { manager, create } = setup();
    const id = create();
    manager.shutdown();
    expect(manager.findConnection(ALICE, BOB, NetworkingSockets)).toBe(NO_CONNECTION);
    expect(manager.updateConnectionState(id, Connected)).toBe(false);
    expect(manager.recordPacketRelayed(id, 1, START)).toBe(false);
    expect(manager.closeConnection(id)).toBe(false);
    expect(manager.closeConnectionsForPeer(ALICE)).toBe(0);
    expect(manager.cleanupStaleConnections(START * 2)).toBe(0);
    expect(manager.nextDue()).toEqual({ deadline: Infinity, idle: Infinity });
  });
});

describe("getters", () => {
  test("getConnectionsForPeer is a safe copy: close during enumeration, and change the copy", () => {
    const { manager, create } = setup();
    for (const other of [BOB, CAROL, DAVE]) create(ALICE, other);
    const copy = manager.getConnectionsForPeer(ALICE);
    let visited = 0;
    for (const { connectionId } of copy) {
      visited++;
      manager.closeConnection(connectionId);
    }
    expect(visited).toBe(3);
    expect(copy).toHaveLength(3);
    expect(manager.getConnectionsForPeer(ALICE)).toEqual([]);
    create(ALICE, BOB);
    manager.getConnectionsForPeer(ALICE).length = 0;
    expect(manager.getConnectionsForPeer(ALICE)).toHaveLength(1);
  });

  test("getDestinationPeer: the other end; undefined for a third peer and for an unknown id", () => {
    const { manager, create } = setup();
    const id = create(ALICE, BOB);
    expect(manager.getDestinationPeer(id, ALICE)).toBe(BOB);
    expect(manager.getDestinationPeer(id, BOB)).toBe(ALICE);
    expect(manager.getDestinationPeer(id, CAROL)).toBeUndefined();
    expect(manager.getDestinationPeer(UNKNOWN, ALICE)).toBeUndefined();
  });

  test("counts and lists in order of creation", () => {
    const { manager, create } = setup();
    const ids = [create(DAVE, BOB), create(ALICE, BOB), create(CAROL, ALICE)];
    expect([...manager.connections()].map(({ connectionId }) => connectionId)).toEqual(ids);
    expect(manager.getActiveConnectionCount()).toBe(3);
    expect([ALICE, BOB, CAROL, DAVE, peerId(9)].map((peer) => manager.countConnectionsForPeer(peer))).toEqual([
      2, 2, 1, 1, 0,
    ]);
    expect(manager.getConnection(UNKNOWN)).toBeUndefined();
    expect(manager.getConnectionByHandle(99)).toBeUndefined();
  });

  test("counts and statistics cost the same whatever there is", () => {
    const { manager, create } = setup();
    for (let n = 0; n < 20_000; n++) create(peerId(n + 10), BOB);
    const began = performance.now();
    for (let i = 0; i < 100_000; i++) {
      manager.getActiveConnectionCount();
      manager.getStatistics();
      manager.countConnectionsForPeer(BOB);
    }
    expect(performance.now() - began).toBeLessThan(500);
  });

  test("viewConnection: 64-bit ids as text, names, and only the options there are", () => {
    const { manager, create } = setup();
    const sockets = manager.getConnection(create(ALICE, BOB, NetworkingSockets, { virtualPort: 0 }))!;
    expect(viewConnection(sockets)).toEqual({
      connectionId: String(sockets.connectionId),
      fromPeerId: String(ALICE),
      toPeerId: String(BOB),
      appId: 480,
      type: "NetworkingSockets",
      state: "Connecting",
      created: START,
      lastActivity: START,
      packetsRelayed: 0,
      bytesRelayed: 0,
      virtualPort: 0,
    });
    expect(Object.keys(viewConnection(sockets))).not.toContain("channel");
    const messages = manager.getConnection(create(ALICE, BOB, NetworkingMessages, { channel: 0 }))!;
    expect(viewConnection(messages)).toMatchObject({ type: "NetworkingMessages", channel: 0 });
    expect(Object.keys(viewConnection(messages))).not.toContain("virtualPort");
  });
});

describe("markRefused", () => {
  test("notes and takes back; an unknown id is ignored", () => {
    const { manager, create } = setup();
    const id = create();
    manager.markRefused(id, true);
    expect(manager.getConnection(id)?.isRefused).toBe(true);
    manager.markRefused(id, false);
    expect(manager.getConnection(id)?.isRefused).toBe(false);
    expect(() => manager.markRefused(UNKNOWN, true)).not.toThrow();
  });

  test("needs nobody who is told", () => {
    const { manager, create } = setup({ events: {} });
    const id = create();
    manager.markRefused(id, true);
    expect(manager.getConnection(id)?.isRefused).toBe(true);
  });

  test("is told when it changes, and only then: each telling is a row on disk", () => {
    const refusalChanged = vi.fn<NonNullable<ManagerEvents["refusalChanged"]>>();
    const { manager, create } = setup({ events: { refusalChanged } });
    const id = create();
    manager.markRefused(id, false);
    expect(refusalChanged).not.toHaveBeenCalled();
    for (const isRefused of [true, true, false, false]) manager.markRefused(id, isRefused);
    expect(refusalChanged).toHaveBeenCalledTimes(2);
  });
});

describe("many connections of one peer", () => {
  test("are found and counted in constant time: 40,000 between the same two peers", () => {
    const { manager, create } = setup();
    const began = performance.now();
    for (let virtualPort = 0; virtualPort < 40_000; virtualPort++) {
      create(ALICE, BOB, NetworkingSockets, { virtualPort });
      manager.countUnansweredForPeer(BOB);
      manager.findConnection(BOB, ALICE, NetworkingSockets, virtualPort);
    }
    // A scan per connect takes half a minute.
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(manager.countUnansweredForPeer(BOB)).toBe(40_000);
    expect(manager.countUnansweredForPeer(ALICE)).toBe(0);
  });
});

describe("events and re-entrance", () => {
  test("`closed` may close another connection, also one that a loop is about to close", () => {
    const { manager, create, logged } = setup({
      events: {
        closed: ({ fromPeerId }) => {
          for (const { connectionId } of manager.getConnectionsForPeer(fromPeerId))
            manager.closeConnection(connectionId);
        },
      },
    });
    for (const other of [BOB, CAROL, DAVE]) create(ALICE, other);
    expect(manager.closeConnectionsForPeer(ALICE)).toBe(1);
    expect(manager.getActiveConnectionCount()).toBe(0);
    expect(logged("connection_closed")).toHaveLength(3);
  });

  test("`closed` may close what a cleanup is about to end", () => {
    const { manager, create, logged } = setup({
      events: { closed: ({ toPeerId }) => void (toPeerId === BOB && manager.closeConnectionsForPeer(CAROL)) },
    });
    create(ALICE, BOB);
    create(ALICE, CAROL);
    expect(manager.cleanupStaleConnections(START + 5 * MINUTE)).toBe(1);
    expect(logged("connection_closed").map(({ reason }) => reason)).toEqual([
      EndReason.IdleTimeout,
      EndReason.PeerLeft,
    ]);
    expect(logged("cleanup")).toMatchObject([{ closed: 1, active: 0 }]);
  });

  test("`closed` may make the same connection anew", () => {
    const remade: ConnectionId[] = [];
    const { manager, create } = setup({
      events: {
        closed: ({ fromPeerId, toPeerId, state, connectionId }) => {
          expect(state).toBe(Closed);
          expect(manager.getConnection(connectionId)).toBeUndefined();
          if (remade.length === 0) remade.push(create(toPeerId, fromPeerId));
        },
      },
    });
    const first = create();
    manager.closeConnection(first);
    expect(remade).toHaveLength(1);
    expect(remade[0]).not.toBe(first);
    expect(reachable(manager, remade[0]!)).toEqual(Array(6).fill(true));
    expect(reachable(manager, first)).toEqual(Array(6).fill(false));
  });

  test("`closed` may make connections while stale ones are ended: they stay", () => {
    const { manager, create } = setup({
      events: { closed: ({ toPeerId }) => void (toPeerId === BOB && create(CAROL, DAVE)) },
    });
    create(ALICE, BOB, NetworkPb, { connectTimeoutMs: 5 });
    expect(manager.cleanupStaleConnections(START + 5)).toBe(1);
    expect(manager.findConnection(CAROL, DAVE, NetworkingSockets)).not.toBe(NO_CONNECTION);
  });

  test("`closed` cannot make connections during a shutdown", () => {
    const made: ConnectionId[] = [];
    const { manager, create } = setup({ events: { closed: () => made.push(create(CAROL, DAVE)) } });
    create();
    manager.shutdown();
    expect(made).toEqual([NO_CONNECTION]);
    expect(manager.getActiveConnectionCount()).toBe(0);
  });

  test("`opened` may close the connection, `stateChanged` too", () => {
    const { manager, create } = setup({
      events: {
        opened: ({ connectionId, toPeerId }) => void (toPeerId === CAROL && manager.closeConnection(connectionId)),
        stateChanged: ({ connectionId }) => manager.closeConnection(connectionId),
      },
    });
    expect(manager.getConnection(create(ALICE, CAROL))).toBeUndefined();
    const id = create(ALICE, BOB);
    expect(manager.updateConnectionState(id, Connected)).toBe(true);
    expect(manager.getActiveConnectionCount()).toBe(0);
  });
});

/** A row as the store has it. */
function stored(handle: number): StoredConnection {
  return {
    connectionId: ((BigInt(START / 1000) << 32n) | BigInt(handle)) as ConnectionId,
    handle: handle as Handle,
    fromPeerId: ALICE,
    toPeerId: BOB,
    appId: APP,
    type: NetworkingSockets,
    state: Connected,
    created: START,
    connectedAt: undefined,
    disconnectingAt: undefined,
    virtualPort: 7,
    channel: undefined,
    deadline: undefined,
    pendingReason: undefined,
    pendingBy: undefined,
    isRefused: false,
    farPeer: undefined,
    farRoom: undefined,
    farHandle: undefined,
    fromMoves: 0,
    toMoves: 0,
  };
}

describe("restore", () => {
  test("a restored connection is as it was, in every index, and nothing is told", () => {
    const opened = vi.fn<NonNullable<ManagerEvents["opened"]>>();
    const { manager, logs } = setup({ events: { opened } });
    const row = stored(41);
    manager.restoreConnection(row, { packets: 5, bytes: 500, lastActivity: START + 9 });
    expect(manager.getConnection(row.connectionId)).toMatchObject({
      ...row,
      packetsRelayed: 5,
      bytesRelayed: 500,
      lastActivity: START + 9,
    });
    expect(reachable(manager, row.connectionId)).toEqual(Array(6).fill(true));
    expect(manager.recordPacketRelayed(row.connectionId, 1, START + 10)).toBe(true);
    expect(manager.nextHandle).toBe(42);
    expect(opened).not.toHaveBeenCalled();
    expect(logs).toEqual([]);
  });

  test("statistics go on from where they were; the next handle too", () => {
    const { manager, create } = setup();
    manager.restoreStatistics({ totalPackets: 10, totalBytes: 1_000 }, 77);
    manager.restoreConnection(stored(50), { packets: 1, bytes: 1, lastActivity: START });
    const id = create(CAROL, DAVE);
    expect(handleOf(id)).toBe(77);
    manager.recordPacketRelayed(id, 5, START);
    expect(manager.getStatistics()).toEqual({ totalPackets: 11, totalBytes: 1_005 });
  });

  test("a connection that was opened after the counters were saved moves the next handle on", () => {
    const { manager, create } = setup();
    manager.restoreStatistics({ totalPackets: 0, totalBytes: 0 }, 77);
    manager.restoreConnection(stored(80), { packets: 0, bytes: 0, lastActivity: START });
    expect(handleOf(create(CAROL, DAVE))).toBe(81);
  });

  test("lastActivity is never before creation", () => {
    const { manager } = setup();
    manager.restoreConnection(stored(1), { packets: 0, bytes: 0, lastActivity: 0 });
    expect(manager.getConnectionByHandle(1)?.lastActivity).toBe(START);
  });
});

describe("handles", () => {
  test("count from 1 and are not used again", () => {
    const { manager, create } = setup();
    const handles = [1, 2, 3].map(() => {
      const id = create();
      manager.closeConnection(id);
      return handleOf(id);
    });
    expect(handles).toEqual([1, 2, 3]);
  });

  test("at 2^32 the count begins again at 1, past those that are open", () => {
    const { manager, create } = setup();
    for (const other of [BOB, CAROL]) create(ALICE, other);
    manager.restoreStatistics({ totalPackets: 0, totalBytes: 0 }, 0xffff_ffff);
    expect(handleOf(create(BOB, CAROL))).toBe(0xffff_ffff);
    expect(handleOf(create(BOB, DAVE))).toBe(3);
    expect(manager.nextHandle).toBe(4);
    expect(manager.getConnectionByHandle(0xffff_ffff)).toMatchObject({ fromPeerId: BOB, toPeerId: CAROL });
  });

  test("after a restart past 2^32: the newer statistics count, also where their next handle is the smaller", () => {
    const { manager, create } = setup();
    manager.restoreStatistics({ totalPackets: 1, totalBytes: 1 }, 0xffff_fffe);
    manager.restoreStatistics({ totalPackets: 2, totalBytes: 2 }, 3);
    expect(handleOf(create())).toBe(3);
  });

  test.each([
    ["the last handle is open", 0xffff_ffff, 0xffff_ffff, 1],
    ["opened just before the count wrapped, not yet in the saved counters", 0xffff_fffe, 0xffff_ffff, 1],
    ["opened before the count wrapped, which the saved counters know", 4, 0xffff_ffff, 4],
    ["opened after the count wrapped, which the saved counters do not know", 0xffff_fffe, 2, 3],
  ])("after a restart near 2^32: %s", (_, saved, open, next) => {
    const { manager, create } = setup();
    manager.restoreStatistics({ totalPackets: 0, totalBytes: 0 }, saved);
    manager.restoreConnection(stored(open), { packets: 0, bytes: 0, lastActivity: START });
    const id = create(CAROL, DAVE);
    expect(handleOf(id)).toBe(next);
    expect(id).toBe((BigInt(START / 1000) << 32n) | BigInt(next));
  });
});
