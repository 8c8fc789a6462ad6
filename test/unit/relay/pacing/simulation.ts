/** Clients that follow hints, by their loops or by delay, and the relay's arithmetic between them: no room, no bytes. */
import { seededRandom } from "../../../../src/client/engine/random.ts";
import { Alignment } from "../../../../src/client/alignment.ts";
import { Cadence } from "../../../../src/relay/pacing/cadence.ts";
import { hintFor } from "../../../../src/relay/pacing/hint.ts";

export interface Swarm {
  readonly peers: number;
  readonly periodMs: number;
  /** How much later than it was sent a message may come, in ms. */
  readonly jitterMs: number;
  /** Parts per million by which clocks differ, at the most. */
  readonly driftPpm: number;
  readonly seed: number;
  readonly isLinked?: (a: number, b: number) => boolean;
  readonly intervalMs?: number;
  /** They hold their messages back for up to so many ms instead of moving their loops. */
  readonly maxDelayMs?: number;
  /** ms within which they all begin; otherwise anywhere in a period. */
  readonly withinMs?: number;
}

interface Ticker {
  readonly period: number;
  readonly cadence: Cadence;
  dueAt: number;
  /** ms that the loop has still to move by. */
  pending: number;
  readonly alignment: Alignment | undefined;
  hints: number;
}

export interface Outcome {
  /** ms, second by second: the shortest time within which all tick. */
  readonly spreads: number[];
  readonly hints: number;
  /** ms by which each holds back at the end. */
  readonly holds: number[];
}

export function play(swarm: Swarm, seconds: number): Outcome {
  const { peers, periodMs, jitterMs, driftPpm, seed, isLinked = () => true, intervalMs = 2_000 } = swarm;
  const { maxDelayMs, withinMs = periodMs } = swarm;
  const random = seededRandom(seed);
  const tickers = Array.from({ length: peers }, (): Ticker => {
    const period = periodMs * (1 + ((2 * random() - 1) * driftPpm) / 1e6);
    const alignment = maxDelayMs === undefined ? undefined : new Alignment({ maxDelayMs });
    const dueAt = 1_000 + random() * withinMs;
    return { period, cadence: new Cadence(), dueAt, pending: 0, alignment, hints: 0 };
  });
  const spreads: number[] = [];
  for (let second = 1; second <= seconds; second++) {
    for (;;) {
      const next = tickers.reduce((a, b) => (b.dueAt < a.dueAt ? b : a));
      if (next.dueAt > 1_000 * (second + 1)) break;
      // Floored: the relay's clock tells whole ms.
      const now = Math.floor(leavesAt(next) + random() * jitterMs);
      const index = tickers.indexOf(next);
      hear(
        next,
        now,
        tickers.filter((_, other) => other !== index && isLinked(index, other)),
        intervalMs,
      );
      const slew = Math.max(-next.period / 16, Math.min(next.period / 16, next.pending));
      next.pending -= slew;
      next.dueAt += next.period + slew;
    }
    spreads.push(spreadOf(tickers, periodMs));
  }
  const holds = tickers.map(({ alignment }) => alignment?.holdMs ?? 0);
  return { spreads, holds, hints: tickers.reduce((sum, { hints }) => sum + hints, 0) };
}

function leavesAt({ dueAt, alignment }: Ticker): number {
  return dueAt + (alignment?.holdMs ?? 0);
}

/** As pacing.ts does, with the client's end. */
function hear(ticker: Ticker, now: number, others: readonly Ticker[], intervalMs: number): void {
  const { cadence, alignment } = ticker;
  if (!cadence.heard(now) || now < cadence.hintAt || !cadence.isMeasured) return;
  const cadences = others.slice(0, 32).map((other) => other.cadence);
  const shift = hintFor(cadence, cadences, now, intervalMs);
  if (shift === undefined) return;
  if (alignment) alignment.hint({ periodUs: cadence.period * 1000, shiftUs: shift * 1000 });
  else ticker.pending = shift;
  ticker.hints++;
}

/** The period less the longest gap between two ticks of it. */
function spreadOf(tickers: readonly Ticker[], period: number): number {
  const phases = tickers.map((ticker) => leavesAt(ticker) % period).toSorted((a, b) => a - b);
  const gaps = phases.map((phase, i) => (phases[i + 1] ?? (phases[0] ?? 0) + period) - phase);
  return period - Math.max(...gaps);
}
