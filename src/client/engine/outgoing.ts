import { DATA_PAYLOAD_OFFSET } from "../../protocol/index.ts";
import { SEGMENT_OVERHEAD } from "./options.ts";

/* What became of a frame. */
export const WAITING = 0;
export const IN_FLIGHT = 1;
export const LOST = 2;
export const ACKNOWLEDGED = 3;

/** One data frame: an unreliable message or a segment of a reliable one. */
export interface Outgoing {
  readonly payload: Uint8Array;
  readonly flags: number;
  readonly channel: number;
  readonly number: number;
  /** 0 when unreliable. */
  readonly sequence: number;
  readonly queuedAt: number;
  /** What this segment and the following ones of its message take of the receiver's window. */
  readonly rest: number;
  fate: number;
  /** The last batch it left in, and when; batches count from 1. */
  batch: number;
  sentAt: number;
  wasResent: boolean;
}

export function frameSize({ payload }: Outgoing): number {
  return DATA_PAYLOAD_OFFSET + payload.length;
}

/** What it takes of the receiver's window. */
export function windowCost({ payload }: Outgoing): number {
  return payload.length + SEGMENT_OVERHEAD;
}
