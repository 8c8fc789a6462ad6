/** `SteamNetConnectionRealTimeLaneStatus_t`. */
export interface LaneStatus {
  /** Payload bytes that wait, data awaiting the Nagle delay or a resend included. */
  readonly pendingUnreliable: number;
  readonly pendingReliable: number;
  /** Payload bytes that left and are not acknowledged. */
  readonly sentUnackedReliable: number;
  /** How long a message that is sent now is expected to wait. */
  readonly queueTimeUs: number;
}

/** What probes tell of the way to the other end. */
export interface Measured {
  /** Smoothed round trip to the other end and back; -1 until measured. */
  readonly pingMs: number;
  /** Share of frames that arrived in order lately, 0 to 1, here and as the other end sees it; -1 until known. */
  readonly qualityLocal: number;
  readonly qualityRemote: number;
}

/** `SteamNetConnectionRealTimeStatus_t`, as far as it is the engine's; the queues of all lanes together. */
export interface EngineStatus extends LaneStatus, Measured {
  /** Data frames and their payload, over about the last second. */
  readonly outPacketsPerSecond: number;
  readonly outBytesPerSecond: number;
  readonly inPacketsPerSecond: number;
  readonly inBytesPerSecond: number;
  /** What the way to the other end is believed to carry. */
  readonly sendRateBytesPerSecond: number;
  /** Largest since the last call of `status`; -1 when nothing was measured. */
  readonly maxJitterUs: number;
}
