/** Permessage-deflate is off as deployed, and one flag of a deployment turns it on (docs/architecture.md, "Settings"). */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

let plain: RunningRelay;
let compressing: RunningRelay;

beforeAll(async () => {
  plain = await RunningRelay.start();
  compressing = await RunningRelay.start({}, { compatibilityFlags: ["web_socket_compression"] });
});

afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await compressing[Symbol.asyncDispose]();
});

/** Node's WebSocket offers permessage-deflate, as browsers do. */
async function negotiated({ url }: RunningRelay, peer: string): Promise<string> {
  const ticket = await testTicket({ peer, app: 480 });
  const address = `${url.replace("http", "ws")}/v1/apps/480/connect`;
  const socket = new WebSocket(address, [SUBPROTOCOL, `${TICKET_SUBPROTOCOL_PREFIX}${ticket}`]);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the upgrade failed")), { once: true });
  });
  const { extensions } = socket;
  socket.close();
  return extensions;
}

async function join({ url }: RunningRelay, peer: string): Promise<RelayClient> {
  return connect({ url, app: 480, ticket: await testTicket({ peer, app: 480 }) });
}

test("as deployed, a client that offers permessage-deflate does not get it", async () => {
  expect(await negotiated(plain, "101")).toBe("");
});

test("with the flag web_socket_compression it does", async () => {
  expect(await negotiated(compressing, "101")).toMatch(/^permessage-deflate/);
});

test("compressed messages arrive as they were sent", async () => {
  const [a, b] = await Promise.all([join(compressing, "201"), join(compressing, "202")]);
  const incoming = b.listen()[Symbol.asyncIterator]().next();
  const opening = a.open(202n);
  const { value: accepted } = await incoming;
  if (!accepted) throw new Error("the listener ended");
  await accepted.accept();
  const connection = await opening;
  const payload = new Uint8Array(100_000).map((_, index) => (index * index) >> 9);
  await connection.write(payload);
  const { value: message } = await accepted[Symbol.asyncIterator]().next();
  expect(Buffer.compare(message?.payload ?? new Uint8Array(), payload)).toBe(0);
  await Promise.all([a.close(), b.close()]);
});
