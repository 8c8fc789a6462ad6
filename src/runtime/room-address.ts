import type { RoomAddress } from "../http/gateway.ts";
import { type AppId, parseAppId, parseRoomName } from "../protocol/index.ts";

export { roomName } from "../http/room-name.ts";

/** The name of an app's directory, among directories. */
export function directoryName(app: AppId): string {
  return `app/${app}`;
}

export function parseRoomAddress(name: string | undefined): RoomAddress {
  const [prefix, appText, infix, roomText] = (name ?? "").split("/");
  const app = parseAppId(appText);
  const room = infix === "room" ? parseRoomName(roomText) : undefined;
  if (prefix !== "app" || app === undefined) throw new Error(`Cannot serve the object "${name}": its name is no room`);
  return { app, room };
}
