/** What an operator may ask of a relay, each as a command: one request of its admin API (src/http/admin/). */
import type { Argument, Option } from "commander";
import type { AppId, RoomName } from "../../protocol/index.ts";
import type { CliCommand } from "../command.ts";
import { Failure } from "../exit.ts";
import { ask } from "../relay-http.ts";
import { lines } from "../table.ts";
import { appOption, relayUrl, roomOption, urlOption } from "../values.ts";

export interface Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below the address of the action's place, with a slash in front. */
  readonly path: string;
  readonly body?: object;
}

export interface Action<Options extends object = object> {
  readonly name: string;
  readonly summary: string;
  readonly args?: readonly Argument[];
  readonly options?: readonly Option[];
  /** What it is about; default: a room, the app's own or a named one. */
  readonly place?: "relay" | "app" | "room";
  request(args: readonly unknown[], options: Options): Request;
  /** The relay's answer, for people; default: as lines of name and value. */
  describe?(answer: object): string;
  /** What people read where the relay's answer has no content. */
  readonly done?: string;
}

interface PlaceOptions {
  readonly url?: string;
  readonly app?: AppId;
  readonly room?: RoomName;
}

const NO_TOKEN = "There is no ADMIN_TOKEN in the environment: set it to a token of the relay, which must run with one.";
const DETAILS = "With ADMIN_TOKEN from the environment, which must be one of the relay's tokens.";

export function commandOf<Options extends object>(action: Action<Options>): CliCommand<PlaceOptions & Options> {
  const { name, summary, args = [], options = [], place = "room", done = "done" } = action;
  return {
    name,
    summary,
    args,
    options: [...placeOptions(place), ...options, urlOption()],
    details: DETAILS,
    async run({ args: values, options: given, variables }) {
      const { ADMIN_TOKEN: token } = variables;
      const url = relayUrl(given.url, variables);
      if (!token) throw new Failure("no_admin_token", NO_TOKEN);
      const { method, path, body } = action.request(values, given);
      const answer = await ask(url, `/v1/admin${placePath(given)}${path}`, { method, token, body });
      if (typeof answer !== "object" || answer === null) return { document: { done: true }, text: done };
      return { document: answer, text: (action.describe ?? lines)(answer) };
    },
  };
}

function placeOptions(place: "relay" | "app" | "room"): Option[] {
  if (place === "relay") return [];
  return [appOption().makeOptionMandatory(), ...(place === "room" ? [roomOption()] : [])];
}

function placePath({ app, room }: PlaceOptions): string {
  return app === undefined ? "" : `/apps/${app}${room === undefined ? "" : `/rooms/${encodeURIComponent(room)}`}`;
}
