/** `admin …`: the admin API of a running relay. */
import { BAN_COMMANDS } from "../admin/bans.ts";
import { CONNECTION_COMMANDS } from "../admin/connections.ts";
import type { CliGroup } from "../command.ts";

export const admin: CliGroup = {
  name: "admin",
  summary: "look into a room of a running relay, and act on it",
  commands: [...CONNECTION_COMMANDS, ...BAN_COMMANDS],
};
