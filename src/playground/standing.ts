import { ConnectionState, type RelayClient, type RelayConnection } from "../client/index.ts";

/** One word for the whole, as the page's badge has it. */
export type Standing = "joining" | "waiting" | "connecting" | "connected" | "reconnecting" | "away" | "over" | "failed";

export function standingOf(relay: RelayClient, connection: RelayConnection | undefined): Standing {
  if (relay.status === "closed") return "over";
  if (relay.status === "reconnecting") return "reconnecting";
  if (!connection) return "waiting";
  if (connection.path === "peer-away") return "away";
  return connection.state === ConnectionState.Connected ? "connected" : "connecting";
}
