/**
 * One player's game: input, rules and network put together. Each player decides where its own ship is, so that steering has
 * no delay; the host alone decides who got the spark, so that both agree on the score.
 */
import { autopilot } from "./autopilot.ts";
import type { Input } from "./input.ts";
import { Interpolation } from "./interpolation.ts";
import type { ScoreState } from "./messages.ts";
import { Net, type NetOptions } from "./net.ts";
import { type Point, STARTS, type Ship, distance, newSpark, step, touches } from "./simulation.ts";

export class Game {
  readonly isHost: boolean;
  ship: Ship;
  score: ScoreState;
  net: Net | undefined;
  /** Steers itself until somebody does. */
  isDemo: boolean;
  readonly #input: Input;
  readonly #others = new Interpolation();
  #tick = 0;
  /** What the other player last said of itself; the host judges by it. */
  #otherShip: Point | undefined;

  constructor(isHost: boolean, input: Input, isDemo: boolean) {
    this.isHost = isHost;
    this.isDemo = isDemo;
    this.#input = input;
    this.ship = STARTS[isHost ? 0 : 1];
    this.score = { scores: [0, 0], spark: newSpark(Math.random) };
  }

  /** Rejects with RelayError when the relay cannot be joined. */
  async start(options: Omit<NetOptions, "isHost">): Promise<void> {
    this.net = await Net.join(
      { ...options, isHost: this.isHost },
      {
        tick: () => this.#step(),
        joined: () => this.#tellScore(), // who joins late has to know how it stands
        left: () => this.#forgetOther(),
        ship: (state) => {
          this.#otherShip = state.ship;
          this.#others.add(state, performance.now());
        },
        score: (score) => {
          if (!this.isHost) this.score = score;
        },
      },
    );
  }

  /** Where to draw the other ship, if there is one. */
  other(now: number): Point | undefined {
    return this.#others.at(now);
  }

  #step(): void {
    if (this.#input.isUsed) this.isDemo = false;
    const steering = this.isDemo
      ? autopilot(this.ship, this.score.spark, this.isHost)
      : this.#input.steering(this.ship);
    this.ship = step(this.ship, steering);
    this.net?.sendShip({ tick: ++this.#tick, ship: this.ship });
    if (this.isHost) this.#judge();
  }

  #judge(): void {
    const { scores, spark } = this.score;
    const other = this.#otherShip;
    // Who is nearer when both touch it in the same tick.
    const isTheirs =
      other !== undefined && touches(other, spark) && distance(other, spark) < distance(this.ship, spark);
    const isMine = !isTheirs && touches(this.ship, spark);
    if (!isMine && !isTheirs) return;
    this.score = {
      scores: [scores[0] + Number(isMine), scores[1] + Number(isTheirs)],
      spark: newSpark(Math.random),
    };
    this.#tellScore();
  }

  #tellScore(): void {
    if (this.isHost) this.net?.sendScore(this.score);
  }

  #forgetOther(): void {
    this.#otherShip = undefined;
    this.#others.reset();
  }
}
