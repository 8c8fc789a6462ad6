/** Whether the campaign has kept all promises, and in which numbers. */
import type { Campaign } from "./campaign.ts";
import type { End, Seat } from "./players.ts";

export interface MemoryUse {
  readonly when: string;
  readonly mebibytes: number;
  /** Of the relay's process. */
  readonly generation: number;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly text: string;
}

/** How connections stood when the last fault was over and everything had been drained, before anybody left. */
export interface Balance {
  /** Reliable messages that have not arrived over a connection that never ended. */
  readonly lost: number;
  readonly undelivered: number;
  readonly untold: readonly string[];
}

export function balance(campaign: Campaign): Balance {
  const ends = campaign.seats.flatMap((seat) => seat.ends);
  return {
    lost: missing(ends.filter(({ connection }) => !connection.ending)),
    undelivered: missing(ends.filter(({ connection }) => connection.ending)),
    untold: [...endsNotTold(campaign.seats), ...endsLeftOver(campaign.seats)],
  };
}

function missing(ends: readonly End[]): number {
  const flows = ends.flatMap(({ flows: all }) => all);
  return flows.reduce((sum, { isReliable, sent, received }) => sum + (isReliable ? sent - received : 0), 0);
}

export function judge(campaign: Campaign, { lost, undelivered, untold }: Balance): Verdict {
  const { ledger, report, seats, memory, plan } = campaign;
  const ends = seats.flatMap((seat) => seat.ends);
  const received = ledger.sum((flow) => flow.received);
  if (lost > 0) ledger.violated(`${lost} reliable messages are lost on connections that never ended`);
  for (const what of untold) ledger.violated(what);
  if (received < plan.messages) ledger.violated(`only ${received} of ${plan.messages} messages in the time there was`);
  if (report.confirmed < plan.faults) ledger.violated(`only ${report.confirmed} of ${plan.faults} faults confirmed`);
  for (const [kind, { confirmed }] of report.kinds) if (confirmed === 0) ledger.violated(`${kind}: never confirmed`);
  judgeMemory(campaign);
  const { duplicated, outOfOrder, corrupted } = ledger.counts;
  const unreliable = ledger.sum(({ arrived }) => arrived.size, false);
  const lines = [
    report.table(),
    "",
    `reliable:    ${ledger.sum(({ sent }) => sent)} sent, ${received} received; ${lost} lost, ${duplicated} duplicated, ${outOfOrder} out of order, ${corrupted} corrupted`,
    `             ${undelivered} were under way over connections that ended, which their senders were told`,
    `unreliable:  ${ledger.sum(({ sent }) => sent, false)} sent, ${unreliable} received`,
    `connections: ${ends.length} ends in all; that were not told why: ${untold.length}`,
    `end reasons: ${counted(ends.map(({ connection }) => connection.ending?.reason ?? "none"))} (5107: also the leaving at the end)`,
    `clients:     left by close code: ${counted(seats.flatMap(({ left }) => left))}; errors: ${counted(seats.flatMap(({ errors }) => errors)) || "none"}`,
    `memory:      ${memory.map(({ when, mebibytes, generation }) => `${mebibytes.toFixed(1)} MiB (process ${generation + 1}, ${when})`).join("; ")}`,
  ];
  return { violations: ledger.violations, text: lines.join("\n") };
}

/** A connection that has ended at one end has to have ended at the other, with a reason at both. */
function endsNotTold(seats: readonly Seat[]): string[] {
  // Of a connection between rooms each end has an id of its own; of those `endsLeftOver` knows.
  const ends = seats.flatMap(({ ends: all }) =>
    all.map((end) => ({ ...end, name: `${end.room}/${end.connection.id}` })),
  );
  const over = new Set(ends.filter(({ connection }) => connection.ending).map(({ name }) => name));
  const silent = ends.filter(
    ({ name, connection }) => over.has(name) && connection.id !== 0n && !connection.ending?.reason,
  );
  return silent.map(
    ({ seat, family, name }) => `connection ${name}, ${family}: seat ${seat} was not told that it ended`,
  );
}

/** Now that all is quiet two neighbours have one connection in each family, open at both ends: what else is open was not told. */
function endsLeftOver(seats: readonly Seat[]): string[] {
  const open = new Map<string, number[]>();
  for (const { seat, other, family, connection } of seats.flatMap(({ ends }) => ends)) {
    if (connection.ending) continue;
    const key = `${family} between seats ${[seat, other.index].toSorted((a, b) => a - b).join(" and ")}`;
    open.set(key, [...(open.get(key) ?? []), seat]);
  }
  const uneven = [...open].filter(([, at]) => at.length !== 2 || at[0] === at[1]);
  return uneven.map(([key, at]) => `${key}: open at ${at.map((seat) => `seat ${seat}`).join(", ")} alone`);
}

/** Of one process: from when all kinds of fault but a kill had been there once, to when all peers had left. */
function judgeMemory({ memory, ledger, plan }: Campaign): void {
  const [before, , after] = memory.slice(-3);
  if (!before || !after || before.generation !== after.generation) {
    return ledger.violated("the relay's memory cannot be compared: it is another process");
  }
  if (after.mebibytes <= before.mebibytes * plan.maxGrowth) return;
  ledger.violated(`the relay's memory grew from ${before.mebibytes.toFixed(1)} to ${after.mebibytes.toFixed(1)} MiB`);
}

function counted(items: readonly (number | string)[]): string {
  const counts = new Map<number | string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].map(([item, count]) => `${item}: ${count}`).join(", ");
}
