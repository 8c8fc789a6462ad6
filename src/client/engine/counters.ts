/** Exact counts since the connection began. Frames are data frames, bytes are their payload, as the relay counts (rule D5). */
export interface EngineCounters {
  readonly framesSent: number;
  readonly bytesSent: number;
  readonly framesReceived: number;
  readonly bytesReceived: number;
  /** Of the frames sent, those that had left before. */
  readonly framesResent: number;
  /** Of the frames received, those that had arrived before. */
  readonly framesRepeated: number;
  /** Unreliable messages that never left: not connected, or NoDelay and too late. */
  readonly unsent: number;
  /** Frames that were received and dropped because what was received is not being read. */
  readonly overflowed: number;
  readonly acksSent: number;
  readonly probesSent: number;
}

export type Counters = { -readonly [Name in keyof EngineCounters]: EngineCounters[Name] };

export function zeroCounters(): Counters {
  return {
    framesSent: 0,
    bytesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    framesResent: 0,
    framesRepeated: 0,
    unsent: 0,
    overflowed: 0,
    acksSent: 0,
    probesSent: 0,
  };
}
