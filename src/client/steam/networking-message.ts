import { DataFlag, MAX_PAYLOAD } from "../../protocol/index.ts";
import type { Message } from "../engine/connection-engine.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { mustBeBytes } from "./arguments.ts";
import { Result } from "./result.ts";
import { SendFlag } from "./send-flags.ts";

/** `k_cbMaxSteamNetworkingSocketsMessageSizeSend`, in bytes. */
export const MAX_MESSAGE_SIZE = MAX_PAYLOAD;

/** `SteamNetworkingMessage_t`, received. */
export interface NetworkingMessage {
  /** 0 in families without connections. */
  readonly connection: number;
  /** The connection's when the message was taken. */
  readonly connectionUserData: bigint;
  readonly peer: bigint;
  readonly data: Uint8Array;
  /** In its lane, from 1n. */
  readonly messageNumber: bigint;
  readonly lane: number;
  readonly channel: number;
  /** `SendFlag.Reliable` or 0. */
  readonly flags: number;
  /** µs of a clock that never jumps. */
  readonly timeReceivedUs: number;
}

/** On the wire message numbers are modulo 2^32; Steam's have 64 bits. One of these for each direction of a connection. */
export class MessageNumbers {
  readonly #last: number[] = [];

  /** The one nearest to the last number of the lane. */
  expand(lane: number, wireNumber: number): bigint {
    const last = this.#last[lane] ?? 0;
    return BigInt((this.#last[lane] = last + ((wireNumber - last) | 0)));
  }
}

export function networkingMessage(
  { payload, lane, channel, reliable, receivedAt }: Message,
  from: Pick<NetworkingMessage, "connection" | "connectionUserData" | "peer" | "messageNumber">,
): NetworkingMessage {
  const flags = reliable ? SendFlag.Reliable : SendFlag.Unreliable;
  return { ...from, data: payload, lane, channel, flags, timeReceivedUs: Math.round(receivedAt * 1000) };
}

/** Gives a message to a connection. Its number on the wire (from 1; modulo 2^32 it may be 0), or why it was not taken. */
export function sendSteamMessage(
  connection: RelayConnection,
  data: Uint8Array,
  flags: number,
  to: { readonly lane?: number; readonly channel?: number },
): { readonly result: Result; readonly number: number } {
  mustBeBytes(data);
  if (data.length > MAX_MESSAGE_SIZE) return { result: Result.InvalidParam, number: 0 };
  const sent = connection.trySend(data, { ...to, flags: dataFlags(flags) });
  return sent.ok ? { result: Result.OK, number: sent.number } : { result: RESULTS[sent.reason], number: 0 };
}

function dataFlags(flags: number): number {
  return (
    (flags & SendFlag.Reliable ? DataFlag.Reliable : 0) |
    (flags & SendFlag.NoNagle ? DataFlag.NoNagle : 0) |
    (flags & SendFlag.NoDelay ? DataFlag.NoDelay : 0)
  );
}

const RESULTS = {
  LimitExceeded: Result.LimitExceeded,
  TooLarge: Result.InvalidParam,
  InvalidLane: Result.InvalidParam,
  Ignored: Result.Ignored,
} as const;
