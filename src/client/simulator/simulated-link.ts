import { type Random, seededRandom } from "../engine/random.ts";
import { type NetworkConditions, PERFECT_NETWORK } from "./conditions.ts";
import { EventQueue } from "./event-queue.ts";

/** What became of the datagrams given to a link. A duplicate counts as delivered too. */
export interface LinkCounters {
  sent: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Under way when the link was cut. */
  cut: number;
}

/** One direction of a network that loses, delays, repeats and reorders whole datagrams. Deterministic; time is an argument. */
export class SimulatedLink {
  readonly counters: LinkCounters = { sent: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, cut: 0 };
  conditions: NetworkConditions;
  readonly #random: Random;
  readonly #underWay = new EventQueue<Uint8Array>();
  /** When the sender's wire is free again. */
  #freeAt = 0;
  /** Arrival of the last datagram that kept its place. */
  #lastArrival = 0;

  constructor(conditions: Partial<NetworkConditions> = {}) {
    this.conditions = { ...PERFECT_NETWORK, ...conditions };
    this.#random = seededRandom(this.conditions.seed);
  }

  /** Keeps `datagram` itself until it is received. */
  send(datagram: Uint8Array, now: number): void {
    const { lagMs, jitterMs, reorderMs } = this.conditions;
    this.counters.sent++;
    this.#freeAt = Math.max(now, this.#freeAt) + (datagram.length * 1000) / this.conditions.rateBytesPerSecond;
    if (this.#happens(this.conditions.loss)) {
      this.counters.lost++;
      return;
    }
    let arrival = this.#freeAt + lagMs + this.#random() * jitterMs;
    if (this.#happens(this.conditions.reorderPercent)) {
      this.counters.reordered++;
      arrival += reorderMs;
    } else {
      this.#lastArrival = arrival = Math.max(arrival, this.#lastArrival);
    }
    this.#underWay.add(arrival, datagram);
    if (this.#happens(this.conditions.duplicatePercent)) {
      this.counters.duplicated++;
      this.#underWay.add(arrival + 1 + this.#random() * reorderMs, datagram.slice());
    }
  }

  /** What has arrived by now, in the order of arrival. */
  receive(now: number): Uint8Array[] {
    const arrived: Uint8Array[] = [];
    for (let datagram = this.#underWay.take(now); datagram; datagram = this.#underWay.take(now)) arrived.push(datagram);
    this.counters.delivered += arrived.length;
    return arrived;
  }

  /** When the next datagram arrives; Infinity when none is under way. */
  nextDeadline(): number {
    return this.#underWay.nextAt;
  }

  /** Everything under way is lost, as when a socket breaks. */
  cut(): void {
    this.counters.cut += this.#underWay.length;
    this.#underWay.clear();
    this.#freeAt = this.#lastArrival = 0;
  }

  #happens(percent: number): boolean {
    return this.#random() * 100 < percent;
  }
}
