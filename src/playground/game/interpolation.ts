/**
 * Where to draw the other ship. Its states come thirty times a second, now and then late, or not at all, while the screen wants
 * sixty pictures a second. So it is drawn a tenth of a second in the past, between two states that are here already.
 */
import { type Point, TICKS_PER_SECOND } from "./simulation.ts";
import type { ShipState } from "./messages.ts";

const TICK_MS = 1000 / TICKS_PER_SECOND;
/** Three ticks: one may be lost and another late before the ship stutters. */
const DELAY_MS = 3 * TICK_MS;
const MOST_STATES = 30;
/** A guess beyond the newest state goes no further than this. */
const MAX_GUESS_MS = 150;
/** ms per state by which the clocks are let drift apart: what was the fastest way once need not be for ever. */
const DRIFT_MS = 0.2;

export class Interpolation {
  /** By tick. */
  #states: ShipState[] = [];
  /** Our clock minus the sender's, taken from the state that was fastest to get here. */
  #offset = Infinity;

  /** `now`: ms of a clock that never jumps. */
  add(state: ShipState, now: number): void {
    const newest = this.#states.at(-1);
    // Unreliable messages never come in disorder, but a player who joins anew begins to count anew.
    if (newest && state.tick <= newest.tick) this.reset();
    this.#offset = Math.min(this.#offset + DRIFT_MS, now - state.tick * TICK_MS);
    this.#states.push(state);
    if (this.#states.length > MOST_STATES) this.#states.shift();
  }

  /** Undefined before anything has come. */
  at(now: number): Point | undefined {
    const time = now - this.#offset - DELAY_MS;
    const after = this.#states.findIndex(({ tick }) => tick * TICK_MS > time);
    const [from, to] = [this.#states[after - 1], this.#states[after]];
    if (from && to) return between(from, to, time);
    if (to) return to.ship; // older than all that is known
    const newest = this.#states.at(-1);
    return newest && guess(newest, time);
  }

  reset(): void {
    this.#states = [];
    this.#offset = Infinity;
  }
}

function between(from: ShipState, to: ShipState, time: number): Point {
  const share = (time / TICK_MS - from.tick) / (to.tick - from.tick);
  return {
    x: from.ship.x + (to.ship.x - from.ship.x) * share,
    y: from.ship.y + (to.ship.y - from.ship.y) * share,
  };
}

/** Straight on, for as long as nothing new comes: better than standing still, up to a point. */
function guess({ tick, ship }: ShipState, time: number): Point {
  const seconds = Math.min(time - tick * TICK_MS, MAX_GUESS_MS) / 1000;
  return { x: ship.x + ship.vx * seconds, y: ship.y + ship.vy * seconds };
}
