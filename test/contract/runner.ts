/** The conformance suite against the relay on one runtime, as a process of its own. */
import { afterAll, beforeAll } from "vitest";
import { connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import type { Runtime } from "../support/runtimes.ts";
import { TEST_APP, testTicket } from "../support/tickets.ts";
import { CONTRACT_SETTINGS, type ContractContext, newPeer } from "./context.ts";
import { messagesTests } from "./families/messages.ts";
import { oldTests } from "./families/old.ts";
import { p2pTests } from "./families/p2p.ts";
import { socketsTests } from "./families/sockets.ts";

export function contractTests(runtime: Runtime): void {
  let relay: RunningRelay;
  beforeAll(async () => {
    relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: CONTRACT_SETTINGS }) }, { runtime });
  });
  afterAll(() => relay[Symbol.asyncDispose]());

  const context: ContractContext = {
    async join({ peer = newPeer(), visible = false } = {}) {
      const ticket = await testTicket({ peer: String(peer), visible });
      return connect({ url: relay.url, app: TEST_APP, ticket });
    },
  };
  socketsTests(context);
  messagesTests(context);
  p2pTests(context);
  oldTests(context);
}
