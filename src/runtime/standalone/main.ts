/** From the configuration to the end of the process, the same on Node, Bun and Deno. */
import process from "node:process";
import type { Log } from "../../relay/ports.ts";
import { log as writeLog } from "../log.ts";
import { type StandaloneConfiguration, isLogged } from "./configuration.ts";
import { StandaloneRelay } from "./relay.ts";

export interface Listening {
  readonly port: number;
  /** WebSockets that are not gone. */
  openSockets(): number;
}

/** Binds a runtime's server. Rejects when the address cannot be had. */
export type Listen = (relay: StandaloneRelay, configuration: StandaloneConfiguration) => Promise<Listening>;

/** Long enough for a new process to be there, short enough to go unnoticed: the time between two tries of a client. */
const RECONNECT_AFTER_MS = 1_000;
/** For the last words to reach their clients. With what comes before and after it the process ends within 5 s. */
const CLOSING_MS = 3_000;
const LOOK_AGAIN_MS = 20;

/** The address cannot be had; the message says what to do. */
export class ListenError extends Error {
  readonly code = "cannot_listen";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ListenError";
  }
}

/** Resolves when the relay listens; a signal ends the process. Throws DatabaseError and ListenError. */
export async function serve(runtime: string, listen: Listen, configuration: StandaloneConfiguration): Promise<void> {
  const { database, logLevel } = configuration;
  const log: Log = (entry) => {
    if (isLogged(entry.level, logLevel)) writeLog(entry);
  };
  const relay = new StandaloneRelay(runtime, configuration, log);
  const listening = await listenOrClose(relay, listen, configuration);
  const url = addressOf(configuration, listening.port);
  log({ level: "info", event: "listening", url, database, runtime });
  let isEnding = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isEnding) return;
      isEnding = true;
      void end(relay, listening, (ended) => log({ level: "info", event: "stopping", signal, sockets: ended }));
    });
  }
}

async function listenOrClose(
  relay: StandaloneRelay,
  listen: Listen,
  configuration: StandaloneConfiguration,
): Promise<Listening> {
  try {
    return await listen(relay, configuration);
  } catch (error) {
    relay.close();
    throw whyNotListening(error, configuration);
  }
}

function addressOf({ tls, host }: StandaloneConfiguration, port: number): string {
  return `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Each runtime has its own words. Node and Bun give codes, Deno gives names. */
function whyNotListening(error: unknown, configuration: StandaloneConfiguration): Error {
  const { code, name, message } = error as { code?: unknown; name: string; message: string };
  const url = addressOf(configuration, configuration.port);
  const options = { cause: error };
  if (code === "EADDRINUSE" || name === "AddrInUse") {
    return new ListenError(`Cannot listen at ${url}: another program does; choose another PORT (--port)`, options);
  }
  const remedy = `check HOST (--host), PORT (--port)${configuration.tls ? ", TLS_CERT and TLS_KEY" : ""}`;
  return new ListenError(`Cannot listen at ${url}: ${message}; ${remedy}`, options);
}

/** Every client is told to come back, what is known is written down, and the process ends. */
async function end(relay: StandaloneRelay, listening: Listening, tell: (ended: number) => void): Promise<void> {
  try {
    // The server goes on listening, for answers of 503: Deno's would end its sockets with 1001 as soon as it is shut down.
    tell(relay.drain(RECONNECT_AFTER_MS));
    const deadline = Date.now() + CLOSING_MS;
    while (listening.openSockets() > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  } finally {
    relay.close();
    process.exit(0);
  }
}
