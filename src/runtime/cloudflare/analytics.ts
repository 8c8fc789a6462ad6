/** Workers Analytics Engine: what a room did since the last data point, one point per flush of its counters. */
import { P2PRelayManager } from "../../relay/manager.ts";
import { RoomCounters } from "../../relay/counters.ts";
import type { HistoryRow } from "../../relay/ports.ts";
import type { RoomStatistics } from "../../relay/statistics.ts";
import { SqlRoomStore } from "../../storage/sql-room-store.ts";
import type { SqlDatabase } from "../../storage/sql-database.ts";

/** The binding, as much as is used of it. What is written takes nobody's time, and may be sampled. */
export interface DataPoints {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** `index1`. */
export const POINT_INDEX = "app";
/** `blob1` and so on. */
export const POINT_BLOBS = [
  "room: its name, empty for the app's own",
  "region: the location hint that it was created with, empty where it is not known",
] as const;

type Totals = Pick<RoomStatistics, "totalPackets" | "totalBytes" | "messages" | "joins"> & {
  readonly opened: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly joinRefusals: Readonly<Record<string, number>>;
};

interface Delta {
  readonly name: string;
  of(totals: Totals): number;
}

/** `double1` and so on: what happened since the last point. */
export const POINT_DELTAS: readonly Delta[] = [
  { name: "packets relayed", of: ({ totalPackets }) => totalPackets },
  { name: "bytes relayed", of: ({ totalBytes }) => totalBytes },
  { name: "WebSocket messages received", of: ({ messages }) => messages },
  { name: "joins", of: ({ joins }) => joins },
  { name: "connections opened", of: ({ opened }) => opened },
  { name: "packets dropped", of: ({ drops }) => sum(drops) },
  { name: "frames refused", of: ({ refusals }) => sum(refusals) },
  { name: "joins refused", of: ({ joinRefusals }) => sum(joinRefusals) },
];
/** The doubles behind them: what is just now. */
export const POINT_LEVELS = ["peers", "connections"] as const;

export interface PointOrigin {
  readonly app: number;
  readonly room: string;
  /** Asked at each point: of a new room it is known only once somebody has come. */
  readonly region: () => string;
}

/** A room's store that tells what is flushed, once it is written. */
export class MeasuredRoomStore extends SqlRoomStore {
  readonly #analytics: RoomAnalytics;
  readonly #statistics: () => RoomStatistics | undefined;

  constructor(db: SqlDatabase, analytics: RoomAnalytics, statistics: () => RoomStatistics | undefined) {
    super(db);
    this.#analytics = analytics;
    this.#statistics = statistics;
  }

  override loadCounters(): Float64Array | undefined {
    const row = super.loadCounters();
    this.#analytics.loaded(row);
    return row;
  }

  override saveCounters(counters: Float64Array, history?: readonly HistoryRow[]): void {
    super.saveCounters(counters, history);
    const statistics = this.#statistics();
    if (statistics) this.#analytics.flushed(statistics);
  }
}

/**
 * A point is the difference between two flushed rows, so that nothing is left out, or told twice, when the object is evicted
 * in between: what it had told is then read from the row.
 */
export class RoomAnalytics {
  readonly #dataset: DataPoints;
  readonly #origin: PointOrigin;
  #told: readonly number[] = [];

  constructor(dataset: DataPoints, origin: PointOrigin) {
    this.#dataset = dataset;
    this.#origin = origin;
  }

  /** The row as it was last flushed, or none yet. */
  loaded(row: Float64Array | undefined): void {
    this.#told = deltasOf(flushedTotals(row));
  }

  flushed(statistics: RoomStatistics): void {
    const { families, peers, activeConnections } = statistics;
    const opened = Object.values(families).reduce((all, family) => all + family.opened, 0);
    const totals = deltasOf({ ...statistics, opened });
    const deltas = totals.map((total, i) => total - (this.#told[i] ?? 0));
    this.#told = totals;
    const { app, room, region } = this.#origin;
    this.#dataset.writeDataPoint({
      indexes: [String(app)],
      blobs: [room, region()],
      doubles: [...deltas, peers, activeConnections],
    });
  }
}

function deltasOf(totals: Totals): number[] {
  return POINT_DELTAS.map(({ of }) => of(totals));
}

function flushedTotals(row: Float64Array | undefined): Totals {
  const manager = new P2PRelayManager({ idleTimeoutMs: Infinity, log: () => undefined });
  const counters = new RoomCounters();
  counters.restore(manager, row, undefined);
  const { messages, joins, families } = counters;
  return {
    ...manager.getStatistics(),
    messages,
    joins,
    opened: families.totalOpened,
    drops: counters.drops(),
    refusals: counters.refusals(),
    joinRefusals: counters.joinRefusals(),
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
