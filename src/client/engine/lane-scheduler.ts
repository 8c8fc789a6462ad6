import { type SendLane, frameSize } from "./send-lane.ts";

/** Steam's limit; a lane is one byte on the wire. */
const MAX_LANES = 255;

/** Lanes of one priority. `served` is the clock of their fair queueing: where the lane that was served last began. */
interface LaneClass {
  readonly priority: number;
  readonly lanes: SendLane[];
  served: number;
}

/**
 * Which lane is next: strictly by priority, and by weight within one (start-time fair queueing, so shares are shares of
 * bytes, and a lane that was idle has saved nothing up).
 */
export class LaneScheduler {
  readonly lanes: SendLane[] = [];
  readonly #createLane: () => SendLane;
  #classes: LaneClass[] = [];

  constructor(createLane: () => SendLane) {
    this.#createLane = createLane;
    this.configure([0], [1]);
  }

  /** Lane i gets `priorities[i]`, lower being first, and `weights[i]`. Lanes may be added, not removed. False if refused. */
  configure(priorities: readonly number[], weights: readonly number[]): boolean {
    const count = priorities.length;
    if (count < Math.max(1, this.lanes.length) || count > MAX_LANES || weights.length !== count) return false;
    if (!priorities.every(Number.isInteger) || !weights.every((weight) => weight > 0 && weight < Infinity))
      return false;
    while (this.lanes.length < count) this.lanes.push(this.#createLane());
    this.lanes.forEach((lane, index) => {
      lane.priority = priorities[index] ?? 0;
      lane.weight = weights[index] ?? 1;
      lane.served = 0;
    });
    this.#classes = [...new Set(priorities)]
      .toSorted((a, b) => a - b)
      .map((priority) => ({ priority, served: 0, lanes: this.lanes.filter((lane) => lane.priority === priority) }));
    return true;
  }

  /** The lane whose `head` leaves next; undefined when none has one. */
  next(): SendLane | undefined {
    for (const { lanes, served } of this.#classes) {
      let best: SendLane | undefined;
      for (const lane of lanes) {
        if (!lane.head) continue;
        lane.served = Math.max(lane.served, served);
        if (!best || lane.served < best.served) best = lane;
      }
      if (best) return best;
    }
    return undefined;
  }

  /** The lane's `head` is about to leave. */
  charge(lane: SendLane): void {
    const own = this.#classes.find(({ priority }) => priority === lane.priority);
    if (!own || !lane.head) return;
    own.served = lane.served;
    lane.served += frameSize(lane.head) / lane.weight;
  }
}
