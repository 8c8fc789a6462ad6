/** From the command line to the end of the process, the same on Node, Bun and Deno. */
import process from "node:process";
import type { Log } from "../../relay/ports.ts";
import { log as writeLog } from "../log.ts";
import {
  ConfigurationError,
  type StandaloneConfiguration,
  helpText,
  isLogged,
  readConfiguration,
} from "./configuration.ts";
import { DatabaseError } from "./databases.ts";
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

export async function main(runtime: string, listen: Listen): Promise<void> {
  try {
    const configuration = await readConfiguration(process.argv.slice(2), process.env);
    if (configuration === "help") return void process.stdout.write(helpText(`npm run start:${runtime} --`));
    await serve(runtime, listen, configuration);
  } catch (error) {
    const isOperators = error instanceof ConfigurationError || error instanceof DatabaseError;
    process.stderr.write(`${isOperators ? error.message : String((error as Error).stack ?? error)}\n`);
    process.exit(1);
  }
}

async function serve(runtime: string, listen: Listen, configuration: StandaloneConfiguration): Promise<void> {
  const { host, tls, database, logLevel } = configuration;
  const log: Log = (entry) => {
    if (isLogged(entry.level, logLevel)) writeLog(entry);
  };
  const relay = new StandaloneRelay(runtime, configuration, log);
  const listening = await listen(relay, configuration);
  const url = `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${listening.port}`;
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
