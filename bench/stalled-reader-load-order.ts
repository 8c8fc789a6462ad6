import { DataFlag } from "../src/protocol/index.ts";
import { dataFrame } from "../test/support/frames.ts";

export interface LoadOrder {
  readonly url: string;
  /** Peer ids in decimal. */
  readonly target: string;
  readonly firstPeer: string;
  readonly senders: number;
  /** A quarter of the messages is reliable. */
  readonly isMixed: boolean;
}

/** 64 KB/s of each sender: 16 messages of 4,000 bytes. */
export const MESSAGES_PER_SECOND = 16;
const PAYLOAD = 4_000;

/** The messages that a sender repeats, in turns. */
export function payloads(handle: number, isMixed: boolean): Uint8Array[] {
  const payload = new Uint8Array(PAYLOAD);
  const unreliable = dataFrame({ handle, payload });
  return isMixed
    ? [dataFrame({ handle, payload, flags: DataFlag.Reliable }), unreliable, unreliable, unreliable]
    : [unreliable];
}
