/** What goes to several peers alike, sent to the relay once. An entry of its own: nothing of the client imports it. */
import type { RelayClient } from "../relay-client.ts";
import { fold } from "./fold.ts";

const NOTHING = (): void => undefined;

/**
 * From now on messages that are the same for several connections (bytes, lane, reliability, channel) and leave together
 * travel to the relay as one frame, which makes one for each. It does not matter how they were sent: `send` in a loop, Steam's
 * `SendMessages`, one `SendMessageToUser` after another. Receivers see no difference, and neither do statistics.
 */
export function multicast(client: RelayClient): void {
  client.extend({
    receive: NOTHING,
    connected: NOTHING,
    interrupted: NOTHING,
    refused: () => false,
    ended: NOTHING,
    pack: fold,
  });
}
