import type { ConnectionTypeName } from "../api/types.ts";

/** As Steam calls them; short enough for a column. */
export const FAMILIES: Readonly<Record<ConnectionTypeName, string>> = {
  NetworkOld: "P2P sockets",
  NetworkPb: "P2P packets",
  NetworkingSockets: "Sockets",
  NetworkingMessages: "Messages",
};

export const FAMILY_NAMES = Object.keys(FAMILIES) as ConnectionTypeName[];
export const OPEN_STATES = ["Connecting", "Connected", "Disconnecting"] as const;
