/** Tickers that follow hints, and the relay's arithmetic between them: no room, no bytes. */
import { seededRandom } from "../../../../src/client/engine/random.ts";
import { Cadence } from "../../../../src/relay/pacing/cadence.ts";
import { meeting } from "../../../../src/relay/pacing/meeting.ts";

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
}

interface Ticker {
  readonly period: number;
  readonly cadence: Cadence;
  dueAt: number;
  /** ms that the loop has still to move by. */
  pending: number;
  hints: number;
}

export interface Outcome {
  /** ms, second by second: the shortest time within which all tick. */
  readonly spreads: number[];
  readonly hints: number;
}

export function play(swarm: Swarm, seconds: number): Outcome {
  const { peers, periodMs, jitterMs, driftPpm, seed, isLinked = () => true, intervalMs = 2_000 } = swarm;
  const random = seededRandom(seed);
  const tickers = Array.from({ length: peers }, (): Ticker => {
    const period = periodMs * (1 + ((2 * random() - 1) * driftPpm) / 1e6);
    return { period, cadence: new Cadence(), dueAt: 1_000 + random() * periodMs, pending: 0, hints: 0 };
  });
  const spreads: number[] = [];
  for (let second = 1; second <= seconds; second++) {
    for (;;) {
      const next = tickers.reduce((a, b) => (b.dueAt < a.dueAt ? b : a));
      if (next.dueAt > 1_000 * (second + 1)) break;
      // Floored: the relay's clock tells whole ms.
      const now = Math.floor(next.dueAt + random() * jitterMs);
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
  return { spreads, hints: tickers.reduce((sum, { hints }) => sum + hints, 0) };
}

/** As pacing.ts does. */
function hear(ticker: Ticker, now: number, others: readonly Ticker[], intervalMs: number): void {
  const { cadence } = ticker;
  if (!cadence.heard(now) || now < cadence.hintAt || !cadence.isMeasured) return;
  const met = meeting(
    cadence,
    others.slice(0, 32).map((other) => other.cadence),
    now,
  );
  cadence.hintAt = now + intervalMs * (met ? (met.isReached ? 5 : 1) : 1 / 4);
  const { shift } = met ?? { shift: 0 };
  if (Math.abs(shift) < Math.max(0.5, cadence.spread / 4)) return;
  cadence.led();
  ticker.pending = shift;
  ticker.hints++;
}

/** The period less the longest gap between two ticks of it. */
function spreadOf(tickers: readonly Ticker[], period: number): number {
  const phases = tickers.map(({ dueAt }) => dueAt % period).toSorted((a, b) => a - b);
  const gaps = phases.map((phase, i) => (phases[i + 1] ?? (phases[0] ?? 0) + period) - phase);
  return period - Math.max(...gaps);
}
