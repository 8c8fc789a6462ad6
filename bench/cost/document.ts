/** The table of docs/capacity.md, and what it was made from. */
import { between } from "../between.ts";
import { resultsPath, thisMachine, writeResults } from "../recorded.ts";
import { table } from "../table.ts";
import type { Game } from "../../src/cost/model.ts";
import { PRICES } from "../../src/cost/prices.ts";
import { type Comparison, measure } from "./measure.ts";
import { type CostReport, FREE_NAMES, dollars, percent, reportOf } from "./report.ts";
import { COSTED_GAMES } from "./scenarios.ts";

const DOCUMENT = new URL("../../docs/capacity.md", import.meta.url);
const RESULTS_NAME = "cost";
/** That everything in the table is for. */
const GAME: Game = { players: 10_000, hoursPerDay: 4, sessionMinutes: 30 };

interface Played {
  readonly title: string;
  readonly comparison: Comparison;
}

export async function writeCapacity(tell: (line: string) => void): Promise<void> {
  const games: Played[] = [];
  for (const { title, scenario } of COSTED_GAMES) {
    tell(`Playing: ${title}, ${scenario.seconds} s`);
    games.push({ title, comparison: await measure(scenario) });
  }
  writeResults(resultsPath(RESULTS_NAME), { games });
  between(DOCUMENT, "cost", section(games));
}

function section(games: readonly Played[]): string {
  const reports = games.map(({ title, comparison }) => ({ title, report: reportOf(comparison, GAME) }));
  return [
    `Measured by \`npm run cost -- --document\` on ${thisMachine()}, ${new Date().toISOString().slice(0, 10)}; prices of ${PRICES.asOf}. Raw: \`bench/results/${RESULTS_NAME}.json\`.`,
    "",
    "One room, as it was counted:",
    "",
    table(
      [
        "game",
        "messages/s of a player",
        "of a naive one",
        "÷",
        "of an object's 1,000/s",
        "awake",
        "rows/min",
        "rows of a session",
      ],
      reports.map(({ title, report }) => [title, ...countedCells(report)]),
    ),
    "",
    `${GAME.players.toLocaleString("en")} players at the same time, ${GAME.hoursPerDay} hours of each day, ${GAME.sessionMinutes} minutes a session. Dollars of 1,000 player-hours and of a GB are for the usage alone; those of a month have the plan's fee, and less what it includes:`,
    "",
    table(
      [
        "game",
        "1,000 player-hours",
        "naive",
        "a GB",
        "a month",
        "naive",
        "TURN",
        "rented machines",
        "free plan, a day",
      ],
      reports.map(({ title, report }) => [title, ...dollarCells(report)]),
    ),
  ].join("\n");
}

function countedCells({ ours, naive, naiveMessagesPerOurs, comparison }: CostReport): string[] {
  const { room, awakeShare } = comparison.ours;
  return [
    ours.messagesPerPlayerSecond.toFixed(2),
    naive.messagesPerPlayerSecond.toFixed(2),
    naiveMessagesPerOurs.toFixed(2),
    percent(ours.utilisation),
    `${(awakeShare * 100).toFixed(0)} %`,
    ((room.playing.rowsWritten / room.seconds) * 60).toFixed(1),
    (room.comingAndGoing.rowsWritten / room.players).toFixed(1),
  ];
}

function dollarCells({ ours, naive, alternatives }: CostReport): string[] {
  const { roomHours, endsBy } = ours.freeTier;
  return [
    dollars(ours.per1000PlayerHours),
    dollars(naive.per1000PlayerHours),
    dollars(ours.perGigabyteRelayed),
    dollars(ours.perMonth.total),
    dollars(naive.perMonth.total),
    dollars(alternatives.turnPerMonth),
    `${dollars(alternatives.machinesPerMonth)} (${alternatives.machines})`,
    `${roomHours.toFixed(1)} room-hours (${FREE_NAMES[endsBy]})`,
  ];
}
