/**
 * Encryption version 1 written a second time, with node:crypto and a hand-made HKDF, from docs/encryption.md alone.
 * `node --experimental-strip-types test/unit/encryption/reference.ts` prints test/vectors/encryption-v1.json.
 */
import {
  type KeyObject,
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign,
} from "node:crypto";

const PREFIX = { X25519: "302e020100300506032b656e04220420", Ed25519: "302e020100300506032b657004220420" };

export function privateKey(curve: keyof typeof PREFIX, hex: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(PREFIX[curve] + hex, "hex"), format: "der", type: "pkcs8" });
}

function raw(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url");
}

function hkdf(secret: Buffer, salt: Buffer, info: Buffer): Buffer {
  const pseudoRandom = createHmac("sha256", salt.length > 0 ? salt : Buffer.alloc(32))
    .update(secret)
    .digest();
  return createHmac("sha256", pseudoRandom)
    .update(Buffer.concat([info, Buffer.of(1)]))
    .digest();
}

const LABEL = "edge-relay e2ee v1";
const NONE = Buffer.alloc(0);
const info = (text: string, ...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from(`${LABEL} ${text}`), Buffer.from(bytes)]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function seal(key: Buffer, nonce: Buffer, additional: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(additional);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function sealMessage(
  direction: Buffer,
  [kind, lane, channel, counter]: readonly [number, number, number, number],
  plain: Buffer,
) {
  let secret = hkdf(direction, NONE, info("stream", kind, lane));
  for (let i = 0; i < Math.floor(counter / 65_536); i++) secret = hkdf(secret, NONE, info("next"));
  const nonce = Buffer.concat([Buffer.of(kind, lane, 0, 0), u64(BigInt(counter))]);
  const additional = Buffer.concat([Buffer.of(kind, lane), i32(channel)]);
  const sealed = seal(hkdf(secret, NONE, info("key")), nonce, additional, plain);
  return Buffer.concat([Buffer.of(kind), kind === 4 ? u32(counter) : NONE, sealed]);
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function certificate(signer: KeyObject, peer: bigint, app: number, key: Buffer): string {
  const claims = { aud: "edge-relay-identity", sub: String(peer), app, key: key.toString("base64url") };
  const signed = `${part({ alg: "EdDSA", typ: "JWT", kid: "v1" })}.${part({ ...claims, iat: 1_800_000_000, exp: 4_102_444_800 })}`;
  return `${signed}.${sign(null, Buffer.from(signed), signer).toString("base64url")}`;
}

const bytesOf = (from: number): string => Buffer.from(Array.from({ length: 32 }, (_, i) => from + i)).toString("hex");

const dh = (mine: KeyObject, theirs: KeyObject): Buffer =>
  diffieHellman({ privateKey: mine, publicKey: createPublicKey(theirs) });

export function makeVectors() {
  const [app, type, virtualPort] = [480, 2, 7];
  const issuer = privateKey("Ed25519", bytesOf(0xa0));
  const end = (peer: bigint, identityPrivate: string, ephemeralPrivate: string) => {
    const [identity, ephemeral] = [privateKey("X25519", identityPrivate), privateKey("X25519", ephemeralPrivate)];
    const token = certificate(issuer, peer, app, raw(identity));
    const hello = Buffer.concat([Buffer.of(1, 1), raw(ephemeral), Buffer.from(token)]);
    const values = { peer: String(peer), identityPrivate, identityPublic: raw(identity).toString("hex") };
    const more = { ephemeralPrivate, ephemeralPublic: raw(ephemeral).toString("hex"), certificate: token };
    return { identity, ephemeral, hello, peer, json: { ...values, ...more, hello: hello.toString("hex") } };
  };
  const low = end(76561197960287930n, bytesOf(0x10), bytesOf(0x30));
  const high = end(76561197960287931n, bytesOf(0x50), bytesOf(0x70));
  const ee = dh(low.ephemeral, high.ephemeral);
  const es = dh(low.ephemeral, high.identity);
  const se = dh(low.identity, high.ephemeral);
  const context = [u32(app), u64(low.peer), u64(high.peer), Buffer.of(type), i32(virtualPort)];
  const lengths = [u32(low.hello.length), u32(high.hello.length)];
  const transcript = createHash("sha256")
    .update(Buffer.concat([Buffer.from(LABEL), ...context, ...lengths, low.hello, high.hello]))
    .digest();
  const secret = Buffer.concat([ee, es, se]);
  const lowToHigh = hkdf(secret, transcript, info("low to high"));
  const highToLow = hkdf(secret, transcript, info("high to low"));
  const finished = (direction: Buffer): string =>
    Buffer.concat([
      Buffer.of(2),
      seal(hkdf(direction, NONE, info("finished")), Buffer.alloc(12), Buffer.of(2), NONE),
    ]).toString("hex");
  const message = (
    from: "low" | "high",
    kind: number,
    lane: number,
    channel: number,
    counter: number,
    text: string,
  ) => {
    const direction = from === "low" ? lowToHigh : highToLow;
    const sealed = sealMessage(direction, [kind, lane, channel, counter], Buffer.from(text));
    return { from, kind, lane, channel, counter, text, sealed: sealed.toString("hex") };
  };
  return {
    version: 1,
    context: { app, type, virtualPort },
    issuer: { ...createPublicKey(issuer).export({ format: "jwk" }), kid: "v1" },
    low: low.json,
    high: high.json,
    ee: ee.toString("hex"),
    es: es.toString("hex"),
    se: se.toString("hex"),
    transcript: transcript.toString("hex"),
    lowToHigh: lowToHigh.toString("hex"),
    highToLow: highToLow.toString("hex"),
    finished: { low: finished(lowToHigh), high: finished(highToLow) },
    messages: [
      message("low", 3, 0, 0, 0, "hello"),
      message("high", 3, 0, 0, 0, "hello"),
      message("low", 3, 0, 0, 1, ""),
      message("low", 3, 254, -2_147_483_648, 0, "the last lane, the lowest channel"),
      message("high", 4, 1, 33, 0, "unreliable"),
      message("high", 4, 1, 33, 258, "unreliable, later"),
      message("low", 3, 0, 0, 65_535, "the last of the first key"),
      message("low", 3, 0, 0, 65_536, "the first of the second key"),
      message("high", 4, 0, 7, 200_000, "under the fourth key"),
    ],
  };
}

if (import.meta.main) console.log(JSON.stringify(makeVectors(), undefined, 2));
