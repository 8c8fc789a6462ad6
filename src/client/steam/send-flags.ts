/** `k_nSteamNetworkingSend_*`: bits of a send call of ISteamNetworkingSockets and ISteamNetworkingMessages. */
export const SendFlag = {
  Unreliable: 0,
  /** Do not wait (5 ms by default) for more to share a message with. */
  NoNagle: 1,
  UnreliableNoNagle: 1,
  /** Unreliable only: drop it (`Ignored`) if it cannot leave about now. */
  NoDelay: 4,
  UnreliableNoDelay: 5,
  Reliable: 8,
  ReliableNoNagle: 9,
  /** Accepted and without effect: there is one thread. */
  UseCurrentThread: 16,
  /** ISteamNetworkingMessages: a broken session is closed and opened again instead of failing the send. */
  AutoRestartBrokenSession: 32,
} as const;
