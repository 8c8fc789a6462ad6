/**
 * What operators ask of a room, the one list of it: a runtime carries each to where the room is, by name, and needs not
 * know them. Arguments and results travel between objects, so they are data.
 */
import type { PeerId } from "../../protocol/index.ts";
import type { AuditPage } from "../audit.ts";
import type { HistoryQuery } from "../history/bucket.ts";
import type { BanPage } from "../limits/bans.ts";
import type { PeerPage } from "../peer-view.ts";
import type { Room } from "../room.ts";
import { ban, closeConnection, drain, kick, noteBan, noteSettings, noteUnban, unban } from "./acts.ts";
import { connection, connections, connectionsOfPeer, destination } from "./connections.ts";

const OPERATIONS = {
  statistics: (room: Room, now: number) => room.statistics(now),
  /** At most a day of minutes or thirty days of hours, the running one included. */
  history: (room: Room, now: number, query: HistoryQuery) => room.history(query, now),
  connections,
  connection,
  connectionsOfPeer,
  destination,
  peers: (room: Room, _now: number, page: PeerPage) => room.listPeers(page),
  peer: (room: Room, _now: number, peer: PeerId) => room.viewPeer(peer),
  /** In order of kind and subject. */
  bans: (room: Room, now: number, page: BanPage) => room.listBans(page, now),
  /** The newest first. */
  audit: (room: Room, _now: number, page: AuditPage) => room.audit.list(page),
  closeConnection,
  kick,
  ban,
  unban,
  drain,
  noteSettings,
  noteBan,
  noteUnban,
};

type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
export type OperationArguments<Name extends OperationName> = Operations[Name] extends (
  room: Room,
  now: number,
  ...rest: infer Rest
) => unknown
  ? Rest
  : never;
export type OperationResult<Name extends OperationName> = ReturnType<Operations[Name]>;

/** All of them, for the routes. */
export type RoomAdmin = {
  readonly [Name in OperationName]: (...rest: OperationArguments<Name>) => Promise<OperationResult<Name>>;
};

/** How a runtime carries an operation to the room. */
export type CarryOperation = <Name extends OperationName>(
  name: Name,
  rest: OperationArguments<Name>,
) => Promise<OperationResult<Name>>;

export function operate<Name extends OperationName>(
  room: Room,
  now: number,
  name: Name,
  rest: OperationArguments<Name>,
): OperationResult<Name> {
  const operation = OPERATIONS[name] as (room: Room, now: number, ...rest: unknown[]) => OperationResult<Name>;
  return operation(room, now, ...rest);
}

export function roomAdmin(carry: CarryOperation): RoomAdmin {
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(
    names.map((name) => [name, (...rest: OperationArguments<OperationName>) => carry(name, rest)]),
  ) as unknown as RoomAdmin;
}
