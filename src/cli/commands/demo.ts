/** `demo`: two players in two processes; one sends the other a file through a relay, and all counts must agree. */
import { accessSync, constants } from "node:fs";
import { Option } from "commander";
import { type AppId, parseAppId } from "../../protocol/index.ts";
import type { CliCommand, Outcome, Variables } from "../command.ts";
import { startOwnRelay } from "../demo/own-relay.ts";
import { makeSampleFile } from "../demo/sample-file.ts";
import { type Demonstration, type Transfer, transfer } from "../demo/transfer.ts";
import { Exit, Failure, usage } from "../exit.ts";
import { runtimeName } from "../platform.ts";
import { health } from "../relay-http.ts";
import { appOption, relayUrl } from "../values.ts";

interface DemoOptions {
  readonly url?: string;
  readonly app: AppId;
  readonly file?: string;
}

type Place = Omit<Demonstration, "app" | "file"> & { readonly end?: () => Promise<void> };

const NO_SECRETS =
  "TICKET_SECRET and ADMIN_TOKEN are needed in the environment, those of the relay (npm start writes them to .dev.vars); " +
  "without --url and EDGE_RELAY_URL the demo has a relay of its own";

const DETAILS = `With --url or EDGE_RELAY_URL through that relay, whose TICKET_SECRET and ADMIN_TOKEN must be in the environment;
otherwise through one that is started for the demo. Exit code 1 where the file or a count differs.`;

export const demo: CliCommand<DemoOptions> = {
  name: "demo",
  summary: "send a file from one player to another through a relay, and check every count",
  options: [
    new Option("--url <url>", "a relay that runs (env: EDGE_RELAY_URL)"),
    appOption().default(parseAppId(480)),
    new Option("--file <path>", "what to send; otherwise 20 MiB of random bytes"),
  ],
  details: DETAILS,
  async run({ options: { url, app, file }, variables, note, progress }) {
    if (file !== undefined) mustBeReadable(file);
    const { end, ...place } = await placeFor(url, variables);
    const sample = file === undefined ? makeSampleFile() : undefined;
    try {
      const demonstration = { ...place, app, file: sample?.path ?? file ?? "" };
      const result = await transfer(demonstration, (bytes, total) => progress(bar(bytes, total)));
      note("");
      return outcome(place.url, end !== undefined, file ?? "20 MiB of random bytes", result);
    } finally {
      sample?.remove();
      await end?.();
    }
  },
};

async function placeFor(text: string | undefined, variables: Variables): Promise<Place> {
  if (text === undefined && !variables["EDGE_RELAY_URL"]) return startOwnRelay();
  const url = relayUrl(text, variables);
  const { TICKET_SECRET: secret, ADMIN_TOKEN: adminToken } = variables;
  if (!secret || !adminToken) throw new Failure("no_secret", NO_SECRETS);
  await health(url);
  return { url, secret, adminToken };
}

function mustBeReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw usage(`--file ${file} cannot be read: ${(error as Error).message}`);
  }
}

function outcome(url: URL, wasStarted: boolean, file: string, result: Transfer): Outcome {
  const { sha256, matches, players, relay, agrees, megabytesPerSecond, roundTripMs } = result;
  const text = [
    `relay     ${url.origin} (${wasStarted ? `started for this demo, on ${runtimeName()}` : "already running"})`,
    `file      ${file}`,
    `sha-256   ${sha256} ${matches ? "matches" : "DIFFERS"}`,
    `players   ${players.packets} packets, ${players.bytes} bytes`,
    `relay     ${relay.packets} packets, ${relay.bytes} bytes ${agrees ? "agrees" : "DISAGREES"}`,
    `speed     ${megabytesPerSecond} MB/s, round trip ${roundTripMs} ms`,
  ].join("\n");
  const document = { url: url.href, wasStarted, file, ...result };
  return { document, text, exit: matches && agrees ? Exit.Ok : Exit.Failure };
}

function bar(bytes: number, total: number): string {
  const share = total === 0 ? 1 : bytes / total;
  const filled = "█".repeat(Math.floor(share * 40)).padEnd(40, "░");
  return `${filled} ${(share * 100).toFixed(0).padStart(3)} %  ${(bytes / 1_000_000).toFixed(1)} MB`;
}
