import { type Relay, ask } from "../question.ts";
import { clock } from "../websocket.ts";
import { DEFAULT_COUNT, type RoundTrip, checkCount, roundTripOf } from "./round-trip.ts";

export interface MeasureOptions extends Relay {
  /** How often; 1 to 100, default 5. */
  readonly count?: number;
  /** For each; default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EdgeTimes extends RoundTrip {
  /** The data center that answers, as Cloudflare calls it; undefined elsewhere. */
  readonly colo: string | undefined;
}

/** The way to the edge and back, over HTTP on a connection that is open already. No room is asked. */
export async function measureEdge(options: MeasureOptions): Promise<EdgeTimes> {
  const { timeoutMs, signal } = options;
  const count = checkCount(options.count ?? DEFAULT_COUNT);
  const question = { path: "healthz", timeoutMs, signal };
  const { colo } = (await ask(options, question)) as { colo?: string }; // opens the connection
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = clock();
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    await ask(options, question);
    times.push(clock() - begun);
  }
  return { ...roundTripOf(times), colo };
}
