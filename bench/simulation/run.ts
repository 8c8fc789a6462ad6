/** `npm run bench:simulation`: a million players in a day, and docs/capacity.md's tables and charts of it. */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { between } from "../between.ts";
import type { Comparison } from "../cost/measure.ts";
import { resultsPath, writeResults } from "../recorded.ts";
import { clearCharts, sectionOf } from "./document.ts";
import { loadsOf } from "./load.ts";
import { PUBLISHED_DAY } from "./options.ts";
import { HINTS } from "./places.ts";
import { simulateDay } from "./world.ts";

const USAGE = `Usage: npm run bench:simulation -- [options]

  --players <n>   otherwise ${PUBLISHED_DAY.players}
  --seed <n>      otherwise ${PUBLISHED_DAY.seed}
  --print         print the tables, and write nothing
  --help
`;
const DOCUMENT = new URL("../../docs/capacity.md", import.meta.url);

const { values } = parseArgs({
  options: {
    players: { type: "string" },
    seed: { type: "string" },
    print: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(USAGE);
else run();

function run(): void {
  const options = {
    ...PUBLISHED_DAY,
    players: whole("players", values.players, PUBLISHED_DAY.players),
    seed: whole("seed", values.seed, PUBLISHED_DAY.seed),
  };
  const messagesPerPlayerSecond = measuredMessages();
  const day = simulateDay(options);
  const loads = loadsOf(day, options.players, messagesPerPlayerSecond);
  const simulated = { options, messagesPerPlayerSecond, day, loads };
  if (!values.print) clearCharts();
  const section = sectionOf(simulated, { hasCharts: !values.print });
  if (values.print) return console.log(section);
  const { rooms, shards } = day.peak;
  const peak = { ...day.peak, rooms: byHint(rooms), shards: byHint(shards) };
  writeResults(resultsPath("simulation"), { ...simulated, day: { ...day, peak } });
  between(DOCUMENT, "simulation", section);
  console.log("docs/capacity.md: the simulation's tables and charts are written");
}

function byHint(counts: readonly number[]): Record<string, number> {
  return Object.fromEntries(HINTS.map(({ name }, hint) => [name, counts[hint] ?? 0]));
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9][0-9]{0,7}$/.test(text))
    throw new Error(`--${name} must be a whole number from 1 to 99999999, not "${text}"`);
  return Number(text);
}

/** Of the first game of docs/capacity.md's table: 8 players at 20 ticks a second. */
function measuredMessages(): number {
  const path = resultsPath("cost");
  if (!existsSync(path)) throw new Error(`There is no ${path}: npm run cost -- --document measures first`);
  const { games } = JSON.parse(readFileSync(path, "utf8")) as { games: readonly { comparison: Comparison }[] };
  const room = games[0]?.comparison.ours.room;
  if (!room) throw new Error(`${path} holds no game: npm run cost -- --document measures again`);
  return room.playing.messages / room.seconds / room.players;
}
