/** `edge-relay/client/probe`: how far the edge and the room are, measured. */
export { type EdgeTimes, type MeasureOptions, measureEdge } from "./edge.ts";
export { type RegionsOptions, type Regions, probeRegions } from "./regions.ts";
export { RoomProbe, type RoomProbeOptions } from "./room-probe.ts";
export type { RoundTrip } from "./round-trip.ts";
