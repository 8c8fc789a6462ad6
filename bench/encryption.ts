/**
 * What encryption costs: messages per second of one connection, with and without, in turns.
 * `node --experimental-strip-types --no-warnings bench/encryption.ts [turns]`
 */
import { signIdentity } from "../src/auth/sign-identity.ts";
import { type EncryptOptions, encrypt, generateIdentity } from "../src/client/encryption/index.ts";
import { type RelayConnection, connect } from "../src/client/index.ts";
import { createSocketPair } from "../src/client/simulator/index.ts";
import { RunningRelay } from "../test/support/running-relay.ts";
import { testTicket } from "../test/support/tickets.ts";

const TURNS = Number(process.argv[2] ?? 7);
/** Size, and how many messages make one measurement: enough for some 200 ms. */
const SIZES: readonly (readonly [bytes: number, count: number])[] = [
  [64, 20_000],
  [1024, 20_000],
  [65_536, 800],
];

type Pair = readonly [RelayConnection, RelayConnection];
interface Channel {
  write(payload: Uint8Array): Promise<unknown>;
  readonly messages: AsyncIterator<unknown>;
}
type Way = () => Promise<Pair>;

const { privateKey, publicKey } = await issuer();
let nextPeer = 5000n;

async function issuer() {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  const [priv, pub] = [
    await crypto.subtle.exportKey("jwk", pair.privateKey),
    await crypto.subtle.exportKey("jwk", pair.publicKey),
  ];
  return { privateKey: priv, publicKey: { kty: pub.kty, crv: pub.crv, x: pub.x } };
}

async function options(peer: bigint): Promise<EncryptOptions> {
  const identity = await generateIdentity();
  const certificate = await signIdentity({ peer, app: 480, key: identity.publicKey }, privateKey);
  return { identity, certificate, issuers: [publicKey] };
}

const inMemory: Way = async () => createSocketPair({ peers: [2n, 1n], tuning: { sendRate: Infinity } });

const join = async (url: string, peer: bigint) =>
  connect({ url, app: 480, ticket: await testTicket({ peer: String(peer), app: 480 }) });

function throughRelay(url: string): Way {
  return async () => {
    const [idA, idB] = [nextPeer++, nextPeer++];
    const [a, b] = await Promise.all([join(url, idA), join(url, idB)]);
    const incoming = b.listen()[Symbol.asyncIterator]().next();
    const opening = a.open(idB);
    const { value } = await incoming;
    if (!value) throw new Error("the listener ended");
    await value.accept();
    return [await opening, value];
  };
}

const of = (end: { write(p: Uint8Array): Promise<unknown> } & AsyncIterable<unknown>): Channel => ({
  write: (payload) => end.write(payload),
  messages: end[Symbol.asyncIterator](),
});

async function channel([a, b]: Pair, isEncrypted: boolean): Promise<[Channel, Channel]> {
  if (!isEncrypted) return [of(a), of(b)];
  const [optionsA, optionsB] = await Promise.all([options(b.peer), options(a.peer)]);
  const [secureA, secureB] = await Promise.all([encrypt(a, optionsA), encrypt(b, optionsB)]);
  return [of(secureA), of(secureB)];
}

/** Messages per second, from the first write until the last has been read. */
async function measure([from, to]: readonly [Channel, Channel], bytes: number, count: number): Promise<number> {
  const payload = new Uint8Array(bytes);
  const start = performance.now();
  const reading = (async () => {
    for (let i = 0; i < count; i++) await to.messages.next();
  })();
  for (let i = 0; i < count; i++) await from.write(payload);
  await reading;
  return (count * 1000) / (performance.now() - start);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const rate = (value: number): string => `${Math.round(value)}/s`.padStart(9);

async function compare(name: string, way: Way): Promise<void> {
  const plain = await channel(await way(), false);
  const secure = await channel(await way(), true);
  for (const [bytes, count] of SIZES) {
    for (const each of [plain, secure]) await measure(each, bytes, Math.ceil(count / 4)); // warm
    const results: { plain: number; secure: number }[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      // Who goes first changes, so that neither always follows the other.
      const first = turn % 2 === 0 ? plain : secure;
      const one = await measure(first, bytes, count);
      const two = await measure(first === plain ? secure : plain, bytes, count);
      results.push(first === plain ? { plain: one, secure: two } : { plain: two, secure: one });
    }
    const ratios = results.map((result) => result.secure / result.plain);
    console.log(
      [
        name.padEnd(15),
        `${bytes} B`.padStart(8),
        `plain ${rate(median(results.map((result) => result.plain)))}`,
        `encrypted ${rate(median(results.map((result) => result.secure)))}`,
        `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
      ].join("  "),
    );
  }
}

console.log(`node --experimental-strip-types --no-warnings bench/encryption.ts ${TURNS}    Node ${process.version}`);
await compare("in memory", inMemory);
const relay = await RunningRelay.start();
await compare("through a relay", throughRelay(relay.url));
await relay[Symbol.asyncDispose]();
process.exit(0);
