/** What the playground asks of each networking family. The files beside this one are how a game would use it. */
import type { ConnectionType, RelayClient } from "../../client/index.ts";

/** One end of a connection to one peer. */
export interface Link {
  /** False when there is no room for it just now, or the connection is over. */
  send(bytes: Uint8Array, isReliable: boolean): boolean;
  close(): void;
}

export interface LinkEvents {
  message(bytes: Uint8Array): void;
  /** It is over, or could not be had. */
  ended(why: string): void;
}

export interface Family {
  readonly id: string;
  /** As in the documentation. */
  readonly title: string;
  readonly type: ConnectionType;
  /** Bytes of the largest packet that the playground sends: every family takes as much, reliable or not. */
  readonly maxPacket: number;
  /** How a game gets a connection to `peer`, waits for one, sends and receives: for people to copy. */
  readonly sample: FamilySample;
  /** Connects to `peer`; messages may be sent at once. */
  call(relay: RelayClient, peer: bigint, events: LinkEvents): Link;
  /** Waits for `peer`, and accepts it. */
  wait(relay: RelayClient, peer: bigint, events: LinkEvents): Link;
}

export interface FamilySample {
  readonly imports: string;
  readonly call: string;
  readonly wait: string;
  readonly send: string;
  readonly receive: string;
}

/** Steam's interfaces are polled, once per frame of the game. Returns what ends it. */
export function everyFrame(poll: () => void): () => void {
  const timer = setInterval(poll, 16);
  return () => clearInterval(timer);
}
