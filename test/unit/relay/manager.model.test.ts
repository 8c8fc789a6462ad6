/**
 * The manager against a model that is too simple to be wrong: an array of records and linear scans. Random sequences
 * of calls, few peers and ports so that keys collide; after every call all getters must agree. fast-check shrinks a
 * sequence that tells them apart, and prints its seed.
 */
import { deepStrictEqual } from "node:assert";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AppId,
  type ConnectionId,
  ConnectionState,
  ConnectionType,
  EndReason,
  NO_CONNECTION,
  type PeerId,
  makeConnectionId,
} from "../../../src/protocol/index.ts";
import type { Handle } from "../../../src/protocol/index.ts";
import type { P2PConnection } from "../../../src/relay/connection.ts";
import { type Ending, P2PRelayManager } from "../../../src/relay/manager.ts";
import type { LogEntry } from "../../../src/relay/ports.ts";
import { APP, START, peerId } from "../../support/room.ts";

const RUNS = 4000;
const IDLE = 10_000;
const PEERS = [1, 2, 3, 4].map(peerId);
const PORTS = [undefined, 0, 1, 7];
const TYPES = Object.values(ConnectionType);
const STATES = Object.values(ConnectionState);
const { Connecting, Connected, Disconnecting, Closed } = ConnectionState;
const OTHER_APP = 730 as AppId;

/* The model */

interface Record {
  id: ConnectionId;
  from: PeerId;
  to: PeerId;
  app: AppId;
  type: ConnectionType;
  port: number | undefined;
  state: ConnectionState;
  created: number;
  active: number;
  packets: number;
  bytes: number;
  deadline: number | undefined;
  reason: number | undefined;
  by: PeerId | undefined;
}

interface Ended {
  id: ConnectionId;
  ending: Ending;
}

class Model {
  now = START;
  open: Record[] = [];
  ids: ConnectionId[] = [];
  ended: Ended[] = [];
  changed: string[] = [];
  packets = 0;
  bytes = 0;
  isShutdown = false;

  portOf(type: ConnectionType, port: number | undefined): number | undefined {
    return type === ConnectionType.NetworkOld || type === ConnectionType.NetworkingSockets ? (port ?? 0) : undefined;
  }

  find(a: PeerId, b: PeerId, type: ConnectionType, port: number | undefined): Record | undefined {
    return this.open.find(
      (record) =>
        ((record.from === a && record.to === b) || (record.from === b && record.to === a)) &&
        record.type === type &&
        record.port === this.portOf(type, port),
    );
  }

  get(id: ConnectionId): Record | undefined {
    return this.open.find((record) => record.id === id);
  }

  of(peer: PeerId): Record[] {
    return this.open.filter(({ from, to }) => from === peer || to === peer);
  }

  close(record: Record, reason: number, by?: PeerId, debug?: string): void {
    this.open = this.open.filter((other) => other !== record);
    this.ended.push({ id: record.id, ending: { reason, by, debug } });
  }

  isLegal(from: ConnectionState, to: ConnectionState): boolean {
    if (from === Connecting) return to !== Connecting;
    if (from === Connected) return to === Disconnecting || to === Closed;
    return from === Disconnecting && to === Closed;
  }
}

/* The real one, and what it told */

class Real {
  ended: Ended[] = [];
  changed: string[] = [];
  opened: ConnectionId[] = [];
  logs: LogEntry[] = [];
  readonly manager: P2PRelayManager;

  constructor() {
    this.manager = new P2PRelayManager({
      idleTimeoutMs: IDLE,
      log: (entry) => this.logs.push(entry),
      events: {
        opened: ({ connectionId }) => this.opened.push(connectionId),
        stateChanged: ({ connectionId, state }, previous) =>
          this.changed.push(`${connectionId}: ${previous} to ${state}`),
        closed: ({ connectionId }, ending) => this.ended.push({ id: connectionId, ending }),
      },
    });
  }
}

