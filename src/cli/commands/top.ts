/** `top`: what a relay's rooms do just now. */
import { setTimeout as sleep } from "node:timers/promises";
import { Option } from "commander";
import type { AppId, RoomName } from "../../protocol/index.ts";
import type { CliCommand, Outcome } from "../command.ts";
import { Failure, usage } from "../exit.ts";
import { CONNECTION_COLUMNS, CONNECTION_SORTS, ROOM_COLUMNS, ROOM_SORTS, sortRooms } from "../top/columns.ts";
import { CONNECTIONS_SHOWN, LiveTop } from "../top/live.ts";
import { type RoomPlace, Source } from "../top/source.ts";
import { hasTerminal } from "../top/terminal.ts";
import { plain } from "../top/view.ts";
import { appOption, relayUrl, roomOption, urlOption, whole } from "../values.ts";

interface TopOptions {
  readonly app?: AppId;
  readonly room?: RoomName;
  readonly connections?: true;
  readonly interval: number;
  readonly once?: true;
  readonly json?: true;
  readonly url?: string;
}

const DETAILS = `Keys: q ends it, arrows select, enter shows the connections of a room, esc goes back, s sorts otherwise.
Rooms are shown as they last reported (SEEN), so that none is woken; of one room's connections it is asked itself.
With ADMIN_TOKEN from the environment, a read token is enough. Without a terminal, it is --once.`;

export const top: CliCommand<TopOptions> = {
  name: "top",
  summary: "watch the rooms of a running relay: peers, connections, rates",
  options: [
    appOption(),
    roomOption("the connections of a named room of the app"),
    new Option("--connections", "the connections of the app's own room"),
    new Option("--interval <seconds>", "how often to ask").argParser(whole(1, 60)).default(2),
    new Option("--once", "print one table, with the rates of one interval, and end"),
    urlOption(),
  ],
  details: DETAILS,
  async run({ options, variables }) {
    const { ADMIN_TOKEN: token } = variables;
    const url = relayUrl(options.url, variables);
    const place = placeOf(options);
    if (!token)
      throw new Failure("no_admin_token", "There is no ADMIN_TOKEN in the environment: set it to one of the relay.");
    const source = new Source(url, token);
    const intervalMs = options.interval * 1_000;
    if (options.once || options.json || !hasTerminal()) return once(source, options.app, place, intervalMs);
    await new LiveTop({ source, origin: url.origin, app: options.app, intervalMs }).run(place);
    return undefined;
  },
};

function placeOf({ app, room, connections }: TopOptions): RoomPlace | undefined {
  if (room === undefined && !connections) return undefined;
  if (app === undefined) throw usage("--room and --connections need --app");
  return { app, room: room ?? null };
}

/** Rates are what happens between two readings. */
async function once(
  source: Source,
  app: AppId | undefined,
  place: RoomPlace | undefined,
  intervalMs: number,
): Promise<Outcome> {
  if (!place) {
    await source.rooms(app);
    await sleep(intervalMs);
    const rooms = sortRooms(await source.rooms(app), ROOM_SORTS[0]);
    return { document: { rooms }, text: plain(ROOM_COLUMNS, rooms) };
  }
  await source.connections(place, CONNECTION_SORTS[0], CONNECTIONS_SHOWN);
  await sleep(intervalMs);
  const { rows, total } = await source.connections(place, CONNECTION_SORTS[0], CONNECTIONS_SHOWN);
  return { document: { connections: rows, total }, text: plain(CONNECTION_COLUMNS, rows) };
}
