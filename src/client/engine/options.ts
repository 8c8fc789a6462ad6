export interface EngineOptions {
  /** Bytes of payload in one data frame, from the welcome. */
  readonly maxPayload: number;
  /**
   * True: the transport under the connection is an unbroken WebSocket, which neither loses nor reorders. Nothing is then
   * sent again by a timer, only what is proven lost (a gap, a probe that overtook it) and everything by `resync`.
   */
  readonly ordered: boolean;
  /** The connection's number on the wire; may be set later, before the engine is connected. */
  readonly handle?: number;
  /** Larger messages are not sent. */
  readonly maxMessageSize?: number;
  /** A larger message that is received ends the connection. Default: `maxMessageSize`. */
  readonly maxReceivedSize?: number;
  /** Bytes of payload that wait to be sent or, when reliable, to be acknowledged. */
  readonly sendBufferSize?: number;
  /** Bytes that were received and not read yet. At least one message of `maxReceivedSize` always fits. */
  readonly receiveBufferSize?: number;
  /** With this many messages unread, unreliable ones are dropped. */
  readonly receiveBufferMessages?: number;
  /** Reliable messages travel in segments of this size, so that a large one does not hold up small ones of other lanes. */
  readonly segmentSize?: number;
  /** How long a message without the flag NoNagle waits for others to share a batch with. */
  readonly nagleMs?: number;
  /** How much longer it waits just now, to arrive with messages of other peers. Shared by all engines of a client. */
  readonly alignment?: { readonly holdMs: number };
  /** Bytes per second; Infinity leaves the pace to the transport, which is the default when `ordered`. */
  readonly sendRate?: number;
  /** What `sendRate` is not to be above, whatever it is; 0 for nothing (rule L2). */
  readonly maxSendRate?: number;
  /** Before it is connected for the first time every message is made reliable (a quirk of ISteamNetworkingMessages that games rely on). */
  readonly forceReliable?: boolean;
  /** Seed of the only randomness there is: when the next probe leaves. */
  readonly seed?: number;
  /** First message and segment number of every lane, both ends alike. For tests of the wrap at 2^32. */
  readonly firstNumber?: number;
}

export type EngineSettings = Required<EngineOptions>;

/** What a segment counts in windows and receive buffers besides its payload, so that empty ones are not free. */
export const SEGMENT_OVERHEAD = 64;
/** What a sender takes for the window until it is told. Every receiver has that much. */
export const INITIAL_WINDOW = 64 * 1024;
/** `k_cbMaxUnreliableMsgSize` of GameNetworkingSockets, 15 × 1100: larger unreliable messages are made reliable. */
const MAX_UNRELIABLE = 16_500;

const DEFAULTS = {
  handle: 0,
  maxMessageSize: 512 * 1024,
  sendBufferSize: 512 * 1024,
  receiveBufferSize: 1024 * 1024,
  receiveBufferMessages: 1000,
  segmentSize: 16 * 1024,
  nagleMs: 5,
  alignment: { holdMs: 0 },
  maxSendRate: 0,
  forceReliable: false,
  seed: 1,
  firstNumber: 1,
};

export function engineSettings(options: EngineOptions): EngineSettings {
  const settings = { ...DEFAULTS, sendRate: options.ordered ? Infinity : 256 * 1024, ...options };
  const maxSendRate = settings.maxSendRate || Infinity;
  const maxReceivedSize = options.maxReceivedSize ?? settings.maxMessageSize;
  return {
    ...settings,
    sendRate: Math.min(settings.sendRate, maxSendRate),
    maxReceivedSize,
    segmentSize: Math.min(settings.segmentSize, settings.maxPayload, maxSendRate),
    // Else a message could be larger than its receiver's window ever gets, and never arrive.
    receiveBufferSize: Math.max(settings.receiveBufferSize, maxReceivedSize + INITIAL_WINDOW),
  };
}

/** Largest payload that leaves unreliably: it has to fit one frame. */
export function maxUnreliable(settings: EngineSettings): number {
  return Math.min(MAX_UNRELIABLE, settings.maxPayload);
}
