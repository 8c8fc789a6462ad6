/** What goes on in a room, and ending it: statistics, connections, peers. */
import { Argument, Option } from "commander";
import { ID_RULES, parseConnectionId, parsePeerId } from "../../protocol/index.ts";
import type { CliCommand } from "../command.ts";
import { columns } from "../table.ts";
import { checked, whole } from "../values.ts";
import { type Action, commandOf } from "./action.ts";

interface PageOptions {
  readonly after?: string | number;
  readonly limit?: number;
}

export function limitOption(): Option {
  return new Option("--limit <number>", "how many, at most 1000 (default: 100)").argParser(whole(1, 1_000));
}

export function pageQuery({ after, limit }: PageOptions): string {
  const query = new URLSearchParams();
  if (after !== undefined) query.set("after", String(after));
  if (limit !== undefined) query.set("limit", String(limit));
  return query.size === 0 ? "" : `?${query}`;
}

/** A page of a list, and how to get the next one. */
export function page(rows: readonly object[], next: unknown): string {
  return next === null || next === undefined ? columns(rows) : `${columns(rows)}\nmore: --after ${String(next)}`;
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

const connections: Action<PageOptions> = {
  name: "connections",
  summary: "the open connections, in pages",
  options: [new Option("--after <number>", "from an earlier page").argParser(whole(0, 0xffff_ffff)), limitOption()],
  request: (_, options) => ({ method: "GET", path: `/connections${pageQuery(options)}` }),
  describe(answer) {
    const { connections: rows, next } = answer as { connections: object[]; next: number | null };
    return page(rows, next);
  },
};

const connection: Action = {
  name: "connection",
  summary: "one connection",
  args: [connectionArgument()],
  request: ([id]) => ({ method: "GET", path: `/connections/${String(id)}` }),
};

const peer: Action = {
  name: "peer",
  summary: "a peer's connections",
  args: [peerArgument()],
  request: ([id]) => ({ method: "GET", path: `/peers/${String(id)}/connections` }),
  describe: (answer) => columns((answer as { connections: object[] }).connections),
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
  commandOf(peer),
  commandOf(close),
  commandOf(kick),
];
