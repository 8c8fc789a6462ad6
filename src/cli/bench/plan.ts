/** What load is played, and how much of it may be asked for. */
import { usage } from "../exit.ts";

export const SHAPES = ["pairs", "mesh"] as const;
export type Shape = (typeof SHAPES)[number];

export interface Plan {
  readonly peers: number;
  /** `pairs`: each peer with one other; `mesh`: each with all others. */
  readonly shape: Shape;
  readonly seconds: number;
  /** Messages per second that one end of a connection sends; the other sends each back. */
  readonly rate: number;
  /** Payload of a message, in bytes. */
  readonly size: number;
  readonly reliable: boolean;
}

/** Between peers by their places, the first asks. */
export type Link = readonly [number, number];

/** More than these would measure this process, which has all the clients, and not the relay. */
export const MAX_PEERS = 100;
const MAX_PACKETS_PER_SECOND = 20_000;

/** Throws Failure where it is too much. */
export function linksOf({ peers, shape, rate }: Plan): Link[] {
  const places = Array.from({ length: peers }, (_, place) => place);
  const links: Link[] =
    shape === "mesh"
      ? places.flatMap((from) => places.slice(from + 1).map((to) => [from, to] as const))
      : places.filter((place) => place % 2 === 0 && place + 1 < peers).map((place) => [place, place + 1] as const);
  const packets = 2 * links.length * rate;
  if (packets <= MAX_PACKETS_PER_SECOND) return links;
  const asked = `${links.length} connections with ${rate} messages/s each way are ${packets} packets/s`;
  throw usage(`${asked}, and bench plays at most ${MAX_PACKETS_PER_SECOND}: lower --peers or --rate`);
}

/** Load is for a relay of one's own; on this machine it hurts nobody else. */
export function isLocal({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.[0-9]+){3}$/.test(hostname);
}
