/** Bytes that a function allocates, on the heap and in array buffers outside of it. */
import { PerformanceObserver } from "node:perf_hooks";

export interface Allocation {
  readonly heap: number;
  /** Backing stores of more than 64 bytes, which V8 keeps outside its heap. */
  readonly buffers: number;
}

const ATTEMPTS = 9;
const ENOUGH = 5;
const SWEEP_MS = 20;

/**
 * Exact as long as nothing is collected meanwhile, which is watched: such an attempt does not count. Needs `--expose-gc`, and
 * a young generation (`--min-semi-space-size`) that holds all that one run allocates.
 */
export async function allocationOf(run: () => void): Promise<Allocation> {
  if (!globalThis.gc)
    throw new Error("Start Node with --expose-gc --min-semi-space-size=64, as npm run bench:micro does");
  const found: Allocation[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const each = await attemptOf(run, globalThis.gc);
    if (each) found.push(each);
  }
  if (found.length < ENOUGH)
    throw new Error("The collector ran in the middle of most attempts: let one run be shorter");
  // The middle one: a compilation in the middle of a run is no allocation of it.
  return found.toSorted((a, b) => total(a) - total(b))[Math.floor(found.length / 2)] as Allocation;
}

function total({ heap, buffers }: Allocation): number {
  return heap + buffers;
}

async function attemptOf(run: () => void, collect: () => void): Promise<Allocation | undefined> {
  collect();
  await swept();
  let collections = 0;
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
  observer.observe({ entryTypes: ["gc"] });
  const before = process.memoryUsage();
  run();
  const after = process.memoryUsage();
  await settled();
  observer.disconnect();
  if (collections > 0) return undefined;
  return { heap: after.heapUsed - before.heapUsed, buffers: after.arrayBuffers - before.arrayBuffers };
}

/** Buffers of what was collected are freed by another thread, some time later. */
async function swept(): Promise<void> {
  for (let held = Infinity; held !== process.memoryUsage().arrayBuffers;) {
    held = process.memoryUsage().arrayBuffers;
    await new Promise((resolve) => setTimeout(resolve, SWEEP_MS));
  }
}

/** Entries are handed out in a later turn of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
