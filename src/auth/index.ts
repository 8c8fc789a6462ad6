/** Tickets, for a game's backend that signs them and for whoever wants to verify one. */
export type { AppId, PeerId, RoomName } from "../protocol/ids.ts";
export type { TicketJwk } from "./key-material.ts";
export { TicketKeyError } from "./key-material.ts";
export { IDENTITY_AUDIENCE, type IdentityClaims, signIdentity } from "./sign-identity.ts";
export { type SignOptions, type TicketClaims, signTicket } from "./sign-ticket.ts";
export { type LoadedTicketKeys, type TicketKeyConfig, type TicketKeys, loadTicketKeys } from "./ticket-keys.ts";
export type { Ticket } from "./ticket.ts";
export { type TicketRefusal, type TicketRefusalCode, type TicketVerdict, verifyTicket } from "./verify-ticket.ts";
