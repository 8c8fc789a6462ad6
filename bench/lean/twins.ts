/**
 * What `edge-relay-lean` leaves out of the relay: modules whose place a twin takes that does nothing. A twin that no longer
 * fits its original does not compile.
 */
import type * as counters from "./counters.ts";
import type * as limiting from "./limiting.ts";
import type * as manager from "./manager.ts";
import type * as window from "./window.ts";

type Fits<Original, Twin extends Original> = Twin;

export type Twins = [
  Fits<typeof import("../../src/relay/counters.ts"), typeof counters>,
  Fits<typeof import("../../src/relay/limits/limiting.ts"), typeof limiting>,
  Fits<typeof import("../../src/relay/manager.ts"), typeof manager>,
  Fits<typeof import("../../src/relay/flow/window.ts"), typeof window>,
];

/** From a file in src/ to the one beside this that takes its place. */
export const TWINS: Readonly<Record<string, string>> = {
  "relay/counters.ts": "counters.ts",
  "relay/limits/limiting.ts": "limiting.ts",
  "relay/manager.ts": "manager.ts",
  "relay/flow/window.ts": "window.ts",
};