function viewed(connection: P2PConnection): Record {
  return {
    id: connection.connectionId,
    from: connection.fromPeerId,
    to: connection.toPeerId,
    app: connection.appId,
    type: connection.type,
    port: connection.virtualPort,
    state: connection.state,
    created: connection.created,
    active: connection.lastActivity,
    packets: connection.packetsRelayed,
    bytes: connection.bytesRelayed,
    deadline: connection.deadline,
    reason: connection.pendingReason,
    by: connection.pendingBy,
  };
}

/** `expect` for what is asked a few million times. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)}, the model says ${String(expected)}`);
}

function compare(model: Model, { manager, ended, changed, opened, logs }: Real): void {
  deepStrictEqual([...manager.connections()].map(viewed), model.open);
  same(manager.getActiveConnectionCount(), model.open.length, "getActiveConnectionCount");
  deepStrictEqual(manager.getStatistics(), { totalPackets: model.packets, totalBytes: model.bytes });
  for (const peer of PEERS) {
    const records = model.of(peer);
    const copy = manager.getConnectionsForPeer(peer);
    same(copy.length, records.length, `getConnectionsForPeer(${name(peer)})`);
    copy.forEach(({ connectionId }, index) => same(connectionId, records[index]!.id, "getConnectionsForPeer"));
    same(manager.countConnectionsForPeer(peer), records.length, "countConnectionsForPeer");
    const unanswered = records.filter(({ state, to }) => state === Connecting && to === peer);
    same(manager.countUnansweredForPeer(peer), unanswered.length, "countUnansweredForPeer");
  }
  for (const [index, id] of model.ids.entries()) {
    const record = model.get(id);
    same(manager.getConnection(id)?.connectionId, record?.id, "getConnection");
    same(manager.getConnectionByHandle(index + 1)?.connectionId, record?.id, "getConnectionByHandle");
    for (const peer of PEERS) {
      const other = record && (record.from === peer ? record.to : record.to === peer ? record.from : undefined);
      same(manager.getDestinationPeer(id, peer), other, "getDestinationPeer");
    }
  }
  for (const a of PEERS) {
    for (const b of PEERS) {
      for (const type of TYPES) {
        for (const port of PORTS) {
          const id = model.find(a, b, type, port)?.id ?? NO_CONNECTION;
          same(
            manager.findConnection(a, b, type, port),
            id,
            `findConnection(${name(a)}, ${name(b)}, ${type}, ${port})`,
          );
        }
      }
    }
  }
  const due = { deadline: Infinity, idle: Infinity };
  for (const { deadline, active } of model.open) {
    if (deadline === undefined) due.idle = Math.min(due.idle, active + IDLE);
    else due.deadline = Math.min(due.deadline, deadline);
  }
  deepStrictEqual(manager.nextDue(), due);
  deepStrictEqual(opened, model.ids);
  deepStrictEqual(ended, model.ended);
  deepStrictEqual(changed, model.changed);
  const closes = logs.filter(({ event }) => event === "connection_closed");
  same(closes.length, model.ended.length, "closes logged");
  closes.forEach(({ connection }, index) => same(connection, String(model.ended[index]!.id), "close logged"));
}

/* The calls */

/** One call on both. `toString` is what a failing sequence prints. */
class Call implements fc.Command<Model, Real> {
  readonly #name: string;
  readonly #run: (model: Model, real: Real) => void;

  constructor(name: string, run: (model: Model, real: Real) => void) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.#run(model, real);
    compare(model, real);
  }

  toString(): string {
    return this.#name;
  }
}

const peers = fc.constantFrom(...PEERS);
const types = fc.constantFrom(...TYPES);
const ports = fc.constantFrom(...PORTS);
const timeouts = fc.constantFrom(undefined, 1, 3_000, 20_000);
const sizes = fc.nat(1_500);
/** One of the ids there have been, newest first, so that shrinking keeps its meaning; or one that never was. */
const picks = fc.nat(9);
const UNKNOWN = 7n as ConnectionId;

