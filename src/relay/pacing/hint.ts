import type { Cadence } from "./cadence.ts";
import { type Meeting, meeting } from "./meeting.ts";

/** ms, and of the spread of the client's own ticks: less is not worth a hint. */
const LEAST_MS = 0.5;
const LEAST_OF_SPREAD = 1 / 4;

/* In intervals of the settings, when to look again: */
/** Nobody ticks at the same rate, or has not done so for long enough. */
const ALONE = 1 / 4;
/** There is little to correct: two clocks of 100 ppm drift apart by 1 ms in 10 s. */
const CALM = 5;

/** Of what was asked for: when so much is left of it, it was not heeded. */
const UNHEEDED = 3 / 4;

/**
 * What to tell a client that has just ticked: by how many ms to move, 0 when there is nobody to meet any more, undefined
 * for nothing.
 */
export function hintFor(
  own: Cadence,
  others: Iterable<Cadence | undefined>,
  now: number,
  intervalMs: number,
): number | undefined {
  const met = meeting(own, others, now);
  own.hintAt = now + intervalMs * pauseAfter(own, met);
  if (!met) {
    const wasLed = own.isLed;
    own.isLed = false;
    return wasLed ? 0 : undefined;
  }
  const isWorthIt = Math.abs(met.shift) >= Math.max(LEAST_MS, own.spread * LEAST_OF_SPREAD);
  own.asked = isWorthIt ? Math.abs(met.shift) : Infinity;
  if (!isWorthIt) return undefined;
  own.led();
  return met.shift;
}

/** Clients that cannot follow, or do not want to, are asked ever more rarely. */
function pauseAfter(own: Cadence, met: Meeting | undefined): number {
  if (!met) return ALONE;
  const isHeeded = Math.abs(met.shift) < own.asked * UNHEEDED;
  own.pause = isHeeded ? 1 : Math.min(2 * own.pause, CALM);
  return met.isReached ? CALM : own.pause;
}
