/** Sizes in bytes unless named otherwise. What a deployment may change arrives in the welcome frame. */

/** Steam's `k_cbMaxSteamNetworkingSocketsMessageSizeSend`. Payload of one data frame; configurable down. */
export const MAX_PAYLOAD = 512 * 1024;
/** One WebSocket message. Above the largest payload, so that one full frame always fits with small ones beside it. */
export const MAX_BATCH = 1024 * 1024;
/** Debug text of a close: Steam's 128 with its terminating zero. */
export const MAX_DEBUG = 127;
/** Text of an error frame. */
export const MAX_ERROR_TEXT = 255;
/** Connections that one multicast frame addresses. */
export const MAX_MULTICAST = 1024;
/** Data frames that the multicasts of one message may become: what one message may make the relay copy and hold. */
export const MAX_MULTICAST_BYTES = 4 * MAX_BATCH;
/** UTF-8 of a group's name. */
export const MAX_GROUP_NAME = 32;
/** Steam: "a small integer, less than 1000". */
export const MAX_VIRTUAL_PORT = 999;

export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = "edge-relay.v1";
/** Browsers cannot set headers on a WebSocket: there the ticket is a second offered subprotocol with this prefix. */
export const TICKET_SUBPROTOCOL_PREFIX = "ticket.";

/** The keep-alive pair, the only text messages. The platform answers it without waking a sleeping room. */
export const PING = "ping";
export const PONG = "pong";
