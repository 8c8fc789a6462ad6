/** What a bad network does to datagrams, after the FakePacket options of GameNetworkingSockets. */
export interface NetworkConditions {
  /** Percent that never arrive. */
  readonly loss: number;
  /** Every datagram takes this long. */
  readonly lagMs: number;
  /** And up to this much longer, keeping its place in the order. */
  readonly jitterMs: number;
  /** Percent that arrive twice. The copy comes up to `reorderMs` after, and at least 1 ms. */
  readonly duplicatePercent: number;
  /** Percent that are held back for `reorderMs` while later ones pass. */
  readonly reorderPercent: number;
  readonly reorderMs: number;
  /** Infinity for none. What comes faster waits; nothing is dropped for it. */
  readonly rateBytesPerSecond: number;
  /** The same seed and the same calls give the same network. */
  readonly seed: number;
}

/** Nothing is lost, and nothing takes time. */
export const PERFECT_NETWORK: NetworkConditions = {
  loss: 0,
  lagMs: 0,
  jitterMs: 0,
  duplicatePercent: 0,
  reorderPercent: 0,
  reorderMs: 0,
  rateBytesPerSecond: Infinity,
  seed: 1,
};
