/**
 * `npm run cost`: what a game costs on Cloudflare. One room of it is played for some seconds against a relay on this
 * machine, and what is counted there is multiplied by the published prices (src/cost/).
 */
import { Command, Option } from "commander";
import { writeCapacity } from "../bench/cost/document.ts";
import { MAX_PACKETS_PER_SECOND, type Scenario, measure, packetsPerSecond } from "../bench/cost/measure.ts";
import { reportOf, textOf } from "../bench/cost/report.ts";
import { checked, whole } from "../src/cli/values.ts";

interface Options {
  readonly players?: number;
  readonly tick: number;
  readonly roomSize: number;
  readonly payload: number;
  readonly hoursPerDay: number;
  readonly session: number;
  readonly seconds: number;
  readonly naive?: true;
  readonly json?: true;
  readonly document?: true;
}

const hours = checked((text) => {
  const value = Number(text);
  return text.trim() !== "" && value > 0 && value <= 24 ? value : undefined;
}, "a number above 0, and at most 24");

const DETAILS = `
Each player sends one packet to everybody else in the room in each tick. Beside the room a second one is played in the same
ticks by naive clients, that send each frame as a message of its own. Counted are: messages and calls at the platform's
door, rows written, and the time in which the room's object could not have hibernated. Dollars are for Durable Objects;
left out are the Worker that lets players in (a request per join) and the account's other uses of what a plan includes.

Prices: src/cost/prices.ts. What the figures mean: docs/capacity.md.`;

const program = new Command("cost")
  .usage("--players <n> [options]")
  .description("What a game costs on Cloudflare, from a room that is played on this machine.")
  .addOption(new Option("--players <n>", "who play at the same time").argParser(whole(1, 1_000_000_000)))
  .addOption(new Option("--tick <n>", "ticks per second").argParser(whole(1, 240)).default(20))
  .addOption(new Option("--room-size <n>", "players of a room").argParser(whole(2, 100)).default(8))
  .addOption(new Option("--payload <bytes>", "of a packet").argParser(whole(1, 16_384)).default(64))
  .addOption(new Option("--hours-per-day <h>", "for how long they do").argParser(hours).default(24))
  .addOption(
    new Option("--session <minutes>", "how long a player stays in a room").argParser(whole(1, 1440)).default(30),
  )
  .addOption(new Option("--seconds <s>", "of play that are measured").argParser(whole(1, 300)).default(20))
  .option("--naive", "show the naive client's bill beside ours")
  .option("--json", "print one JSON document, and nothing else, on stdout")
  .option("--document", "play the games of docs/capacity.md instead, and write its table; takes some minutes")
  .addHelpText("after", DETAILS)
  .allowExcessArguments(false)
  .showHelpAfterError("(npm run cost -- --help lists the options)");

program.parse();
const options = program.opts<Options>();
if (options.document) await writeCapacity((line) => console.error(line));
else await tell(options);

async function tell({ players, hoursPerDay, session, naive, json, ...options }: Options): Promise<void> {
  if (players === undefined) return program.error("error: --players is missing: how many play at the same time?");
  const scenario = scenarioOf(options);
  if (!json) console.error(`Playing two rooms for ${scenario.seconds} s …`);
  const comparison = await measure(scenario);
  const report = reportOf(comparison, { players, hoursPerDay, sessionMinutes: session });
  console.log(json ? JSON.stringify(report, undefined, 2) : textOf(report, naive === true));
}

function scenarioOf({
  roomSize,
  tick,
  payload,
  seconds,
}: Pick<Options, "roomSize" | "tick" | "payload" | "seconds">): Scenario {
  const scenario = { players: roomSize, ticksPerSecond: tick, payload, seconds };
  const packets = packetsPerSecond(scenario);
  if (packets <= MAX_PACKETS_PER_SECOND) return scenario;
  const asked = `a room of ${roomSize} at ${tick} ticks/s is ${packets} packets/s`;
  return program.error(
    `error: ${asked}, and at most ${MAX_PACKETS_PER_SECOND} are played here: lower --room-size or --tick`,
  );
}
