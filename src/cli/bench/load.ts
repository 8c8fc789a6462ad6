/** A small load of real clients, all in this process, for as long as the plan says. */
import type { RelayClient, RelayConnection } from "../../client/index.ts";
import { Failure } from "../exit.ts";
import { type Quantiles, quantilesOf } from "../quantiles.ts";
import { Counts, VIRTUAL_PORT, drive, echo } from "./echo-link.ts";
import { type Plan, linksOf } from "./plan.ts";

export interface LoadResult {
  readonly connections: number;
  /** By the ends that ask, and how many of those came back. */
  readonly sent: number;
  readonly returned: number;
  readonly refused: number;
  /** That the relay handed on, both ways. */
  readonly packetsPerSecond: number;
  readonly roundTripMs: Quantiles | undefined;
}

export type Join = (place: number) => Promise<RelayClient>;

/** For messages that are under way when the time is over. */
const SETTLE_MS = 500;

export async function play(plan: Plan, join: Join, note: (text: string) => void): Promise<LoadResult> {
  const links = linksOf(plan);
  const counts = new Counts();
  const clients: RelayClient[] = [];
  try {
    for (let place = 0; place < plan.peers; place++) {
      const client = await join(place);
      clients.push(client);
      echo(client, plan, counts);
    }
    note(`${clients.length} peers have joined`);
    const connections = await Promise.all(links.map(([from, to]) => open(clients[from], clients[to])));
    note(`${connections.length} connections; ${plan.seconds} s of load`);
    const stops = connections.map((connection) => drive(connection, plan, counts));
    const lost = await Promise.race([sleep(plan.seconds * 1_000), ...clients.map(({ closed }) => closed)]);
    for (const stop of stops) stop();
    if (lost) throw new Failure("relay_closed", `The relay ended the load: ${lost.reason} (${lost.code}).`);
    const packetsPerSecond = Math.round(counts.arrived / plan.seconds);
    await sleep(SETTLE_MS);
    const { sent, refused, roundTrips } = counts;
    const returned = roundTrips.length;
    const roundTripMs = quantilesOf(roundTrips);
    return { connections: links.length, sent, returned, refused, packetsPerSecond, roundTripMs };
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function open(from: RelayClient | undefined, to: RelayClient | undefined): Promise<RelayConnection> {
  if (!from || !to) throw new RangeError("the plan links peers that it does not have");
  return from.open(to.peer, { virtualPort: VIRTUAL_PORT });
}

function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined));
}
