import { bareTicket } from "./bare-ticket.ts";
import { edgeRelay, edgeRelayLimited, edgeRelayUnbatched } from "./edge-relay.ts";
import { bare, bareBun, bareStandard, bareWs, partyserver } from "./forwarders.ts";
import { colyseus, coturn, nats, natsBatched, socketio } from "./frameworks.ts";
import type { BenchServer } from "./server.ts";

export const SERVERS: readonly BenchServer[] = [
  edgeRelay,
  edgeRelayLimited,
  edgeRelayUnbatched,
  bare,
  bareStandard,
  bareTicket,
  bareBun,
  bareWs,
  partyserver,
  socketio,
  colyseus,
  nats,
  natsBatched,
  coturn,
];

/** Throws for a name that there is not, and for a server that cannot run here. */
export function serverNamed(name: string): BenchServer {
  const server = SERVERS.find((candidate) => candidate.name === name);
  if (!server) throw new Error(`There is no server "${name}"; there are ${SERVERS.map((s) => s.name).join(", ")}`);
  const missing = server.missing();
  if (missing !== undefined) throw new Error(`Cannot run ${name}: ${missing}`);
  return server;
}
