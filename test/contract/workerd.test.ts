/** The conformance suite against the relay in workerd, as a process of its own. */
import { afterAll, beforeAll } from "vitest";
import { connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { TEST_APP, testTicket } from "../support/tickets.ts";
import type { ContractContext } from "./context.ts";
import { socketsTests } from "./families/sockets.ts";

let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

const context: ContractContext = {
  async join({ peer = 1n, visible = false } = {}) {
    const ticket = await testTicket({ peer: String(peer), visible });
    return connect({ url: relay.url, app: TEST_APP, ticket });
  },
};

socketsTests(context);
