/** What operators ask of an app's own room that is divided: of all its parts, and answered as if it were one (rule SH8). */
import { CONNECTION_SORTS } from "../operations/connections.ts";
import {
  type OperationArguments,
  type OperationName,
  type OperationResult,
  type RoomAdmin,
  roomAdmin,
} from "../operations/index.ts";
import type { RoomName } from "../../protocol/index.ts";
import { total } from "../directory/figures.ts";
import { HOUR, MINUTE, type HistoryBucket, gathered } from "../history/bucket.ts";
import { everyPart } from "./names.ts";

/** How the parts are reached. */
export interface Parts {
  /** The app's own room, which knows how many others there are, or were: 1 where it was never divided. */
  own<N extends OperationName>(
    name: N,
    rest: OperationArguments<N>,
  ): Promise<{ readonly result: OperationResult<N>; readonly parts: number }>;
  part<N extends OperationName>(room: RoomName, name: N, rest: OperationArguments<N>): Promise<OperationResult<N>>;
}

type Results<N extends OperationName> = readonly OperationResult<N>[];
type Combine<N extends OperationName> = (results: Results<N>, ...rest: OperationArguments<N>) => OperationResult<N>;

/** Undefined: the app's own room alone is asked, which has what concerns the app. */
const COMBINE: { readonly [N in OperationName]: Combine<N> | undefined } = {
  statistics: (results) => total(results),
  history: (results, { resolution }) => together(results.flat(), resolution === "hour" ? HOUR : MINUTE),
  connections: combineConnections,
  connection: first,
  connectionsOfPeer: (results) => results.flat(),
  destination: first,
  peers: combinePeers,
  peer: (results) => results.find((view) => view?.state === "present") ?? first(results),
  closeConnection: some,
  kick: some,
  ban: (results) => {
    const [own] = results;
    return own && { ...own, ended: results.reduce((sum, done) => sum + (done?.ended ?? 0), 0) };
  },
  unban: some,
  drain: (results) => results.reduce((sum, ended) => sum + ended, 0),
  bans: undefined,
  audit: undefined,
  noteSettings: undefined,
  noteBan: undefined,
  noteUnban: undefined,
};

export function wholeRoomAdmin({ own, part }: Parts): RoomAdmin {
  return roomAdmin(async (name, rest) => {
    const { result, parts } = await own(name, rest);
    const combine = COMBINE[name];
    if (!combine || parts === 1) return result;
    const others = everyPart(parts).flatMap((room) => room ?? []);
    const results = await Promise.all(others.map((room) => part(room, name, rest)));
    return combine([result, ...results], ...rest);
  });
}

function first<T>(results: readonly T[]): T | undefined {
  return results.find((result) => result !== undefined);
}

function some(results: readonly boolean[]): boolean {
  return results.includes(true);
}

/** Peaks of parts are added up, as if they had been at one moment. */
function together(buckets: readonly HistoryBucket[], span: number): HistoryBucket[] {
  const sums = new Map<number, { peers: number; connections: number }>();
  for (const { at, peers, connections } of buckets) {
    const sum = sums.get(at) ?? { peers: 0, connections: 0 };
    sums.set(at, { peers: sum.peers + peers, connections: sum.connections + connections });
  }
  return gathered(buckets, span).map((bucket) => ({ ...bucket, ...sums.get(bucket.at) }));
}

const VALUES = {
  created: "created",
  lastActivity: "lastActivity",
  packets: "packetsRelayed",
  bytes: "bytesRelayed",
} as const satisfies Record<(typeof CONNECTION_SORTS)[number], string>;

const HANDLE = 0xffff_ffffn;

/** A page of each makes a page of all. */
function combineConnections(
  results: Results<"connections">,
  { sort, isDescending, limit }: OperationArguments<"connections">[0],
): OperationResult<"connections"> {
  const sign = isDescending ? -1 : 1;
  const placed = results.flatMap(({ connections }) =>
    connections.map((view) => ({
      view,
      place: { value: view[VALUES[sort]], handle: Number(BigInt(view.connectionId) & HANDLE) },
    })),
  );
  placed.sort((a, b) => sign * (a.place.value - b.place.value || a.place.handle - b.place.handle));
  const shown = placed.slice(0, limit);
  const hasMore = placed.length > limit || results.some(({ next }) => next !== undefined);
  return {
    connections: shown.map(({ view }) => view),
    next: hasMore ? shown.at(-1)?.place : undefined,
    total: results.reduce((sum, page) => sum + page.total, 0),
  };
}

function combinePeers(results: Results<"peers">, { limit }: OperationArguments<"peers">[0]): OperationResult<"peers"> {
  const all = results.flatMap(({ peers }) => peers).toSorted((a, b) => (BigInt(a.peer) < BigInt(b.peer) ? -1 : 1));
  const peers = all.slice(0, limit);
  const last = peers.at(-1);
  const hasMore = all.length > limit || results.some(({ next }) => next !== undefined);
  return {
    peers,
    next: hasMore && last ? (BigInt(last.peer) as NonNullable<OperationResult<"peers">["next"]>) : undefined,
    total: results.reduce((sum, page) => sum + page.total, 0),
  };
}
