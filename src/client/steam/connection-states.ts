/** `ESteamNetworkingConnectionState`. */
export const SteamConnectionState = {
  None: 0,
  Connecting: 1,
  /** Here: the session with the relay is being resumed. */
  FindingRoute: 2,
  Connected: 3,
  ClosedByPeer: 4,
  ProblemDetectedLocally: 5,
  FinWait: -1,
  Linger: -2,
  Dead: -3,
} as const;
export type SteamConnectionState = (typeof SteamConnectionState)[keyof typeof SteamConnectionState];

/** `k_nSteamNetworkConnectionInfoFlags_*`. */
export const ConnectionInfoFlag = {
  Unauthenticated: 1,
  Unencrypted: 2,
  LoopbackBuffers: 4,
  Fast: 8,
  Relayed: 16,
  DualWifi: 32,
} as const;
