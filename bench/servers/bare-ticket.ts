/** What is left of a join when everything is taken away but its ticket: the floor of `join-storm`, and of no other scenario. */
import { ticketedPeers, SECRET } from "./edge-relay.ts";
import type { BenchServer } from "./server.ts";
import { startWorker } from "./workerd.ts";

export const bareTicket: BenchServer = {
  name: "bare-ticket",
  title: "ticket check and bare object on workerd",
  missing: () => undefined,
  start: (more) =>
    startWorker(
      {
        file: "bare-ticket.js",
        className: "Entrance",
        binding: "ENTRANCE",
        protocol: "edge-relay",
        variables: { TICKET_SECRET: SECRET },
        peers: (count) => ticketedPeers(count, (index) => `/?peer=${index}`),
      },
      more,
    ),
};
