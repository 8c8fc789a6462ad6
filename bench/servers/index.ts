import { bareTicket } from "./bare-ticket.ts";
import {
  edgeRelay,
  edgeRelayAligned,
  edgeRelayDeflate,
  edgeRelayDelayed,
  edgeRelayLean,
  edgeRelayLimited,
  edgeRelayUnbatched,
} from "./edge-relay.ts";
import { bare, bareBun, bareDeflate, bareDeno, bareStandard, bareWs, partyserver } from "./forwarders.ts";
import { colyseus, coturn, nats, natsBatched, socketio } from "./frameworks.ts";
import type { BenchServer } from "./server.ts";
import { edgeRelayBun, edgeRelayDeno, edgeRelayNode } from "./standalone.ts";

export const SERVERS: readonly BenchServer[] = [
  edgeRelay,
  edgeRelayLimited,
  edgeRelayUnbatched,
  edgeRelayAligned,
  edgeRelayDelayed,
  edgeRelayDeflate,
  edgeRelayLean,
  edgeRelayNode,
  edgeRelayBun,
  edgeRelayDeno,
  bare,
  bareStandard,
  bareDeflate,
  bareTicket,
  bareBun,
  bareDeno,
  bareWs,
  partyserver,
  socketio,
  colyseus,
  nats,
  natsBatched,
  coturn,
];

/** The server, or why it cannot run here. */
export function findServer(name: string): BenchServer | string {
  const server = SERVERS.find((candidate) => candidate.name === name);
  if (!server) return `there is no server "${name}"`;
  const missing = server.missing();
  return missing === undefined ? server : `cannot run ${name}: ${missing}`;
}

/** Throws for a server that cannot run here. */
export function serverNamed(name: string): BenchServer {
  const found = findServer(name);
  if (typeof found === "string") throw new Error(`${found}; there are ${SERVERS.map((s) => s.name).join(", ")}`);
  return found;
}
