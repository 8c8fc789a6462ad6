import type { Cadence } from "./cadence.ts";

/** Periods that are further apart drift through each other: there is nothing to meet (rule T4). */
const SAME_PERIOD = 0.02;

/** Of 1: how close to each other and to the client the others' phases are, beyond which nobody is on the way any more. */
const TOGETHER = 0.99;

export interface Meeting {
  /** By how many ms later the client's ticks should come. */
  readonly shift: number;
  /** All that were looked at tick at about the same time. */
  readonly isReached: boolean;
}

/**
 * Where a client's ticks meet those of the others; undefined without any.
 *
 * All move and none leads, as Kuramoto's oscillators do: each to the circular mean of the others and itself. It counts for
 * half as much as what the others agree on, which is the damping: all go about two thirds of the way at the same time, so
 * that neither two peers nor a host and its clients swap places for ever.
 */
export function meeting(own: Cadence, others: Iterable<Cadence | undefined>, now: number): Meeting | undefined {
  const { period, tickAt } = own;
  let [sin, cos, count] = [0, 0, 0];
  for (const other of others) {
    if (!other?.isHeard(now) || Math.abs(other.period - period) > SAME_PERIOD * period) continue;
    const angle = ((other.tickAt - tickAt) * 2 * Math.PI) / period;
    sin += Math.sin(angle);
    cos += Math.cos(angle);
    count++;
  }
  if (count === 0) return undefined;
  const angle = Math.atan2(sin, cos + Math.hypot(sin, cos) / 2);
  return { shift: (angle * period) / (2 * Math.PI), isReached: cos / count > TOGETHER };
}
