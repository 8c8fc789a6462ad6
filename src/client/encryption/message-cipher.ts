import { RelayError } from "../relay-error.ts";
import { type Bytes, concat } from "./bytes.ts";
import { Kind, type Secret, messageKey, messageParams, nextSecret, streamSecret } from "./key-schedule.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Messages under one key. With the largest messages that is 2^31 blocks of AES, under the 2^34.5 of RFC 8446, 5.5. */
export const MESSAGES_PER_KEY = 2 ** 16;
/** Keys that a receiver derives ahead: so many times 2^16 unreliable messages may be lost in a row. */
const MAX_KEYS_AHEAD = 256;
const MAX_COUNTER = 2 ** 32 - 1;

const NOTHING = Promise.resolve(undefined);
const TAG_BYTES = 16;
const UNRELIABLE_HEADER = 5;
/** What encryption adds to a message at most. */
export const OVERHEAD = UNRELIABLE_HEADER + TAG_BYTES;

/** The keys of one stream, one after the other; those that are done with are forgotten, and cannot be computed again. */
class KeyChain {
  readonly #secrets: Promise<Secret>[];
  readonly #keys: Promise<CryptoKey>[] = [];
  /** Number of the first key that is kept. */
  #first = 0;

  constructor(start: Promise<Secret>) {
    this.#secrets = [start];
  }

  get first(): number {
    return this.#first;
  }

  /** Undefined for one that is forgotten. */
  key(index: number): Promise<CryptoKey> | undefined {
    const at = index - this.#first;
    if (at < 0) return undefined;
    for (let last = this.#secrets.at(-1); last && this.#secrets.length <= at; last = this.#secrets.at(-1)) {
      this.#secrets.push(last.then(nextSecret));
    }
    return (this.#keys[at] ??= this.#secrets[at]?.then(messageKey) as Promise<CryptoKey>);
  }

  forgetBefore(index: number): void {
    if (index <= this.#first) return;
    void this.key(index);
    this.#secrets.splice(0, index - this.#first);
    this.#keys.splice(0, index - this.#first);
    this.#first = index;
  }
}

export type StreamKind = typeof Kind.Reliable | typeof Kind.Unreliable;

/** The messages of one lane and kind that leave. */
export class Sealer {
  readonly #kind: StreamKind;
  readonly #lane: number;
  readonly #chain: KeyChain;
  #counter: number;

  /** `firstCounter` is for tests of what comes late. */
  constructor(direction: Secret, kind: StreamKind, lane: number, firstCounter = 0) {
    this.#kind = kind;
    this.#lane = lane;
    this.#chain = new KeyChain(streamSecret(direction, kind, lane));
    this.#counter = firstCounter;
  }

  /** Takes the next counter at once. `payload` must not be changed any more. */
  seal(payload: Bytes, channel: number): Promise<Bytes> {
    const counter = this.#counter;
    if (counter > MAX_COUNTER) {
      const message = "Cannot send: 2^32 messages were encrypted on this lane; open a new connection";
      throw new RelayError("limit_exceeded", message);
    }
    this.#counter++;
    const index = Math.floor(counter / MESSAGES_PER_KEY);
    this.#chain.forgetBefore(index);
    return this.#encrypt(payload, channel, counter, this.#chain.key(index));
  }

  async #encrypt(
    payload: Bytes,
    channel: number,
    counter: number,
    key: Promise<CryptoKey> | undefined,
  ): Promise<Bytes> {
    if (!key) throw new Error("unreachable: a sealer's keys only advance");
    const params = messageParams(this.#kind, this.#lane, channel, counter);
    const sealed = new Uint8Array(await crypto.subtle.encrypt(params, await key, payload));
    const header = new Uint8Array(this.#kind === Kind.Reliable ? 1 : UNRELIABLE_HEADER);
    header[0] = this.#kind;
    if (header.length > 1) new DataView(header.buffer).setUint32(1, counter, true);
    return concat(header, sealed);
  }
}

/** Reliable messages of a lane as they arrive: each is the next, or somebody has meddled. */
export class ReliableOpener {
  readonly #lane: number;
  readonly #chain: KeyChain;
  #counter: number;

  /** `firstCounter` is for tests of what comes late. */
  constructor(direction: Secret, lane: number, firstCounter = 0) {
    this.#lane = lane;
    this.#chain = new KeyChain(streamSecret(direction, Kind.Reliable, lane));
    this.#counter = firstCounter;
  }

  /** Undefined for a forgery, and for a message that is not the next one. */
  open(message: Uint8Array, channel: number): Promise<Bytes | undefined> {
    const counter = this.#counter++;
    const index = Math.floor(counter / MESSAGES_PER_KEY);
    this.#chain.forgetBefore(index);
    return decrypt(
      message.slice(1),
      messageParams(Kind.Reliable, this.#lane, channel, counter),
      this.#chain.key(index),
    );
  }
}

/** Unreliable messages of a lane: some may be missing, none comes twice. */
export class UnreliableOpener {
  readonly #lane: number;
  readonly #chain: KeyChain;
  readonly #window = new ReplayWindow();
  #last: Promise<unknown> = NOTHING;

  constructor(direction: Secret, lane: number) {
    this.#lane = lane;
    this.#chain = new KeyChain(streamSecret(direction, Kind.Unreliable, lane));
  }

  /** Undefined for forgeries, repetitions, and what is too old to tell. */
  open(message: Uint8Array, channel: number): Promise<Bytes | undefined> {
    if (message.length < OVERHEAD) return NOTHING;
    const counter = new DataView(message.buffer, message.byteOffset).getUint32(1, true);
    const index = Math.floor(counter / MESSAGES_PER_KEY);
    if (!this.#window.isFresh(counter) || index > this.#chain.first + MAX_KEYS_AHEAD) return NOTHING;
    const params = messageParams(Kind.Unreliable, this.#lane, channel, counter);
    const opened = decrypt(message.slice(UNRELIABLE_HEADER), params, this.#chain.key(index));
    return (this.#last = this.#accept(this.#last, opened, counter));
  }

  /** In the order of arrival, whichever is decrypted first: else the copy of a message could take its place. */
  async #accept(
    previous: Promise<unknown>,
    opened: Promise<Bytes | undefined>,
    counter: number,
  ): Promise<Bytes | undefined> {
    const [payload] = await Promise.all([opened, previous]);
    // Nothing that is not authentic moves the window.
    if (!payload || !this.#window.take(counter)) return undefined;
    this.#chain.forgetBefore(Math.floor(this.#window.oldest / MESSAGES_PER_KEY));
    return payload;
  }
}

async function decrypt(
  sealed: Bytes,
  params: AesGcmParams,
  key: Promise<CryptoKey> | undefined,
): Promise<Bytes | undefined> {
  if (!key) return undefined;
  try {
    return new Uint8Array(await crypto.subtle.decrypt(params, await key, sealed));
  } catch {
    return undefined; // OperationError: it is not what the other end sealed here
  }
}
