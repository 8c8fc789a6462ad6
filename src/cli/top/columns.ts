/**
 * The two tables of `top`: what stands in a column, how wide it is, and what can be sorted by. What matters most is within the
 * 80 columns of the narrowest terminals, which cut off the rest.
 */
import type { ConnectionRow, RoomRow } from "./figures.ts";
import type { ApiSort } from "./source.ts";

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly isNumber: boolean;
  text(row: Row): string;
}

export const ROOM_SORTS = ["bytes", "packets", "drops", "peers", "connections", "name"] as const;
export type RoomSort = (typeof ROOM_SORTS)[number];
/** The API sorts connections: all of them, of which a page is shown. */
export const CONNECTION_SORTS = ["bytes", "packets", "lastActivity", "created"] as const satisfies readonly ApiSort[];

export const ROOM_COLUMNS: readonly Column<RoomRow>[] = [
  { title: "APP", width: 10, isNumber: true, text: ({ app }) => String(app) },
  { title: "ROOM", width: 18, isNumber: false, text: ({ room }) => room ?? "-" },
  number("PEERS", 7, ({ peers }) => peers),
  number("CONNS", 7, ({ connections }) => connections),
  number("PKT/S", 8, ({ packetsPerSecond }) => packetsPerSecond),
  number("B/S", 8, ({ bytesPerSecond }) => bytesPerSecond),
  number("DROP/S", 8, ({ dropsPerSecond }) => dropsPerSecond),
  { title: "SEEN", width: 6, isNumber: true, text: ({ ageSeconds }) => ageText(ageSeconds) },
];

export const CONNECTION_COLUMNS: readonly Column<ConnectionRow>[] = [
  { title: "FROM", width: 20, isNumber: true, text: ({ from }) => from },
  { title: "TO", width: 20, isNumber: true, text: ({ to }) => to },
  number("PKT/S", 8, ({ packetsPerSecond }) => packetsPerSecond),
  number("B/S", 8, ({ bytesPerSecond }) => bytesPerSecond),
  { title: "TYPE", width: 18, isNumber: false, text: ({ type }) => type },
  { title: "STATE", width: 13, isNumber: false, text: ({ state }) => state },
  number("PACKETS", 8, ({ packets }) => packets),
  number("BYTES", 8, ({ bytes }) => bytes),
];

const ROOM_ORDER: Readonly<Record<RoomSort, (a: RoomRow, b: RoomRow) => number>> = {
  bytes: (a, b) => b.bytesPerSecond - a.bytesPerSecond,
  packets: (a, b) => b.packetsPerSecond - a.packetsPerSecond,
  drops: (a, b) => b.dropsPerSecond - a.dropsPerSecond,
  peers: (a, b) => b.peers - a.peers,
  connections: (a, b) => b.connections - a.connections,
  name: byName,
};

/** Of equal ones in order of name, so that rows do not jump about. */
export function sortRooms(rows: readonly RoomRow[], sort: RoomSort): RoomRow[] {
  return rows.toSorted((a, b) => ROOM_ORDER[sort](a, b) || byName(a, b));
}

function byName(a: RoomRow, b: RoomRow): number {
  const [left, right] = [a.room ?? "", b.room ?? ""];
  return a.app - b.app || (left < right ? -1 : Number(left > right));
}

function number<Row>(title: string, width: number, value: (row: Row) => number): Column<Row> {
  return { title, width, isNumber: true, text: (row) => short(value(row)) };
}

const UNITS = ["", "k", "M", "G", "T", "P"];

/** At most five characters: 0, 3.1, 999, 12.3k. */
export function short(value: number): string {
  let [rest, unit] = [value, 0];
  while (rest >= 999.5 && unit < UNITS.length - 1) [rest, unit] = [rest / 1000, unit + 1];
  const isWhole = rest >= 99.95 || (unit === 0 && Number.isInteger(rest));
  return `${isWhole ? Math.round(rest) : rest.toFixed(1)}${UNITS[unit]}`;
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

function ageText(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)}s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  return seconds < DAY ? `${Math.floor(seconds / HOUR)}h` : `${Math.floor(seconds / DAY)}d`;
}
