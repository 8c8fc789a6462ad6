/** Who talks to whom: peers, and for each pair of them what goes between. */
import {
  type SimulationLinkDatum,
  type SimulationNodeDatum,
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
} from "d3-force";
import type { ConnectionView } from "../api/types.ts";

export interface Peer extends SimulationNodeDatum {
  readonly id: string;
  degree: number;
  bytes: number;
}

export interface Pair extends SimulationLinkDatum<Peer> {
  readonly id: string;
  readonly source: Peer;
  readonly target: Peer;
  connections: number;
  packets: number;
  bytes: number;
  isOpen: boolean;
}

export interface Network {
  readonly peers: readonly Peer[];
  /** The busiest first. */
  readonly pairs: readonly Pair[];
}

/** Peers that were there before stay where they are. */
export function networkOf(connections: readonly ConnectionView[], before?: Network): Network {
  const known = new Map(before?.peers.map((peer) => [peer.id, peer]));
  const peers = new Map<string, Peer>();
  const pairs = new Map<string, Pair>();
  const peerOf = (id: string): Peer => {
    const found = peers.get(id) ?? { ...known.get(id), id, degree: 0, bytes: 0 };
    peers.set(id, found);
    return found;
  };
  for (const { fromPeerId, toPeerId, state, packetsRelayed, bytesRelayed } of connections) {
    const [source, target] = [peerOf(fromPeerId), peerOf(toPeerId)];
    const id = [fromPeerId, toPeerId].toSorted().join(" ");
    const empty: Pair = { id, source, target, connections: 0, packets: 0, bytes: 0, isOpen: false };
    const pair = pairs.get(id) ?? empty;
    pair.connections++;
    pair.packets += packetsRelayed;
    pair.bytes += bytesRelayed;
    pair.isOpen ||= state === "Connected";
    pairs.set(id, pair);
    for (const peer of [source, target]) peer.bytes += bytesRelayed;
  }
  for (const { source, target } of pairs.values()) {
    source.degree++;
    target.degree++;
  }
  return { peers: [...peers.values()], pairs: [...pairs.values()].toSorted((a, b) => b.bytes - a.bytes) };
}

export function radiusOf({ degree }: Peer): number {
  return 3 + Math.min(9, Math.sqrt(degree) * 1.8);
}

/** Peers push each other away, pairs pull together, and everybody is drawn to the middle a little. */
export function simulate({ peers, pairs }: Network) {
  const distance = peers.length > 200 ? 28 : 60;
  return forceSimulation<Peer>(peers as Peer[])
    .force(
      "pairs",
      forceLink<Peer, Pair>(pairs as Pair[])
        .distance(distance)
        .strength(0.5),
    )
    .force(
      "apart",
      forceManyBody<Peer>()
        .strength(peers.length > 200 ? -30 : -110)
        .distanceMax(420),
    )
    .force(
      "room",
      forceCollide<Peer>((peer) => radiusOf(peer) + 2),
    )
    .force("x", forceX<Peer>().strength(0.035))
    .force("y", forceY<Peer>().strength(0.11))
    .alphaDecay(0.035)
    .stop();
}
