import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { parseAppId, parseRoomName } from "../../../src/protocol/index.ts";
import type { ConnectionView } from "../../../src/relay/connection-view.ts";
import { type RoomAdmin, roomAdmin } from "../../../src/relay/operations/index.ts";
import type { RelayDirectory } from "../../../src/runtime/cloudflare/relay-directory.ts";
import type { RelayRoom } from "../../../src/runtime/cloudflare/relay-room.ts";
import { directoryName, roomName } from "../../../src/runtime/room-address.ts";

export type RoomStub = DurableObjectStub<RelayRoom>;

/** Storage is shared by the tests of one file, so each test takes an app of its own. */
let nextApp = 10_000;
export function freshApp(): number {
  return nextApp++;
}

export function roomOf(app: number, room?: string): RoomStub {
  return env.RELAY_ROOMS.getByName(roomName({ app: parseAppId(app)!, room: parseRoomName(room) }));
}

export function directoryOf(app: number): DurableObjectStub<RelayDirectory> {
  return env.RELAY_DIRECTORY.getByName(directoryName(parseAppId(app)!));
}

/** What operators may ask of the room; also of the object itself, within `runInDurableObject`. */
export function operatorOf(room: RoomStub | RelayRoom): RoomAdmin {
  const object = room as RelayRoom;
  return roomAdmin(async (name, rest) => object.operate(name, rest));
}

/** In order of creation. */
export async function openConnections(stub: RoomStub, limit: number): Promise<ConnectionView[]> {
  const { connections } = await operatorOf(stub).connections({ sort: "created", isDescending: false, limit });
  return connections;
}

export function alarmOf(stub: RoomStub): Promise<number | null> {
  return runInDurableObject(stub, (_room, state) => state.storage.getAlarm());
}

/** The connections on disk, as [from, to, state]. */
export function storedConnections(stub: RoomStub): Promise<[string, string, number][]> {
  return runInDurableObject(stub, (_room, state) => {
    const rows = state.storage.sql.exec("SELECT from_peer, to_peer, state FROM connections ORDER BY handle").toArray();
    return rows.map((row) => [String(row["from_peer"]), String(row["to_peer"]), Number(row["state"])]);
  });
}

/** The peers whose sessions are on disk, and until when each is away: null for one with a socket. */
export function storedSessions(stub: RoomStub): Promise<[string, number | null][]> {
  return runInDurableObject(stub, (_room, state) => {
    const rows = state.storage.sql.exec("SELECT peer, away_until FROM sessions ORDER BY peer").toArray();
    return rows.map((row) => [String(row["peer"]), row["away_until"] as number | null]);
  });
}

/** What the packed row on disk says was relayed; undefined when there is no row. */
export function storedTotals(stub: RoomStub): Promise<{ packets: number; bytes: number } | undefined> {
  return runInDurableObject(stub, (_room, state) => {
    const packed = state.storage.sql.exec("SELECT packed FROM counters").toArray()[0]?.["packed"];
    if (!(packed instanceof ArrayBuffer)) return undefined;
    const [, , packets = Number.NaN, bytes = Number.NaN] = new Float64Array(packed);
    return { packets, bytes };
  });
}
