import type { Sample } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";

/** What a file of bench/results/ holds. */
export interface Recorded {
  readonly scenario: Scenario;
  readonly kind: "equal-load" | "capacity";
  /** The first is what the others are compared with. */
  readonly servers: readonly { readonly name: string; readonly title: string }[];
  readonly seconds: number;
  readonly machine: string;
  readonly date: string;
  readonly samples: readonly Sample[];
}
