/** One connection of the load: one end sends at its rate, the other sends everything back, both count. */
import { type MessageOptions, type RelayClient, type RelayConnection, RelayError } from "../../client/index.ts";
import type { Plan } from "./plan.ts";

export const VIRTUAL_PORT = 9;
/** At the front of each payload: when it was sent, by the clock that all clients share. */
const STAMP_BYTES = 8;

/** What all links of a load counted. */
export class Counts {
  sent = 0;
  /** Messages that arrived at either end. */
  arrived = 0;
  /** Those that could not be sent: the send buffer was full, or the connection over. */
  refused = 0;
  /** In ms. */
  readonly roundTrips: number[] = [];
}

/** Answers whoever connects, until the client leaves. */
export function echo(client: RelayClient, plan: Plan, counts: Counts): void {
  client.onIncoming({ virtualPort: VIRTUAL_PORT }, (connection) => {
    connection.accept().catch(() => undefined); // the end that asked is told, and fails
    connection.onMessage((message) => {
      connection.release(message);
      counts.arrived++;
      sendOn(connection, message.payload, plan, counts);
    });
  });
}

/** Begins to send. Returns what ends it; what is under way still arrives. */
export function drive(connection: RelayConnection, plan: Plan, counts: Counts): () => void {
  connection.onMessage((message) => {
    connection.release(message);
    const { payload } = message;
    counts.arrived++;
    counts.roundTrips.push(performance.now() - view(payload).getFloat64(0));
  });
  const payload = new Uint8Array(Math.max(plan.size, STAMP_BYTES));
  const tick = (): void => {
    view(payload).setFloat64(0, performance.now());
    if (sendOn(connection, payload, plan, counts)) counts.sent++;
  };
  const timer = setInterval(tick, 1_000 / plan.rate);
  return () => clearInterval(timer);
}

function sendOn(connection: RelayConnection, payload: Uint8Array, { reliable }: Plan, counts: Counts): boolean {
  // Nagle's wait would be measured with the way.
  const options: MessageOptions = { reliable, noNagle: true };
  try {
    connection.send(payload, options);
    return true;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    counts.refused++;
    return false;
  }
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
