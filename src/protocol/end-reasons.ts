/**
 * Why a connection ended. Numbers below 5100 are Steam's `ESteamNetConnectionEnd`; from 5100 on they are the
 * relay's own, in Steam's "misc" range, so that code written for Steam sorts them into the right class.
 */
export const EndReason = {
  /** `App_Generic`: the application closed, and gave no reason. Applications use 1000 to 1999. */
  AppGeneric: 1000,
  /** What an application's reason outside 1000 to 2999 is replaced by (GameNetworkingSockets does the same). */
  AppInvalidReason: 1999,
  /** `AppException_Generic`. Applications use 2000 to 2999. */
  AppExceptionGeneric: 2000,
  /** `Remote_Timeout`: the other end stopped answering. */
  RemoteTimeout: 4001,
  /** `Misc_Generic`. */
  MiscGeneric: 5001,
  /** `Misc_InternalError`. */
  InternalError: 5002,
  /**
   * `Misc_Timeout`: no answer within the connect timeout. Absent, unknown and refusing peers all look like this
   * to a stranger (promise 8 of the design).
   */
  Timeout: 5003,
  /** Nothing was relayed for the app's idle timeout. */
  IdleTimeout: 5101,
  /** The other end's session is over: it left. */
  PeerLeft: 5102,
  /** The other end's player joined again with a fresh session; the old session's connections ended. */
  PeerSuperseded: 5103,
  /** An operator closed the connection. */
  ClosedByAdmin: 5104,
  /** An operator removed one of the two peers. */
  PeerKicked: 5105,
  /** The relay stopped for good. */
  RelayShutdown: 5106,
  /** This client's own session with the relay is over. Said by the client to its application, never on the wire. */
  RelayLost: 5107,
  /** The other end lost its socket and did not come back within the grace period. */
  PeerLost: 5108,
  /** It ended while this client had no socket, and the relay does not know why any more. */
  EndedWhileAway: 5109,
  /** An operator banned one of the two peers. */
  PeerBanned: 5110,
  /** One end sent far more over it than a connection may carry. */
  RateLimited: 5111,
} as const;
export type EndReason = (typeof EndReason)[keyof typeof EndReason];

/** For operators: `idle_timeout` and so on; `app` for the application's own numbers, and `other` for none of these. */
export function endReasonName(reason: number): string {
  if (reason >= 1000 && reason <= 2999) return "app";
  const [name] = Object.entries(EndReason).find(([, value]) => value === reason) ?? [];
  return name?.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase() ?? "other";
}

/** Applications may end a connection with 1000 to 2999; anything else becomes 1999, and 0 becomes 1000. */
export function applicationReason(reason: number): number {
  if (reason === 0) return EndReason.AppGeneric;
  return Number.isInteger(reason) && reason >= 1000 && reason <= 2999 ? reason : EndReason.AppInvalidReason;
}
