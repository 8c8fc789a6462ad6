/** What several directory objects of one app know, as one. */
import { total } from "./figures.ts";
import type { ListedRoom } from "./lobby.ts";
import type { AppSummary, AppTotals, RoomSummary } from "./report.ts";

type Parts<T> = readonly [T, ...T[]];

export function totalsOfAll(parts: Parts<AppTotals>): AppTotals {
  const oldest = parts.flatMap((part) => part.oldest ?? []);
  return {
    app: parts[0].app,
    rooms: parts.reduce((all, { rooms }) => all + rooms, 0),
    oldest: oldest.length === 0 ? null : Math.min(...oldest),
    statistics: total(parts.map(({ statistics }) => statistics)),
  };
}

export function summaryOfAll(parts: Parts<AppSummary>): AppSummary {
  const sum = (count: (part: AppSummary) => number): number => parts.reduce((all, part) => all + count(part), 0);
  return {
    app: parts[0].app,
    rooms: sum(({ rooms }) => rooms),
    peers: sum(({ peers }) => peers),
    activeConnections: sum(({ activeConnections }) => activeConnections),
    lastSeen: Math.max(...parts.map(({ lastSeen }) => lastSeen)),
  };
}

/** A page of each makes a page of all, in order of name; a room is known to one of them. */
export function pageOfAll<T extends RoomSummary | ListedRoom>(pages: readonly (readonly T[])[], limit: number): T[] {
  const placeOf = ({ room }: T): string => room ?? "";
  return pages
    .flat()
    .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    .slice(0, limit);
}

/**
 * Where else a room may be known: it has moved when the app's rooms were last divided otherwise. `own`: who asks.
 */
export function formerShards(
  divisions: readonly number[],
  own: number,
  shardOf: (shards: number) => number,
): readonly number[] {
  return [...new Set(divisions.map(shardOf))].filter((shard) => shard !== own);
}
