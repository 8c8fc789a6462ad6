/** The relay as a whole: whose token this is, its apps, and their rooms and settings. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { parseAppId } from "../../protocol/index.ts";
import type { AppSummary, RoomSummary } from "../../relay/directory/report.ts";
import { LIVE_SETTINGS, RANGES, type SettingName } from "../../relay/settings.ts";
import type { CliCommand } from "../command.ts";
import { checked, whole } from "../values.ts";
import { type Action, commandOf } from "./action.ts";
import { limitOption, page, pageQuery } from "./connections.ts";

const whoami: Action = {
  name: "whoami",
  summary: "whose token this is, and what it may do",
  place: "relay",
  request: () => ({ method: "GET", path: "/whoami" }),
};

const apps: Action<{ readonly after?: number; readonly limit?: number }> = {
  name: "apps",
  summary: "the apps that the relay knows, in pages",
  place: "relay",
  options: [
    new Option("--after <app>", "from an earlier page").argParser(checked(parseAppId, "an app id")),
    limitOption(),
  ],
  request: (_, options) => ({ method: "GET", path: `/apps${pageQuery(options)}` }),
  describe(answer) {
    const { apps: rows, next } = answer as { apps: AppSummary[]; next: number | null };
    return page(rows, next);
  },
};

const totals: Action = {
  name: "totals",
  summary: "sums over all rooms of an app",
  place: "app",
  request: () => ({ method: "GET", path: "/totals" }),
};

const rooms: Action<{ readonly after?: string; readonly limit?: number }> = {
  name: "rooms",
  summary: "the rooms of an app as they last reported, in pages",
  place: "app",
  options: [new Option("--after <room>", "from an earlier page"), limitOption()],
  request: (_, options) => ({ method: "GET", path: `/rooms${pageQuery(options)}` }),
  describe(answer) {
    const { rooms: list, next } = answer as { rooms: RoomSummary[]; next: string | null };
    const rows = list.map(({ statistics, ...summary }) => {
      const { peers, activeConnections, totalPackets, totalBytes } = statistics;
      return { ...summary, peers, activeConnections, totalPackets, totalBytes };
    });
    return page(rows, next);
  },
};

const settings: Action = {
  name: "settings",
  summary: "what is set for an app, by APP_SETTINGS and by operators",
  place: "app",
  request: () => ({ method: "GET", path: "/settings" }),
};

type Setting = readonly [SettingName, number];

function readSetting(text: string, before: readonly Setting[] = []): readonly Setting[] {
  const [given = "", value = ""] = text.split("=", 2);
  const name = LIVE_SETTINGS.find((known) => known === given);
  if (!name) throw new InvalidArgumentError(`There is no setting "${given}"; there are ${LIVE_SETTINGS.join(", ")}.`);
  const { min, max } = RANGES[name];
  return [...before, [name, whole(min, max)(value)]];
}

const set: Action = {
  name: "set",
  summary: "set an app's settings otherwise than APP_SETTINGS does, in place of all that was set before",
  place: "app",
  args: [new Argument("<name=number...>", "such as maxPeers=100").argParser(readSetting)],
  request: ([given]) => ({
    method: "PUT",
    path: "/settings",
    body: Object.fromEntries(given as readonly Setting[]),
  }),
};

const reset: Action = {
  name: "reset",
  summary: "take back all that was set for an app: APP_SETTINGS holds",
  place: "app",
  request: () => ({ method: "DELETE", path: "/settings" }),
};

export const APP_COMMANDS: readonly CliCommand[] = [
  commandOf(whoami),
  commandOf(apps),
  commandOf(totals),
  commandOf(rooms),
  commandOf(settings),
  commandOf(set),
  commandOf(reset),
];
