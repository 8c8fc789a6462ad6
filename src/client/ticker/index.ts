/** A game loop that ticks when those of other peers do. An entry of its own: nothing of the client imports it. */
export { type Ticker, createTicker } from "./ticker.ts";
