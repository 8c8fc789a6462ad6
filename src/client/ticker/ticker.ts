import { guarded } from "../frame-reader.ts";
import type { RelayClient } from "../relay-client.ts";
import { RelayError } from "../relay-error.ts";
import { clock } from "../websocket.ts";
import { Rhythm } from "./rhythm.ts";

export interface Ticker extends Disposable {
  /** ms by which the loop has been moved so far, later or earlier. */
  readonly movedMs: number;
  stop(): void;
}

/**
 * Calls `onTick` so many times a second until it is stopped or the client has left. The relay's hints move the loop, by at
 * most a sixteenth of a period per tick, until it ticks with those of the peers there are connections to: their messages
 * then meet at the relay, and none is delayed for it. What `onTick` sends leaves when it returns.
 */
export function createTicker(client: RelayClient, ticksPerSecond: number, onTick: () => void): Ticker {
  if (!(ticksPerSecond > 0 && ticksPerSecond <= 1000)) {
    throw new RelayError("invalid_argument", "Cannot tick: ticks per second must be above 0, and at most 1000");
  }
  const rhythm = new Rhythm(1000 / ticksPerSecond, clock());
  const unfollow = client.onPace(({ shiftMs }) => rhythm.move(shiftMs));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
    unfollow();
  };
  const wait = (): void => void (timer = setTimeout(tick, Math.max(0, rhythm.dueAt - clock())));
  const tick = (): void => {
    guarded(onTick);
    for (const connection of client.connections) connection.flush();
    rhythm.next(clock());
    if (timer !== undefined) wait(); // unless onTick has stopped it
  };
  void client.closed.then(stop);
  wait();
  return {
    get movedMs() {
      return rhythm.movedMs;
    },
    stop,
    [Symbol.dispose]: stop,
  };
}
