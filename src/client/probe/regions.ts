import { type Place, ask, pathTo } from "../question.ts";
import { type EdgeTimes, type MeasureOptions, measureEdge } from "./edge.ts";
import type { RoomProbe } from "./room-probe.ts";
import type { RoundTrip } from "./round-trip.ts";

export interface RegionsOptions extends MeasureOptions, Place {
  readonly ticket: string;
  /** Of a client that is in the room: measures the way there, too. */
  readonly probe?: RoomProbe;
}

export interface Regions {
  readonly edge: EdgeTimes;
  readonly room: {
    /** The location hint that the room was created with; null where that is not known. */
    readonly region: string | null;
    /** The one it would be created with, were this peer its first; null where that is not known. */
    readonly nearest: string | null;
    /** Without a probe: undefined. */
    readonly roundTrip: RoundTrip | undefined;
  };
}

/** Where the edge and the room are, and how far. */
export async function probeRegions(options: RegionsOptions): Promise<Regions> {
  const { ticket, signal, timeoutMs, probe, count } = options;
  const edge = await measureEdge(options);
  const answer = await ask(options, { path: pathTo(options, "place"), ticket, signal, timeoutMs });
  const { region, nearest } = answer as { region: string | null; nearest: string | null };
  const limits = { ...(count !== undefined && { count }), ...(timeoutMs !== undefined && { timeoutMs }) };
  return { edge, room: { region, nearest, roundTrip: await probe?.measure(limits) } };
}
