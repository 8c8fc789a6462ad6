/** The ways that a packet can take. */
import { HINT_PLACES, type Matrix, nearestHints } from "./latency.ts";
import type { Players } from "./players.ts";

/** One way, in ms, between two players of one room. */
export class Ways {
  readonly #matrix: Matrix;
  readonly #nearest: readonly number[];
  readonly #players: Players;

  constructor(matrix: Matrix, players: Players) {
    this.#matrix = matrix;
    this.#nearest = nearestHints(matrix);
    this.#players = players;
  }

  hintOf(player: number): number {
    return this.#nearest[this.#players.place[player]!]!;
  }

  /** The hint that all players are nearest to on average. */
  middle(): number {
    const sums = HINT_PLACES.map((_, hint) =>
      this.#players.place.reduce((sum, _place, player) => sum + this.#toObject(player, hint), 0),
    );
    return sums.indexOf(Math.min(...sums));
  }

  /** Through an object at a hint. */
  through(hint: number, a: number, b: number): number {
    return this.#access(a, b) + this.#toObject(a, hint) + this.#toObject(b, hint);
  }

  /** Through the objects that are nearest to each, and the trunk between them, if they are not the same one. */
  overTrunk(a: number, b: number): number {
    const [near, far] = [this.hintOf(a), this.hintOf(b)];
    const trunk = near === far ? 0 : this.#matrix[HINT_PLACES[near]!]![HINT_PLACES[far]!]!;
    return this.#access(a, b) + this.#toObject(a, near) + trunk + this.#toObject(b, far);
  }

  #access(a: number, b: number): number {
    return this.#players.accessMs[a]! + this.#players.accessMs[b]!;
  }

  #toObject(player: number, hint: number): number {
    return this.#matrix[this.#players.place[player]!]![HINT_PLACES[hint]!]!;
  }
}
