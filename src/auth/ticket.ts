import type { AppId, PeerId, RoomName } from "../protocol/ids.ts";

/** A verified ticket: who may enter, and where. */
export interface Ticket {
  readonly peer: PeerId;
  readonly app: AppId;
  /** Absent: any room of the app. */
  readonly room?: RoomName;
  /** ms since 1970, as signed: the tolerance for clocks that disagree is not added. */
  readonly expiresAt: number;
  /** The backend's own name for this ticket (`jti`), to find it again in logs and to revoke it. */
  readonly id?: string;
  /** The limits that this peer gets: a name among the app's classes. */
  readonly rateClass?: string;
  /** This peer may learn that another one is offline or has refused, where others see a timeout. */
  readonly visible: boolean;
  /** This peer may say what the lobby list shows of a room that it is in (claim `lobby`). */
  readonly mayAnnounce?: boolean;
}

/** A token signed with the same key for another service must not open the relay. */
export const TICKET_AUDIENCE = "edge-relay";

/** How far the clocks of the game's backend and of the relay may disagree, either way. */
export const CLOCK_SKEW_MS = 30_000;

/** Characters. A ticket takes about 300; nothing longer than this is parsed. */
export const MAX_TICKET_LENGTH = 4096;

/** A ticket's id ends up in logs and on dashboards: nothing in it may break a line or draw over one. */
const TICKET_ID = /^[\x20-\x7e]{1,64}$/;
export const TICKET_ID_RULE = "1 to 64 printable ASCII characters";

export function isTicketId(value: unknown): value is string {
  return typeof value === "string" && TICKET_ID.test(value);
}

/**
 * Times in a JWT are seconds. A value beyond this (year 5138) is milliseconds by mistake, and would make a ticket that
 * never expires.
 */
const MAX_SECONDS = 1e11;
export const SECONDS_RULE = "a time in seconds (not milliseconds) since 1970";

export function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < MAX_SECONDS;
}
