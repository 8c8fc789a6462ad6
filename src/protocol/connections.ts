/** The four networking families, numbered as on the wire. Semantics: docs/client.md. */
export const ConnectionType = {
  /** `ISteamNetworking` sockets: listen socket, virtual port, packets up to 1200 bytes. */
  NetworkOld: 0,
  /** `ISteamNetworking` P2P packets: sessions without a handshake call, channels. */
  NetworkPb: 1,
  /** `ISteamNetworkingSockets`: connections on virtual ports, lanes, close reasons. */
  NetworkingSockets: 2,
  /** `ISteamNetworkingMessages`: implicit sessions, channels. */
  NetworkingMessages: 3,
} as const;
export type ConnectionType = (typeof ConnectionType)[keyof typeof ConnectionType];
/** Each is its own place in this list. */
export const CONNECTION_TYPES: readonly ConnectionType[] = [0, 1, 2, 3];

export const ConnectionState = { Connecting: 0, Connected: 1, Disconnecting: 2, Closed: 3 } as const;
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

const CONNECTION_TYPE_NAMES = ["NetworkOld", "NetworkPb", "NetworkingSockets", "NetworkingMessages"] as const;
const CONNECTION_STATE_NAMES = ["Connecting", "Connected", "Disconnecting", "Closed"] as const;
export type ConnectionTypeName = (typeof CONNECTION_TYPE_NAMES)[number];
export type ConnectionStateName = (typeof CONNECTION_STATE_NAMES)[number];

export function connectionTypeName(type: ConnectionType): ConnectionTypeName {
  return CONNECTION_TYPE_NAMES[type];
}

export function connectionStateName(state: ConnectionState): ConnectionStateName {
  return CONNECTION_STATE_NAMES[state];
}

export function isConnectionType(value: number): value is ConnectionType {
  return value === 0 || value === 1 || value === 2 || value === 3;
}

/** Families that address a port: there it is part of what tells two connections of the same peers apart. */
export function hasVirtualPort(type: ConnectionType): boolean {
  return type === ConnectionType.NetworkOld || type === ConnectionType.NetworkingSockets;
}

/** Who ended a connection, seen by the one who is told. */
export const ClosedBy = { Local: 0, Peer: 1, Relay: 2 } as const;
export type ClosedBy = (typeof ClosedBy)[keyof typeof ClosedBy];

/** Whether frames reach the other end of a connection. */
export const Path = {
  Open: 0,
  /** Its socket is gone, and its session may come back (R4). */
  Away: 1,
  /** It takes in less than it is sent (F3). */
  Held: 2,
} as const;
export type Path = (typeof Path)[keyof typeof Path];
