/** Who comes when, from where, for how long. */
import type { Random } from "../../src/client/simulator/index.ts";
import { PLACES } from "./places.ts";

export const DAY_MINUTES = 24 * 60;

export interface PlayerOptions {
  readonly players: number;
  /** Mean of how long a player would stay, if the match did not end; exponential, within a sensible range. */
  readonly meanPatienceMinutes: number;
  /** Median round trip between a player and the place, as a home connection adds it; lognormal. */
  readonly medianAccessMs: number;
}

export interface Players {
  /** In the order in which they come. */
  readonly arriveAt: Float64Array;
  /** How long they would stay. */
  readonly patienceMinutes: Float64Array;
  readonly place: Uint8Array;
  /** One way, ms. */
  readonly accessMs: Float32Array;
}

const SHORTEST_MINUTES = 2;
const LONGEST_MINUTES = 240;
/** Of the lognormal: the slowest of a hundred homes takes three times the median. */
const ACCESS_SPREAD = 0.5;
/** By local time: most at 20:00, and at 08:00 an eighth of that. */
const PEAK_HOUR = 20;
const LEAST = 0.125;

export function drawPlayers(options: PlayerOptions, random: Random): Players {
  const { players, meanPatienceMinutes, medianAccessMs } = options;
  const places = Uint8Array.from({ length: players }, () => placeOf(random() * TOTAL_SHARE));
  const times = Float64Array.from(places, (place) => arrivalOf(place, random));
  const order = Uint32Array.from(times.keys()).toSorted((a, b) => times[a]! - times[b]! || a - b);
  const patience = (): number => {
    const drawn = -meanPatienceMinutes * Math.log(1 - random());
    return Math.min(LONGEST_MINUTES, Math.max(SHORTEST_MINUTES, drawn));
  };
  return {
    arriveAt: Float64Array.from(order, (player) => times[player]!),
    patienceMinutes: Float64Array.from(order, patience),
    place: Uint8Array.from(order, (player) => places[player]!),
    accessMs: Float32Array.from(order, () => (medianAccessMs / 2) * Math.exp(ACCESS_SPREAD * normal(random))),
  };
}

const TOTAL_SHARE = PLACES.reduce((sum, { share }) => sum + share, 0);

function placeOf(share: number): number {
  let left = share;
  const found = PLACES.findIndex((place) => (left -= place.share) < 0);
  return found < 0 ? PLACES.length - 1 : found;
}

/** Minutes of the day, UTC. */
function arrivalOf(place: number, random: Random): number {
  const offsetHours = PLACES[place]!.at[1] / 15;
  for (;;) {
    const minute = random() * DAY_MINUTES;
    if (random() < activity(minute / 60 + offsetHours)) return minute;
  }
}

/** How many come at that hour of local time, of those who come at the peak. */
export function activity(hour: number): number {
  return LEAST + (1 - LEAST) * (0.5 + 0.5 * Math.cos(((hour - PEAK_HOUR) / 24) * 2 * Math.PI));
}

/** Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
