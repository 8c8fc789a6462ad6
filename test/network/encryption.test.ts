/** Two clients with identities, over a relay that runs and knows nothing of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIdentity } from "../../src/auth/sign-identity.ts";
import {
  type EncryptOptions,
  type SecureConnection,
  encrypt,
  generateIdentity,
} from "../../src/client/encryption/index.ts";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { keyPair } from "../unit/auth/keys.ts";

let relay: RunningRelay;
let nextPeer = 76561197960390000n;
const backend = await keyPair("ES256", "backend");

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

interface Player {
  readonly client: RelayClient;
  readonly options: EncryptOptions;
}

async function join(vouchedFor?: bigint): Promise<Player> {
  const peer = nextPeer++;
  const client = await connect({
    url: relay.url,
    app: 480,
    ticket: await testTicket({ peer: String(peer), app: 480 }),
  });
  const identity = await generateIdentity();
  const claims = { peer: vouchedFor ?? peer, app: 480, key: identity.publicKey };
  const certificate = await signIdentity(claims, backend.privateKey);
  return { client, options: { identity, certificate, issuers: [backend.publicKey] } };
}

async function connected(a: Player, b: Player): Promise<[RelayConnection, RelayConnection]> {
  const listener = b.client.listen({ virtualPort: 9 });
  const opening = a.client.open(b.client.peer, { virtualPort: 9 });
  const { value: incoming } = await listener[Symbol.asyncIterator]().next();
  if (!incoming) throw new Error("the listener ended");
  await incoming.accept();
  return [await opening, incoming];
}

async function secured(): Promise<[SecureConnection, SecureConnection]> {
  const [a, b] = await Promise.all([join(), join()]);
  const [toB, toA] = await connected(a, b);
  return Promise.all([encrypt(toB, a.options), encrypt(toA, b.options)]);
}

test("messages both ways, large and small, reliable and not", async () => {
  const [a, b] = await secured();
  expect(a.peerCertificate.peer).toBe(a.peer);
  const large = new Uint8Array(400_000).map((_, i) => i % 251);
  await a.write(large);
  for (let i = 0; i < 500; i++) await a.write(`message ${i}`);
  for (let i = 0; i < 20; i++) b.send(`state ${i}`, { reliable: false });
  const texts: string[] = [];
  let isFirst = true;
  for await (const { payload } of b) {
    if (isFirst) expect(payload).toEqual(large);
    else texts.push(new TextDecoder().decode(payload));
    isFirst = false;
    if (texts.length === 500) break;
  }
  expect(texts).toEqual(Array.from({ length: 500 }, (_, i) => `message ${i}`));
  let states = 0;
  for await (const message of a) {
    expect(message.reliable).toBe(false);
    if (++states === 20) break;
  }
  await a.close({ reason: 1234 });
  expect(await b.closed).toMatchObject({ reason: 1234, closedBy: "peer" });
});

test("what is sent just before the close arrives", async () => {
  const [a, b] = await secured();
  for (let i = 0; i < 100; i++) a.send(`${i}`);
  void a.close();
  let count = 0;
  for await (const _ of b) count++;
  expect(count).toBe(100);
});

test("a certificate of somebody else ends the connection for both, with the reason", async () => {
  const [a, b] = await Promise.all([join(), join(1n)]);
  const [toB, toA] = await connected(a, b);
  const both = await Promise.allSettled([encrypt(toB, a.options), encrypt(toA, b.options)]);
  expect(both[0]).toMatchObject({ status: "rejected", reason: { code: "certificate_wrong_peer" } });
  expect(both[1]).toMatchObject({ status: "rejected", reason: { code: "handshake_failed" } });
  expect(await toA.closed).toMatchObject({ reason: 2000, debug: expect.stringContaining("certificate_wrong_peer") });
});
