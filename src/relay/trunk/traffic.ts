/**
 * WebSocket messages to and from other rooms, and their bytes: counted apart from what peers send and are sent. Dials are
 * sockets that this room has asked for, also in vain. The order is one on disk (counters.ts): it grows at its end.
 */
export const TRUNK_COUNTS = ["messagesIn", "bytesIn", "messagesOut", "bytesOut", "dials"] as const;
export type TrunkTraffic = Readonly<Record<(typeof TRUNK_COUNTS)[number], number>>;