function pick(model: Model, n: number): ConnectionId {
  return model.ids.at(-1 - n) ?? UNKNOWN;
}

function name(peer: PeerId): string {
  return `P${PEERS.indexOf(peer) + 1}`;
}

const create = fc.tuple(peers, peers, types, ports, timeouts, fc.constantFrom(APP, OTHER_APP)).map(
  ([from, to, type, port, timeout, app]) =>
    new Call(
      `create(${name(from)}, ${name(to)}, type ${type}, port ${port}, timeout ${timeout})`,
      (model, { manager }) => {
        const options = { now: model.now, virtualPort: port, connectTimeoutMs: timeout };
        const id = manager.createOrGetConnection(from, to, app, type, options);
        if (model.isShutdown || from === to) return expect(id).toBe(NO_CONNECTION);
        const existing = model.find(from, to, type, port);
        if (existing) return expect(id).toBe(existing.id);
        expect(id).toBe(makeConnectionId(model.now, (model.ids.length + 1) as Handle));
        model.ids.push(id);
        model.open.push({
          id,
          from,
          to,
          app,
          type,
          port: model.portOf(type, port),
          state: Connecting,
          created: model.now,
          active: model.now,
          packets: 0,
          bytes: 0,
          deadline: timeout === undefined ? undefined : model.now + timeout,
          reason: undefined,
          by: undefined,
        });
      },
    ),
);

const update = fc.tuple(picks, fc.constantFrom(...STATES), fc.boolean(), fc.constantFrom(undefined, 2_000)).map(
  ([n, state, isActive, within]) =>
    new Call(`update(#${n}, to ${state}, active ${isActive}, deadline ${within})`, (model, { manager }) => {
      const deadline = within === undefined ? undefined : model.now + within;
      const record = model.get(pick(model, n));
      const isLegal = record !== undefined && model.isLegal(record.state, state);
      const times = { ...(isActive && { now: model.now }), ...(deadline !== undefined && { deadline }) };
      expect(manager.updateConnectionState(pick(model, n), state, times)).toBe(isLegal);
      if (!isLegal) return;
      if (state === Closed) return model.close(record, EndReason.MiscGeneric);
      model.changed.push(`${record.id}: ${record.state} to ${state}`);
      record.state = state;
      record.deadline = deadline;
      if (isActive) record.active = model.now;
    }),
);

const disconnect = fc.tuple(picks, peers, fc.constantFrom(1000, 2500)).map(
  ([n, by, reason]) =>
    new Call(`beginDisconnect(#${n}, ${reason}, by ${name(by)})`, (model, { manager }) => {
      const record = model.get(pick(model, n));
      const isLegal = record !== undefined && model.isLegal(record.state, Disconnecting);
      expect(manager.beginDisconnect(pick(model, n), reason, by, model.now + 5_000)).toBe(isLegal);
      if (!isLegal) return;
      model.changed.push(`${record.id}: ${record.state} to ${Disconnecting}`);
      Object.assign(record, { state: Disconnecting, reason, by, deadline: model.now + 5_000 });
    }),
);

const record = fc.tuple(picks, sizes).map(
  ([n, size]) =>
    new Call(`record(#${n}, ${size})`, (model, { manager }) => {
      const found = model.get(pick(model, n));
      expect(manager.recordPacketRelayed(pick(model, n), size, model.now)).toBe(found !== undefined);
      if (!found) return;
      found.packets++;
      found.bytes += size;
      found.active = model.now;
      model.packets++;
      model.bytes += size;
    }),
);

