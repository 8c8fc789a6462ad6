/** Whose event is being served, and so whose timer is being set: a pending timer keeps its object awake, and billed. */
import type { Meter } from "./meter.ts";

let serving: Meter | undefined;
const pending = new Map<unknown, Meter>();

type Callback = (...args: unknown[]) => void;

/**
 * Runs an event of an object. Timers that it sets before its first await are the object's; the relay sets none later.
 * The object is awake until what the event returns is settled.
 */
export function whileServing(meter: Meter, event: () => unknown): unknown {
  const before = serving;
  serving = meter;
  meter.enter(Date.now());
  let result: unknown;
  try {
    result = event();
  } finally {
    serving = before;
    if (!(result instanceof Promise)) meter.leave(Date.now());
  }
  if (result instanceof Promise) {
    const done = (): void => meter.leave(Date.now());
    result.then(done, done);
  }
  return result;
}

/** From now on, for the whole isolate. */
export function meterTimers(): void {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const metered = (callback: Callback, ms?: number, ...args: unknown[]): unknown => {
    const meter = serving;
    if (!meter) return set(callback, ms, ...args);
    meter.enter(Date.now());
    const id = set(() => {
      pending.delete(id);
      meter.leave(Date.now());
      whileServing(meter, () => callback(...args));
    }, ms);
    pending.set(id, meter);
    return id;
  };
  globalThis.setTimeout = metered as typeof setTimeout;
  globalThis.clearTimeout = ((id: never) => {
    pending.get(id)?.leave(Date.now());
    pending.delete(id);
    clear(id);
  }) as typeof clearTimeout;
}
