/** `EP2PSend` of ISteamNetworking. */
export const P2PSend = { Unreliable: 0, UnreliableNoDelay: 1, Reliable: 2, ReliableWithBuffering: 3 } as const;
export type P2PSend = (typeof P2PSend)[keyof typeof P2PSend];

/** `EP2PSessionError`. 1 (NotRunningApp) and 3 (DestinationNotLoggedIn) exist in Steam's header and are never sent. */
export const P2PSessionError = { None: 0, NoRightsToApp: 2, Timeout: 4 } as const;
export type P2PSessionError = (typeof P2PSessionError)[keyof typeof P2PSessionError];

/** `ESNetSocketState` of ISteamNetworking sockets. */
export const SocketState = {
  Invalid: 0,
  Connected: 1,
  Initiated: 10,
  LocalCandidatesFound: 11,
  ReceivedRemoteCandidates: 12,
  ChallengeHandshake: 15,
  Disconnecting: 21,
  LocalDisconnect: 22,
  TimeoutDuringConnect: 23,
  RemoteEndDisconnected: 24,
  ConnectionBroken: 25,
} as const;
export type SocketState = (typeof SocketState)[keyof typeof SocketState];

/** `ESNetSocketConnectionType`. */
export const SocketConnectionType = { NotConnected: 0, UDP: 1, UDPRelay: 2 } as const;
export type SocketConnectionType = (typeof SocketConnectionType)[keyof typeof SocketConnectionType];

/** Bytes. Steam: "after this many, routers drop". */
export const MAX_UNRELIABLE_P2P_PACKET = 1200;
/** Bytes. */
export const MAX_RELIABLE_P2P_PACKET = 1024 * 1024;
/** Bytes, reliable or not. */
export const MAX_SOCKET_PACKET = 1200;
