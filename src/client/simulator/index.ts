/** A simulated network, to test games and the engine against. An entry of its own: nothing of the client imports it. */
export { seededRandom } from "../engine/random.ts";
export type { Random } from "../engine/random.ts";
export { PERFECT_NETWORK } from "./conditions.ts";
export type { NetworkConditions } from "./conditions.ts";
export { SimulatedLink } from "./simulated-link.ts";
export type { LinkCounters } from "./simulated-link.ts";
export { type SimulatedNetwork, type Traffic, simulateNetwork } from "./simulate-network.ts";
export { type SocketPairOptions, createSocketPair } from "./socket-pair.ts";
