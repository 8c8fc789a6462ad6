import type { RoomAddress } from "../http/gateway.ts";
import { type AppId, type RoomName, parseAppId, parseRoomName } from "../protocol/index.ts";
import { HEAD } from "../relay/directory/shards.ts";
import { parseShardName } from "../relay/shards/names.ts";

export { roomName } from "../http/room-name.ts";

/** The name of an app's directory, among directories: `app/480`, and of others that share its rooms `app/480/1` and so on. */
export function directoryName(app: AppId, shard = HEAD): string {
  return shard === HEAD ? `app/${app}` : `app/${app}/${shard}`;
}

export function parseDirectoryName(name: string | undefined): { readonly app: AppId; readonly shard: number } {
  const [, appText, shardText] = /^app\/([0-9]+)(?:\/([1-9][0-9]?))?$/.exec(name ?? "") ?? [];
  const app = parseAppId(appText);
  if (app === undefined) throw new Error(`Cannot serve the object "${name}": its name is no directory's`);
  return { app, shard: shardText === undefined ? HEAD : Number(shardText) };
}

/** Of a name that a room goes by in its app: "" is the app's own, which has none, and shards of that are named too. */
export function roomIn(text: string | undefined): RoomName | undefined {
  return parseRoomName(text) ?? parseShardName(text);
}

export function parseRoomAddress(name: string | undefined): RoomAddress {
  const [prefix, appText, infix, roomText] = (name ?? "").split("/");
  const app = parseAppId(appText);
  const room = infix === "room" ? roomIn(roomText) : undefined;
  if (prefix !== "app" || app === undefined) throw new Error(`Cannot serve the object "${name}": its name is no room`);
  return { app, room };
}
