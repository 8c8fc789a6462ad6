/** The conformance suite once more, with the app's own room divided among three objects (docs/shards.md). */
import { afterAll, beforeAll } from "vitest";
import { connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { TEST_APP, testTicket } from "../support/tickets.ts";
import { CONTRACT_SETTINGS, type ContractContext, newPeer } from "./context.ts";
import { messagesTests } from "./families/messages.ts";
import { oldTests } from "./families/old.ts";
import { p2pTests } from "./families/p2p.ts";
import { socketsTests } from "./families/sockets.ts";

let relay: RunningRelay;
beforeAll(async () => {
  const settings = { ...CONTRACT_SETTINGS, shards: 3 };
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: settings }) });
});
afterAll(() => relay[Symbol.asyncDispose]());

const context: ContractContext = {
  reachMs: 500, // the other shard is asked
  async join({ peer = newPeer(), visible = false } = {}) {
    const ticket = await testTicket({ peer: String(peer), visible });
    return connect({ url: relay.url, app: TEST_APP, ticket });
  },
};
socketsTests(context);
messagesTests(context);
p2pTests(context);
oldTests(context);
