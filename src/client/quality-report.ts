import { type ControlValues, PROBE_UNKNOWN, encodeControl } from "../protocol/index.ts";
import type { ConnectionEngine } from "./engine/connection-engine.ts";
import type { FrameWriter } from "./engine/frame-writer.ts";
import { qualityOnWire } from "./engine/probes.ts";

/** How often a connection is looked at, and how often it is reported on although nothing has changed: a relay forgets. */
const LOOK_MS = 5_000;
const REPEAT_MS = 60_000;
/** A change by so much of what was said is worth a report. */
const STEP = 1 / 20;

type Report = ControlValues<"quality">;

/** Tells the relay how this end finds a connection, in messages that leave anyway (rule Q2). */
export class QualityReport {
  #lookAt = 0;
  #repeatAt = 0;
  /** There is one from the first time on that `#repeatAt` is ahead. */
  #said!: Report;

  /** To be called when a batch has something of this connection. Where it is full, the next one has to do. */
  write(writer: FrameWriter, engine: ConnectionEngine, now: number, budget: number): void {
    if (now < this.#lookAt || writer.length >= budget) return;
    const { pingMs, qualityLocal, qualityRemote } = engine.measured(now);
    if (pingMs < 0) return; // the first answer is still under way
    this.#lookAt = now + LOOK_MS;
    const news: Report = {
      handle: engine.handle,
      ping: Math.min(pingMs, PROBE_UNKNOWN - 1),
      local: qualityOnWire(qualityLocal),
      remote: qualityOnWire(qualityRemote),
    };
    if (now < this.#repeatAt && !differs(this.#said, news)) return;
    this.#repeatAt = now + REPEAT_MS;
    writer.append(encodeControl("quality", (this.#said = news)));
  }
}

function differs(said: Report, news: Report): boolean {
  const keys = Object.keys(said) as (keyof Report)[]; // also the handle, which stays what it is
  return keys.some((key) => Math.abs(news[key] - said[key]) > said[key] * STEP);
}
