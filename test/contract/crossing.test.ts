/** The conformance suite once more, with everybody's peers in other rooms than their own (docs/trunk.md). */
import { afterAll, beforeAll } from "vitest";
import { connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { TEST_APP, testTicket } from "../support/tickets.ts";
import { CONTRACT_SETTINGS, type ContractContext, newPeer } from "./context.ts";
import { messagesTests } from "./families/messages.ts";
import { oldTests } from "./families/old.ts";
import { p2pTests } from "./families/p2p.ts";
import { socketsTests } from "./families/sockets.ts";

const ROOMS = 3n;
/**
 * The directory is asked at once and at the next two whole seconds, which may all be within 1.1 s; and who has come it hears
 * within a second, in a busy process a little later. The question after these, at most 4 s after the connect, is always late enough.
 */
const REACH_MS = 5_000;

let relay: RunningRelay;
beforeAll(async () => {
  const settings = { ...CONTRACT_SETTINGS, connectTimeoutMs: REACH_MS, crossRooms: 1 };
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: settings }) });
});
afterAll(() => relay[Symbol.asyncDispose]());

const context: ContractContext = {
  reachMs: REACH_MS,
  async join({ peer = newPeer(), visible = false } = {}) {
    const ticket = await testTicket({ peer: String(peer), visible });
    return connect({ url: relay.url, app: TEST_APP, room: `third-${peer % ROOMS}`, ticket });
  },
};
socketsTests(context);
messagesTests(context);
p2pTests(context);
oldTests(context);
