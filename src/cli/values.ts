/** Options that several commands have, and how texts become values. A wrong one is refused by the parser, with its rule. */
import { InvalidArgumentError, Option } from "commander";
import type { Variables } from "./command.ts";
import { usage } from "./exit.ts";
import { ID_RULES, parseAppId, parseRoomName } from "../protocol/index.ts";

export const DEFAULT_URL = "http://127.0.0.1:8787";
export const URL_HELP = `the relay's address (env: EDGE_RELAY_URL, default: ${DEFAULT_URL})`;

export function checked<T>(parse: (text: string) => T | undefined, rule: string): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`It must be ${rule}.`);
    return value;
  };
}

export function whole(min: number, max: number): (text: string) => number {
  return checked((text) => {
    const value = Number(text);
    return /^[0-9]{1,16}$/.test(text) && value >= min && value <= max ? value : undefined;
  }, `a whole number from ${min} to ${max}`);
}

export function appOption(): Option {
  return new Option("--app <id>", "the app").argParser(checked(parseAppId, ID_RULES.app));
}

export function roomOption(help = "a named room of the app; otherwise the app's own"): Option {
  return new Option("--room <name>", help).argParser(checked(parseRoomName, ID_RULES.room));
}

export function urlOption(): Option {
  return new Option("--url <url>", URL_HELP);
}

/** The relay that is meant: what was typed, or the environment's, or the one on this machine. */
export function relayUrl(text: unknown, variables: Variables): URL {
  const given = typeof text === "string" ? text : variables["EDGE_RELAY_URL"] || DEFAULT_URL;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^(http|ws)s?:$/.test(url.protocol)) {
    throw usage(`"${given}" is no address of a relay; it looks like ${DEFAULT_URL} or wss://relay.example.com`);
  }
  url.protocol = url.protocol.replace("ws", "http");
  return url;
}
