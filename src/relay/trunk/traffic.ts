/** WebSocket messages to and from other rooms, and their bytes: counted apart from what peers send and are sent. */
export const TRUNK_COUNTS = ["messagesIn", "bytesIn", "messagesOut", "bytesOut"] as const;
export type TrunkTraffic = Readonly<Record<(typeof TRUNK_COUNTS)[number], number>>;
