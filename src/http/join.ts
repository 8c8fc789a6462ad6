/** Joining a room: everything that can refuse a peer does so here, before the room is touched or billed. */
import { bearerToken } from "../auth/bearer.ts";
import { type Ticket, type TicketKeys, verifyTicket } from "../auth/index.ts";
import {
  type AppId,
  ID_RULES,
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX,
  parseAppId,
  parseRoomName,
} from "../protocol/index.ts";
import type { Admission } from "../relay/ports.ts";
import type { AppSettings } from "../relay/settings.ts";
import type { RoomAddress } from "./gateway.ts";
import { problem } from "./problem.ts";

export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Response };

/** Longer than any id, short enough to quote in a refusal. */
const QUOTED = 64;

/** Who asks to join, and whether by an upgrade. */
export interface Applicant {
  readonly admission: Admission;
  readonly isUpgrade: boolean;
}

export function readAddress(appId: string | undefined, room: string | undefined): Checked<RoomAddress> {
  const app = parseAppId(appId);
  if (app === undefined) return refuse(problem("invalid_app_id", `app id "${quote(appId)}" must be ${ID_RULES.app}`));
  if (room === undefined) return { ok: true, value: { app, room: undefined } };
  const name = parseRoomName(room);
  if (name === undefined) return refuse(problem("invalid_room", `room "${quote(room)}" must be ${ID_RULES.room}`));
  return { ok: true, value: { app, room: name } };
}

/**
 * Whether this request's ticket is good for the room. A plain GET with a ticket is told what an upgrade would be told,
 * and `upgrade_required` when nothing is wrong: a browser, which cannot read the answer to a refused upgrade, asks this way.
 */
export async function admit(
  request: Request,
  address: RoomAddress,
  keys: TicketKeys,
  now: number,
): Promise<Checked<Applicant>> {
  const isUpgrade = isUpgradeRequest(request);
  const offered = offeredProtocols(request);
  if (isUpgrade && !offered.includes(SUBPROTOCOL)) {
    const detail = `offer the WebSocket subprotocol ${SUBPROTOCOL}, the only one this relay speaks`;
    return refuse(problem("unsupported_subprotocol", detail));
  }
  const token = bearerToken(request.headers.get("authorization")) ?? ticketAmong(offered);
  if (token === undefined) return refuse(isUpgrade ? missingTicket() : upgradeRequired());
  const verified = await verifyTicket(token, keys, now);
  if (!verified.ok) return refuse(problem(verified.refusal.code, verified.refusal.message));
  const misplaced = checkPlace(verified.ticket, address);
  if (misplaced) return refuse(misplaced);
  const { peer, visible, id, rateClass, room } = verified.ticket;
  const admission = {
    peer,
    visible,
    ...(id !== undefined && { ticketId: id }),
    ...(rateClass && { rateClass }),
    ...(room !== undefined && { isBound: true }),
  };
  return { ok: true, value: { admission, isUpgrade } };
}

/** Whose question this is: about a room, or about all rooms of the app, for which a ticket for one of them is good, too. */
export async function ticketOf(
  request: Request,
  place: RoomAddress | AppId,
  keys: TicketKeys,
  now: number,
): Promise<Checked<Ticket>> {
  const token = bearerToken(request.headers.get("authorization"));
  if (token === undefined) return refuse(problem("ticket_missing", 'send the ticket as "Authorization: Bearer <jwt>"'));
  const verified = await verifyTicket(token, keys, now);
  if (!verified.ok) return refuse(problem(verified.refusal.code, verified.refusal.message));
  const { ticket } = verified;
  const misplaced = checkPlace(ticket, typeof place === "object" ? place : { app: place, room: ticket.room });
  return misplaced ? refuse(misplaced) : { ok: true, value: ticket };
}

export function isUpgradeRequest(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** The ticket's class must be one that the app has: silently giving it other limits would be worse. */
export function checkRateClass({ rateClass }: Admission, app: number, settings: AppSettings): Response | undefined {
  if (rateClass === undefined || settings.classes?.has(rateClass)) return undefined;
  const remedy = "add it to the app's `classes` in APP_SETTINGS, or sign the ticket with another";
  return problem("unknown_rate_class", `app ${app} has no rate class "${rateClass}"; ${remedy}`);
}

function checkPlace(ticket: Ticket, { app, room }: RoomAddress): Response | undefined {
  if (ticket.app !== app)
    return problem("ticket_wrong_app", `this ticket is for app ${ticket.app}, not for app ${app}`);
  if (ticket.room === undefined || ticket.room === room) return undefined;
  return problem("ticket_wrong_room", `this ticket is for room "${ticket.room}" only`);
}

export function offeredProtocols(request: Request): string[] {
  const header = request.headers.get("sec-websocket-protocol") ?? "";
  return header.split(",").map((protocol) => protocol.trim());
}

function ticketAmong(offered: readonly string[]): string | undefined {
  const protocol = offered.find((name) => name.startsWith(TICKET_SUBPROTOCOL_PREFIX));
  return protocol?.slice(TICKET_SUBPROTOCOL_PREFIX.length);
}

function missingTicket(): Response {
  const detail = `send the ticket as "Authorization: Bearer <jwt>" or as the subprotocol "${TICKET_SUBPROTOCOL_PREFIX}<jwt>"`;
  return problem("ticket_missing", detail);
}

export function upgradeRequired(): Response {
  return problem("upgrade_required", "joining a room is a WebSocket upgrade; this was a plain request");
}

function refuse(refusal: Response): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal };
}

function quote(text: string | undefined): string {
  return (text ?? "").slice(0, QUOTED);
}
