/** Latencies, counted for whoever meets. */
import { Histogram, type Quantiles } from "./histogram.ts";
import type { GameRoom } from "./rooms.ts";

export interface Latencies {
  readonly all: Quantiles;
  readonly sameArea: Quantiles;
  readonly worldwide: Quantiles;
  /** Of the pairs of areas, by both names. */
  readonly byAreas: Readonly<Record<string, Quantiles>>;
}

export class Tally {
  readonly all = new Histogram();
  readonly sameArea = new Histogram();
  readonly worldwide = new Histogram();
  readonly byAreas = new Map<string, Histogram>();

  add(ms: number, room: GameRoom, areas: string): void {
    this.all.add(ms);
    (room.isWorldwide ? this.worldwide : this.sameArea).add(ms);
    const known = this.byAreas.get(areas) ?? new Histogram();
    this.byAreas.set(areas, known);
    known.add(ms);
  }

  summary(): Latencies {
    const byAreas = [...this.byAreas].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return {
      all: this.all.quantiles(),
      sameArea: this.sameArea.quantiles(),
      worldwide: this.worldwide.quantiles(),
      byAreas: Object.fromEntries(byAreas.map(([areas, histogram]) => [areas, histogram.quantiles()])),
    };
  }
}
