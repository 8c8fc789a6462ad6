/** What an operator sets: flags for where to listen and store, environment variables for those and all else. */
import { readFileSync } from "node:fs";
import { loadAdminTokens } from "../../auth/admin-tokens.ts";
import { loadTicketKeys } from "../../auth/index.ts";
import type { RelayEnvironment } from "../../http/gateway.ts";
import type { LogLevel } from "../../relay/ports.ts";
import { type SettingsFor, parseSettings } from "../../relay/settings.ts";
import { TRUSTED_PROXIES_RULE, TrustedProxies } from "./trusted-proxies.ts";

export interface Tls {
  /** PEM */
  readonly cert: string;
  readonly key: string;
}

export interface StandaloneConfiguration {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly database: string;
  readonly tls: Tls | undefined;
  readonly trustedProxies: TrustedProxies;
  readonly logLevel: LogLevel;
  readonly settingsFor: SettingsFor;
  /** For the HTTP app, as a worker would have it. */
  readonly environment: RelayEnvironment;
}

/** What is wrong with a flag or a variable; the message names it. */
export class ConfigurationError extends Error {
  readonly code = "invalid_configuration";
  constructor(message: string) {
    super(message);
    this.name = "ConfigurationError";
  }
}

/** A flag of `edge-relay serve`, with the variable that is used where it is not given. */
export interface Flag {
  readonly variable: string;
  readonly value: string;
  readonly argument: string;
  readonly help: string;
}

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly LogLevel[];
/** What the command line and its help are made from. */
export const FLAGS = {
  host: {
    variable: "HOST",
    value: "127.0.0.1",
    argument: "ADDRESS",
    help: "where to listen; 0.0.0.0 or :: for everyone",
  },
  port: { variable: "PORT", value: "8787", argument: "NUMBER", help: "where to listen; 0 for any free port" },
  database: {
    variable: "DATABASE",
    value: "./data",
    argument: "FOLDER",
    help: "what survives a restart, one SQLite file per room; :memory: for nothing",
  },
  "tls-cert": { variable: "TLS_CERT", value: "", argument: "FILE", help: "certificate chain (PEM): wss instead of ws" },
  "tls-key": { variable: "TLS_KEY", value: "", argument: "FILE", help: "its private key (PEM)" },
  "trusted-proxies": {
    variable: "TRUSTED_PROXIES",
    value: "",
    argument: "LIST",
    help: "reverse proxies whose X-Forwarded-For is believed: 127.0.0.1,10.0.0.0/8",
  },
  "log-level": { variable: "LOG_LEVEL", value: "info", argument: "LEVEL", help: LOG_LEVELS.join(", ") },
} as const satisfies Record<string, Flag>;
export type FlagName = keyof typeof FLAGS;

/** Only in the environment, because flags can be seen by others on the machine. */
export const SECRETS = {
  TICKET_SECRET: "secret that tickets are signed with, at least 32 bytes; or",
  TICKET_KEYS: "a JWK set",
  ADMIN_TOKEN: "turns the admin API on",
  ADMIN_TOKENS: "more of them, each for some apps or to read only (docs/admin-api.md)",
  APP_SETTINGS: "settings per app, as JSON (docs/architecture.md)",
} as const satisfies Record<Exclude<keyof RelayEnvironment, "DEVELOPMENT">, string>;

type Variables = Readonly<Record<string, string | undefined>>;

/** `flags`: those that were given. Throws ConfigurationError. */
export async function readConfiguration(
  flags: Readonly<Partial<Record<FlagName, string>>>,
  variables: Variables,
): Promise<StandaloneConfiguration> {
  const valueOf = (name: FlagName): string => {
    const { variable, value } = FLAGS[name];
    return flags[name] ?? (variables[variable] || value);
  };
  const { TICKET_SECRET, TICKET_KEYS, ADMIN_TOKEN, ADMIN_TOKENS, APP_SETTINGS, DEVELOPMENT } = variables;
  const environment = { TICKET_SECRET, TICKET_KEYS, ADMIN_TOKEN, ADMIN_TOKENS, APP_SETTINGS, DEVELOPMENT };
  const settings = parseSettings(APP_SETTINGS);
  if (!settings.ok) throw new ConfigurationError(settings.message);
  const keys = await loadTicketKeys(environment);
  if (!keys.ok) throw new ConfigurationError(keys.message);
  const admins = await loadAdminTokens(environment);
  if (!admins.ok) throw new ConfigurationError(admins.message);
  return {
    host: valueOf("host"),
    port: readPort(valueOf("port")),
    database: valueOf("database"),
    tls: readTls(valueOf("tls-cert"), valueOf("tls-key")),
    trustedProxies: readProxies(valueOf("trusted-proxies")),
    logLevel: readLevel(valueOf("log-level")),
    settingsFor: settings.settingsFor,
    environment,
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port <= 65_535) return port;
  throw wrong("port", text, "must be a number from 0 to 65535");
}

function readTls(cert: string, key: string): Tls | undefined {
  if (cert === "" && key === "") return undefined;
  if (cert === "") throw wrong("tls-cert", cert, "must be set too where --tls-key is");
  if (key === "") throw wrong("tls-key", key, "must be set too where --tls-cert is");
  return { cert: readFile("tls-cert", cert), key: readFile("tls-key", key) };
}

function readFile(name: FlagName, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw wrong(name, path, `cannot be read: ${(error as Error).message}`);
  }
}

function readProxies(text: string): TrustedProxies {
  const proxies = TrustedProxies.parse(text);
  if (proxies) return proxies;
  throw wrong("trusted-proxies", text, `must be ${TRUSTED_PROXIES_RULE}`);
}

function readLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level) return level;
  throw wrong("log-level", text, `must be one of ${LOG_LEVELS.join(", ")}`);
}

function wrong(name: FlagName, value: string, problem: string): ConfigurationError {
  return new ConfigurationError(`${FLAGS[name].variable} (--${name}) is "${value}" and ${problem}`);
}

/** Entries below `level` are not worth a line. */
export function isLogged(entry: LogLevel, level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(entry) >= LOG_LEVELS.indexOf(level);
}
