/** What goes on in a room, and ending it: statistics, connections, peers. */
import { Argument, Option } from "commander";
import { ConnectionType, ID_RULES, connectionTypeName, parseConnectionId, parsePeerId } from "../../protocol/index.ts";
import { CONNECTION_SORTS } from "../../relay/operations/connections.ts";
import type { CliCommand } from "../command.ts";
import { columns } from "../table.ts";
import { checked, whole } from "../values.ts";
import { type Action, commandOf } from "./action.ts";

interface PageOptions {
  readonly after?: string | number;
  readonly cursor?: string;
  readonly limit?: number;
}

export function limitOption(): Option {
  return new Option("--limit <number>", "how many, at most 1000 (default: 100)").argParser(whole(1, 1_000));
}

export function cursorOption(): Option {
  return new Option("--cursor <text>", "from an earlier page");
}

/** What was given of it, as it is. */
export function queryOf(options: object, names: readonly string[]): string {
  const given = options as Readonly<Record<string, unknown>>;
  const pairs = names.flatMap((name) => (given[name] === undefined ? [] : [[name, String(given[name])]]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

export function pageQuery(options: PageOptions): string {
  return queryOf(options, ["after", "cursor", "limit"]);
}

/** A page of a list, and how to get the next one. */
export function page(rows: readonly object[], next: unknown, option = "after"): string {
  return next === null || next === undefined ? columns(rows) : `${columns(rows)}\nmore: --${option} ${quoted(next)}`;
}

/** The place behind an app's own room is an empty text, which a shell would drop. */
function quoted(next: unknown): string {
  return next === "" ? "''" : String(next);
}

export function peerArgument(): Argument {
  return new Argument("<peer>", "peer id").argParser(checked(parsePeerId, ID_RULES.peer));
}

function connectionArgument(): Argument {
  return new Argument("<id>", "connection id").argParser(checked(parseConnectionId, ID_RULES.connection));
}

const statistics: Action = {
  name: "statistics",
  summary: "connections, packets, bytes, peers; drops and refusals by name, where there were any",
  request: () => ({ method: "GET", path: "/statistics" }),
};

const connections: Action = {
  name: "connections",
  summary: "the open connections, in pages",
  options: [
    new Option("--peer <id>", "of which this peer is an end").argParser(checked(parsePeerId, ID_RULES.peer)),
    new Option("--type <type>", "of this family").choices(Object.values(ConnectionType).map(connectionTypeName)),
    new Option("--state <state>", "in this state").choices(["Connecting", "Connected", "Disconnecting"]),
    new Option("--sort <by>", "what comes first (default: created)").choices(CONNECTION_SORTS),
    new Option("--order <order>", "(default: asc)").choices(["asc", "desc"]),
    cursorOption(),
    limitOption(),
  ],
  request: (_, options) => ({
    method: "GET",
    path: `/connections${queryOf(options, ["peer", "type", "state", "sort", "order", "cursor", "limit"])}`,
  }),
  describe(answer) {
    const { connections: rows, next } = answer as { connections: object[]; next: string | null };
    return page(rows, next, "cursor");
  },
};

const connection: Action = {
  name: "connection",
  summary: "one connection",
  args: [connectionArgument()],
  request: ([id]) => ({ method: "GET", path: `/connections/${String(id)}` }),
};

const destination: Action = {
  name: "destination",
  summary: "the other end of a connection",
  args: [connectionArgument(), peerArgument()],
  request: ([id, from]) => ({ method: "GET", path: `/connections/${String(id)}/destination?from=${String(from)}` }),
};

const peers: Action<PageOptions> = {
  name: "peers",
  summary: "who is in the room, in pages",
  options: [cursorOption(), limitOption()],
  request: (_, options) => ({ method: "GET", path: `/peers${pageQuery(options)}` }),
  describe(answer) {
    const { peers: rows, next } = answer as { peers: object[]; next: string | null };
    return page(rows, next, "cursor");
  },
};

const peer: Action = {
  name: "peer",
  summary: "one peer; its connections: connections --peer",
  args: [peerArgument()],
  request: ([id]) => ({ method: "GET", path: `/peers/${String(id)}` }),
};

const close: Action = {
  name: "close",
  summary: "close a connection",
  args: [connectionArgument()],
  request: ([id]) => ({ method: "DELETE", path: `/connections/${String(id)}` }),
  done: "closed",
};

const kick: Action = {
  name: "kick",
  summary: "remove a peer from the room; it may come back",
  args: [peerArgument()],
  request: ([id]) => ({ method: "POST", path: `/peers/${String(id)}/kick` }),
  done: "kicked",
};

export const CONNECTION_COMMANDS: readonly CliCommand[] = [
  commandOf(statistics),
  commandOf(connections),
  commandOf(connection),
  commandOf(destination),
  commandOf(peers),
  commandOf(peer),
  commandOf(close),
  commandOf(kick),
];
