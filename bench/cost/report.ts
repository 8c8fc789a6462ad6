/** What a comparison means in dollars, as one document and as text. */
import { type Alternatives, type Estimate, type Game, alternatives, estimate } from "../../src/cost/model.ts";
import { OBJECT_MESSAGES_PER_SECOND, PRICES, TURN, VPS } from "../../src/cost/prices.ts";
import type { Comparison, Measured } from "./measure.ts";

export interface CostReport {
  readonly game: Game;
  readonly comparison: Comparison;
  readonly ours: Estimate;
  readonly naive: Estimate;
  readonly alternatives: Alternatives;
  /** How many messages of the naive client one of ours stands for. */
  readonly naiveMessagesPerOurs: number;
}

export function reportOf(comparison: Comparison, game: Game): CostReport {
  const ours = estimate(comparison.ours.room, game);
  const naive = estimate(comparison.naive.room, game);
  return {
    game,
    comparison,
    ours,
    naive,
    alternatives: alternatives(comparison.ours.room, game),
    naiveMessagesPerOurs: naive.messagesPerPlayerSecond / ours.messagesPerPlayerSecond,
  };
}

export function textOf(report: CostReport, withNaive: boolean): string {
  const { game, comparison, ours, naive } = report;
  const { players, ticksPerSecond, payload, seconds } = comparison.scenario;
  const columns = withNaive ? [ours, naive] : [ours];
  const measured = withNaive ? [comparison.ours, comparison.naive] : [comparison.ours];
  const rows: [string, ...string[]][] = [
    ["", "edge-relay", ...(withNaive ? ["naive client"] : [])],
    ...measuredRows(measured),
    ...estimateRows(columns),
  ];
  const head = `${game.players} players in rooms of ${players}, ${ticksPerSecond} ticks/s, ${payload} B to everybody, ${game.hoursPerDay} h a day, ${game.sessionMinutes} min a session`;
  return [
    head,
    `measured in ${seconds} s on the relay of this machine; prices of ${PRICES.asOf}`,
    "",
    ...aligned(rows),
    "",
    ...otherWays(report),
  ].join("\n");
}

function measuredRows(measured: readonly Measured[]): [string, ...string[]][] {
  const of = (name: string, figure: (one: Measured) => string): [string, ...string[]] => [
    name,
    ...measured.map(figure),
  ];
  return [
    of("messages/s of a room", ({ room }) => room.messagesPerSecond.toFixed(1)),
    of("object awake", ({ awakeShare }) => `${(awakeShare * 100).toFixed(0)} %`),
    of("rows written/min of a room", ({ room }) => ((room.playing.rowsWritten / room.seconds) * 60).toFixed(1)),
    of("rows written by coming and going", ({ room }) => String(room.comingAndGoing.rowsWritten)),
  ];
}

function estimateRows(columns: readonly Estimate[]): [string, ...string[]][] {
  const of = (name: string, figure: (one: Estimate) => string): [string, ...string[]] => [name, ...columns.map(figure)];
  return [
    of("messages/s of a player", ({ messagesPerPlayerSecond }) => messagesPerPlayerSecond.toFixed(2)),
    of(`share of an object's ${OBJECT_MESSAGES_PER_SECOND} messages/s`, ({ utilisation }) => percent(utilisation)),
    of("rooms", ({ rooms }) => String(rooms)),
    of("an hour of play", ({ perHour }) => dollars(perHour.total)),
    of("  messages and requests", ({ perHour }) => dollars(perHour.requests)),
    of("  duration", ({ perHour }) => dollars(perHour.duration)),
    of("  rows", ({ perHour }) => dollars(perHour.rows)),
    of("1,000 player-hours", ({ per1000PlayerHours }) => dollars(per1000PlayerHours)),
    of("a GB relayed", ({ perGigabyteRelayed }) => dollars(perGigabyteRelayed)),
    of("a month, with the plan", ({ perMonth }) => dollars(perMonth.total)),
    of("the free plan carries, a day", ({ freeTier }) => `${freeTier.roomHours.toFixed(1)} room-hours`),
    of("  and ends by its", ({ freeTier }) => FREE_NAMES[freeTier.endsBy]),
  ];
}

export const FREE_NAMES: Readonly<Record<Estimate["freeTier"]["endsBy"], string>> = {
  requests: "requests",
  gigabyteSeconds: "duration",
  rowsRead: "rows read",
  rowsWritten: "rows written",
};

function otherWays({ ours, naiveMessagesPerOurs, alternatives: other }: CostReport): string[] {
  const machines = other.machines === 1 ? `one ${VPS.name}` : `${other.machines} × ${VPS.name}`;
  return [
    `The naive client, one message per frame, is billed for ${naiveMessagesPerOurs.toFixed(2)} times as many messages.`,
    `TURN (${TURN.source}): ${dollars(other.turnPerMonth)} a month, ${dollars(other.turnPerGigabyte)} per GB of payload.`,
    `Rented machines in one place (${machines}): ${dollars(other.machinesPerMonth)} a month.`,
    `Relayed in a month: ${ours.gigabytesPerMonth.toFixed(0)} GB of payload.`,
  ];
}

export function dollars(amount: number): string {
  const digits = amount >= 100 ? 0 : amount >= 1 ? 2 : 4;
  return `$${amount.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}
