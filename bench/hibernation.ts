/**
 * Whether the object of a quiet room sleeps between packets: yes or no, so no ratio. Two clients of the SDK with all that they
 * do by themselves, and a relay that tells how often it has built a room, without being woken by the question.
 */
import { readFileSync } from "node:fs";
import { FaultyRelay } from "../test/faults/faulty-relay.ts";
import { testTicket } from "../test/support/tickets.ts";
import { type RelayClient, connect } from "../src/client/index.ts";

/** As a goal among those of goals.ts. */
export const HIBERNATION_GOAL = "quiet room: the object hibernates between packets 15 s apart";

const ROOM = "quiet";
const APART_MS = 15_000;

/** What bench/results/hibernation.json holds. */
export interface Hibernation {
  readonly apartMs: number;
  /** Pauses between packets, and in how many of them the object was evicted. */
  readonly pauses: number;
  readonly slept: number;
}

export async function watchHibernation(pauses: number): Promise<Hibernation> {
  await using relay = await FaultyRelay.start();
  await using a = await enter(relay.url, "401");
  await using b = await enter(relay.url, "402");
  const incoming = b.listen()[Symbol.asyncIterator]().next();
  const opening = a.open(b.peer);
  const { value: end } = await incoming;
  if (!end) throw new Error("the listener ended");
  await end.accept();
  const connection = await opening;
  const messages = end[Symbol.asyncIterator]();
  let slept = 0;
  for (let pause = 0; pause < pauses; pause++) {
    connection.send(new Uint8Array(64));
    await messages.next();
    const births = await relay.births(ROOM);
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
    connection.send(new Uint8Array(64));
    await messages.next();
    if ((await relay.births(ROOM)) > births) slept++;
  }
  return { apartMs: APART_MS, pauses, slept };
}

async function enter(url: string, peer: string): Promise<RelayClient> {
  return connect({ url, app: 480, room: ROOM, ticket: await testTicket({ peer, app: 480 }) });
}

/** What stands in a results file, as the result of the goal; one that is not there has not been measured. */
export function writtenHibernation(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return "not measured: there are no results; npm run bench:goals";
  }
  const { pauses, slept } = JSON.parse(text) as Hibernation;
  const found = `it was evicted in ${slept} of ${pauses} pauses`;
  return slept === pauses && pauses > 0 ? `met: ${found}` : `missed: ${found}`;
}