const close = fc.tuple(picks, peers, fc.constantFrom(undefined, 1000, 1999)).map(
  ([n, by, reason]) =>
    new Call(`close(#${n}, ${reason}, by ${name(by)})`, (model, { manager }) => {
      const found = model.get(pick(model, n));
      const isByPeer = reason !== undefined;
      const closed = isByPeer
        ? manager.closeConnection(pick(model, n), reason, { peer: by, debug: "d" })
        : manager.closeConnection(pick(model, n));
      expect(closed).toBe(found !== undefined);
      if (found)
        model.close(found, reason ?? EndReason.MiscGeneric, isByPeer ? by : undefined, isByPeer ? "d" : undefined);
    }),
);

const closeForPeer = peers.map(
  (peer) =>
    new Call(`closeForPeer(${name(peer)})`, (model, { manager }) => {
      const records = model.of(peer);
      expect(manager.closeConnectionsForPeer(peer)).toBe(records.length);
      for (const found of records) model.close(found, EndReason.PeerLeft);
    }),
);

const closeWhileEnumerating = fc.tuple(peers, fc.integer({ min: 1, max: 3 })).map(
  ([peer, every]) =>
    new Call(`closeWhileEnumerating(${name(peer)}, every ${every})`, (model, { manager }) => {
      const expected = model.of(peer);
      let index = 0;
      for (const { connectionId } of manager.getConnectionsForPeer(peer)) {
        const found = expected[index]!;
        expect(connectionId).toBe(found.id);
        if (index++ % every !== 0) continue;
        expect(manager.closeConnection(connectionId)).toBe(true);
        model.close(found, EndReason.MiscGeneric);
      }
      expect(index).toBe(expected.length);
    }),
);

const cleanup = fc.constantFrom(0, 1, 900, 3_000, 9_999, 10_000, 25_000).map(
  (ms) =>
    new Call(`cleanup(after ${ms} ms)`, (model, { manager }) => {
      model.now += ms;
      const stale = model.open.filter(({ deadline, active }) => (deadline ?? active + IDLE) <= model.now);
      expect(manager.cleanupStaleConnections(model.now)).toBe(stale.length);
      for (const found of stale) {
        const timely = found.deadline === undefined ? EndReason.IdleTimeout : EndReason.Timeout;
        const isLeaving = found.state === Disconnecting && found.deadline !== undefined;
        model.close(found, isLeaving ? (found.reason ?? EndReason.AppGeneric) : timely, found.by);
      }
    }),
);

const time = fc.constantFrom(1, 999, 1_000, 4_000).map(
  (ms) =>
    new Call(`time(${ms} ms)`, (model) => {
      model.now += ms;
    }),
);

const shutdown = fc.constant(
  new Call("shutdown()", (model, { manager, logs }) => {
    const isFirst = !model.isShutdown;
    manager.shutdown();
    model.isShutdown = true;
    for (const found of model.open) model.close(found, EndReason.RelayShutdown);
    expect(logs.filter(({ event }) => event === "shutdown")).toHaveLength(1);
    if (isFirst) expect(logs.at(-1)).toMatchObject({ totalPackets: model.packets, totalBytes: model.bytes });
  }),
);

const twice = <T>(arbitrary: T): T[] => [arbitrary, arbitrary];
const calls = [
  ...twice(twice(create)).flat(),
  ...twice(update),
  ...twice(record),
  disconnect,
  close,
  closeForPeer,
  closeWhileEnumerating,
  cleanup,
  time,
];

/** A life, and in some runs a shutdown with every kind of call after it. */
const commands = fc.commands(calls, { maxCommands: 40, size: "+1" });
const withShutdown = fc.commands([...calls, shutdown], { maxCommands: 60, size: "+1" });

const setup = () => ({ model: new Model(), real: new Real() });

test("the manager does what the model does", () => {
  fc.assert(
    fc.property(commands, (sequence) => fc.modelRun(setup, sequence)),
    { numRuns: RUNS },
  );
}, 120_000);

test("and after a shutdown too", () => {
  fc.assert(
    fc.property(withShutdown, (sequence) => fc.modelRun(setup, sequence)),
    { numRuns: RUNS / 4 },
  );
}, 120_000);
