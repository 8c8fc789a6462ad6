/** What `top` shows, without the numbers that change while it is drawn: rows, and how fast their counters grow. */
import type { ConnectionView } from "../../relay/connection-view.ts";
import type { RoomSummary } from "../../relay/directory/report.ts";

export interface RoomRow {
  readonly app: number;
  /** null: the app's own. */
  readonly room: string | null;
  readonly peers: number;
  readonly connections: number;
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly dropsPerSecond: number;
  /** Of the report that this row is from. */
  readonly ageSeconds: number;
}

export interface ConnectionRow {
  readonly connection: string;
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly state: string;
  readonly packets: number;
  readonly bytes: number;
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

interface Reading {
  readonly at: number;
  readonly counters: readonly number[];
  readonly perSecond: readonly number[];
}

/** Counters by name, each time they are read. */
export class Rates {
  #readings = new Map<string, Reading>();
  #next = new Map<string, Reading>();

  /** Per second since the reading before; 0 at first. The same `at` again is no news: a room reports when it likes. */
  of(name: string, at: number, counters: readonly number[]): readonly number[] {
    const before = this.#readings.get(name);
    const reading = before && at <= before.at ? before : { at, counters, perSecond: ratesSince(before, at, counters) };
    this.#next.set(name, reading);
    return reading.perSecond;
  }

  /** What was not asked for since the last time is forgotten. */
  turnOver(): void {
    this.#readings = this.#next;
    this.#next = new Map();
  }
}

function ratesSince(before: Reading | undefined, at: number, counters: readonly number[]): number[] {
  if (!before) return counters.map(() => 0);
  const seconds = (at - before.at) / 1000;
  return counters.map((count, i) => Math.max(0, count - (before.counters[i] ?? 0)) / seconds);
}

/** `now`: this machine's clock, which may differ from the relay's. */
export function roomRow(app: number, { room, lastSeen, statistics }: RoomSummary, rates: Rates, now: number): RoomRow {
  const { totalPackets, totalBytes, drops, peers, activeConnections } = statistics;
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
  const counters = [totalPackets, totalBytes, dropped];
  const [packets = 0, bytes = 0, lost = 0] = rates.of(`${app}/${room ?? ""}`, lastSeen, counters);
  return {
    app,
    room,
    peers,
    connections: activeConnections,
    packetsPerSecond: packets,
    bytesPerSecond: bytes,
    dropsPerSecond: lost,
    ageSeconds: Math.max(0, now - lastSeen) / 1000,
  };
}

export function connectionRow(view: ConnectionView, rates: Rates, now: number): ConnectionRow {
  const { connectionId, fromPeerId, toPeerId, type, state, packetsRelayed, bytesRelayed } = view;
  const [packets = 0, bytes = 0] = rates.of(connectionId, now, [packetsRelayed, bytesRelayed]);
  return {
    connection: connectionId,
    from: fromPeerId,
    to: toPeerId,
    type,
    state,
    packets: packetsRelayed,
    bytes: bytesRelayed,
    packetsPerSecond: packets,
    bytesPerSecond: bytes,
  };
}
