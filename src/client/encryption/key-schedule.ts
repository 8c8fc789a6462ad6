/** Version 1, in bytes; docs/encryption.md has it in words, test/vectors/encryption-v1.json in numbers. */
import { type Bytes, concat, utf8 } from "./bytes.ts";

/** First byte of everything that is sent. */
export const Kind = { Hello: 1, Finished: 2, Reliable: 3, Unreliable: 4 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const VERSION = 1;
const KEY_BYTES = 32;
const HELLO_FIXED = 2 + KEY_BYTES;

export interface Hello {
  readonly version: number;
  readonly ephemeral: Bytes;
  readonly certificate: string;
}

/** u8 kind · u8 version · 32 bytes of ephemeral key · the certificate to the end. */
export function encodeHello(ephemeral: Bytes, certificate: string): Bytes {
  return concat(Uint8Array.of(Kind.Hello, VERSION), ephemeral, utf8(certificate));
}

export function decodeHello(bytes: Uint8Array): Hello | undefined {
  if (bytes.length <= HELLO_FIXED || bytes[0] !== Kind.Hello) return undefined;
  return {
    version: bytes[1] ?? 0,
    ephemeral: bytes.slice(2, HELLO_FIXED),
    certificate: new TextDecoder().decode(bytes.subarray(HELLO_FIXED)),
  };
}

/** What both ends must agree on, or their keys differ. `low` is the smaller peer id. */
export interface Transcript {
  readonly app: number;
  readonly low: bigint;
  readonly high: bigint;
  readonly type: number;
  /** -1 for none. */
  readonly virtualPort: number;
  readonly lowHello: Bytes;
  readonly highHello: Bytes;
}

export async function hashTranscript({ lowHello, highHello, ...context }: Transcript): Promise<Bytes> {
  const fixed = new DataView(new ArrayBuffer(33));
  fixed.setUint32(0, context.app, true);
  fixed.setBigUint64(4, context.low, true);
  fixed.setBigUint64(12, context.high, true);
  fixed.setUint8(20, context.type);
  fixed.setInt32(21, context.virtualPort, true);
  fixed.setUint32(25, lowHello.length, true);
  fixed.setUint32(29, highHello.length, true);
  const parts = [LABEL, new Uint8Array(fixed.buffer), lowHello, highHello];
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

/** The three products: of the ephemerals; of low's ephemeral and high's identity; of low's identity and high's ephemeral. */
export interface Shared {
  readonly ee: Bytes;
  readonly es: Bytes;
  readonly se: Bytes;
}

const LABEL = utf8("edge-relay e2ee v1");
const NO_SALT = new Uint8Array(0);
const AES = { name: "AES-GCM", length: 256 };

/** A secret that gives keys and further secrets, and never its bytes. */
export type Secret = CryptoKey;

export interface DirectionSecrets {
  readonly lowToHigh: Secret;
  readonly highToLow: Secret;
}

export async function deriveDirections({ ee, es, se }: Shared, transcript: Bytes): Promise<DirectionSecrets> {
  const master = await importSecret(concat(ee, es, se));
  const [lowToHigh, highToLow] = await Promise.all([
    deriveSecret(master, utf8("low to high"), transcript),
    deriveSecret(master, utf8("high to low"), transcript),
  ]);
  return { lowToHigh, highToLow };
}

/** The secret of the messages of one lane and kind, in one direction, before its first ratchet. */
export function streamSecret(direction: Secret, kind: Kind, lane: number): Promise<Secret> {
  return deriveSecret(direction, concat(utf8("stream"), Uint8Array.of(kind, lane)));
}

export function nextSecret(secret: Secret): Promise<Secret> {
  return deriveSecret(secret, utf8("next"));
}

export function messageKey(secret: Secret): Promise<CryptoKey> {
  return deriveKey(secret, "key");
}

/** Kind 2 and a tag over nothing: that this end has the keys. */
export async function sealFinished(direction: Secret): Promise<Bytes> {
  const key = await deriveKey(direction, "finished");
  const tag = await crypto.subtle.encrypt(finishedParams(), key, NO_SALT);
  return concat(Uint8Array.of(Kind.Finished), new Uint8Array(tag));
}

export async function isFinished(direction: Secret, message: Uint8Array): Promise<boolean> {
  if (message[0] !== Kind.Finished) return false;
  const key = await deriveKey(direction, "finished");
  try {
    const empty = await crypto.subtle.decrypt(finishedParams(), key, message.slice(1));
    return empty.byteLength === 0;
  } catch {
    return false; // the tag is another's
  }
}

function finishedParams(): AesGcmParams {
  return { name: "AES-GCM", iv: new Uint8Array(12), additionalData: Uint8Array.of(Kind.Finished) };
}

/** Bound to a message: nonce = u8 kind · u8 lane · u16 0 · u64 counter; additional data = u8 kind · u8 lane · i32 channel. */
export function messageParams(kind: Kind, lane: number, channel: number, counter: number): AesGcmParams {
  const bytes = new ArrayBuffer(18);
  const view = new DataView(bytes);
  view.setUint8(0, kind);
  view.setUint8(1, lane);
  view.setUint32(4, counter, true); // below 2^32
  view.setUint8(12, kind);
  view.setUint8(13, lane);
  view.setInt32(14, channel, true);
  return { name: "AES-GCM", iv: new Uint8Array(bytes, 0, 12), additionalData: new Uint8Array(bytes, 12, 6) };
}

function importSecret(bytes: Bytes): Promise<Secret> {
  return crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
}

async function deriveSecret(secret: Secret, info: Bytes, salt: Bytes = NO_SALT): Promise<Secret> {
  return importSecret(new Uint8Array(await crypto.subtle.deriveBits(hkdf(info, salt), secret, 8 * KEY_BYTES)));
}

function deriveKey(secret: Secret, info: string): Promise<CryptoKey> {
  return crypto.subtle.deriveKey(hkdf(utf8(info), NO_SALT), secret, AES, false, ["encrypt", "decrypt"]);
}

function hkdf(info: Bytes, salt: Bytes): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt, info: concat(LABEL, Uint8Array.of(0x20), info) };
}
