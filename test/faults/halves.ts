/** Whether the two rooms of each table say the same of the connections between them, and of what went over their trunk. */
import type { ConnectionView } from "../../src/relay/connection-view.ts";
import type { RoomStatistics } from "../../src/relay/statistics.ts";
import type { FaultyRelay } from "./faulty-relay.ts";
import { pause } from "./faults.ts";
import type { Table } from "./players.ts";

/** What one room says. */
interface Side {
  readonly room: string;
  /** By their two ends and their family. */
  readonly halves: ReadonlyMap<string, ConnectionView>;
  readonly statistics: RoomStatistics;
}

/** Of one table, when nobody speaks. */
export type Look = readonly [Side, Side];

const LOOKS = 15;

/** None for a table in one room. */
export async function lookAtHalves(tables: readonly Table[], relay: FaultyRelay): Promise<Look[]> {
  const looks = await Promise.all(tables.map((table) => lookWhenStill(table, relay)));
  return looks.filter((look) => look !== undefined);
}

/** A trunk goes to rest in its own time, and two rooms are not asked at one moment. */
async function lookWhenStill(table: Table, relay: FaultyRelay): Promise<Look | undefined> {
  const [x, y] = table.rooms;
  if (x === undefined || y === undefined) return undefined;
  let look = await lookAt(table, x, y, relay);
  for (let looks = 1; looks < LOOKS; looks++) {
    await pause(1_000);
    const next = await lookAt(table, x, y, relay);
    if (traffic(look) === traffic(next)) return next;
    look = next;
  }
  throw new Error(`the trunk between ${x} and ${y} is never still`);
}

async function lookAt(table: Table, x: string, y: string, relay: FaultyRelay): Promise<Look> {
  return Promise.all([sideOf(table, x, relay), sideOf(table, y, relay)]);
}

async function sideOf(table: Table, room: string, relay: FaultyRelay): Promise<Side> {
  const near = new Set(table.in(room).map(({ peer }) => String(peer)));
  const all = await relay.connections(room);
  const crossing = all.filter(({ fromPeerId, toPeerId }) => near.has(fromPeerId) !== near.has(toPeerId));
  const halves = new Map(crossing.map((half) => [endsOf(half), half]));
  return { room, halves, statistics: await relay.statistics(room) };
}

/** Both may have asked, so either room may name either of them first. */
function endsOf({ fromPeerId, toPeerId, type }: ConnectionView): string {
  return `${type} ${[fromPeerId, toPeerId].toSorted().join("–")}`;
}

function traffic(look: Look): string {
  return JSON.stringify(look.map(({ statistics }) => statistics.trunk));
}

/** Between two looks with no fault between them. */
export function disagreements(before: readonly Look[], after: readonly Look[]): string[] {
  return after.flatMap((look, index) => {
    const earlier = before[index];
    const [x, y] = look;
    return earlier ? [...inExistence(x, y), ...inCount(earlier, look), ...inTraffic(earlier, look)] : [];
  });
}

function inExistence(x: Side, y: Side): string[] {
  const keys = new Set([...x.halves.keys(), ...y.halves.keys()]);
  return [...keys].flatMap((key) => {
    const states = [x, y].map(({ halves }) => halves.get(key)?.state ?? "not there");
    return states.every((state) => state === "Connected")
      ? []
      : [`${key} is ${states[0]} in ${x.room} and ${states[1]} in ${y.room}`];
  });
}

/** What one room has handed to the trunk the other has handed to its peer, or dropped and said so. */
function inCount([x0, y0]: Look, [x, y]: Look): string[] {
  const dropped = dropsOf(x) + dropsOf(y) - dropsOf(x0) - dropsOf(y0);
  return [...x.halves.keys()].flatMap((key) => {
    const [inX, inY] = [packetsOf(x, key) - packetsOf(x0, key), packetsOf(y, key) - packetsOf(y0, key)];
    return Math.abs(inX - inY) <= dropped
      ? []
      : [`${key}: ${inX} packets in ${x.room}, ${inY} in ${y.room}, and ${dropped} were dropped`];
  });
}

function inTraffic([x0, y0]: Look, [x, y]: Look): string[] {
  return [...oneWay(x0, x, y0, y), ...oneWay(y0, y, x0, x)];
}

function oneWay(from0: Side, from: Side, to0: Side, to: Side): string[] {
  const sent = from.statistics.trunk.messagesOut - from0.statistics.trunk.messagesOut;
  const heard = to.statistics.trunk.messagesIn - to0.statistics.trunk.messagesIn;
  const sentBytes = from.statistics.trunk.bytesOut - from0.statistics.trunk.bytesOut;
  const heardBytes = to.statistics.trunk.bytesIn - to0.statistics.trunk.bytesIn;
  if (sent === heard && sentBytes === heardBytes) return [];
  return [`${from.room} has sent ${sent} messages, ${sentBytes} bytes, and ${to.room} heard ${heard}, ${heardBytes}`];
}

function dropsOf({ statistics }: Side): number {
  return Object.values(statistics.drops).reduce((sum, count) => sum + count, 0);
}

function packetsOf({ halves }: Side, key: string): number {
  return halves.get(key)?.packetsRelayed ?? 0;
}
