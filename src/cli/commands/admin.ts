/** `admin …`: the admin API of a running relay. */
import { APP_COMMANDS } from "../admin/apps.ts";
import { BAN_COMMANDS } from "../admin/bans.ts";
import { CONNECTION_COMMANDS } from "../admin/connections.ts";
import { ROOM_COMMANDS } from "../admin/rooms.ts";
import type { CliGroup } from "../command.ts";

export const admin: CliGroup = {
  name: "admin",
  summary: "look into a running relay, its apps and rooms, and act on them",
  commands: [...APP_COMMANDS, ...CONNECTION_COMMANDS, ...ROOM_COMMANDS, ...BAN_COMMANDS],
};
