/** What the two playgrounds say to each other: texts, files in pieces, and packets that are thrown to see how many arrive. */

/** One end's way to the other; false: no room now. */
export type Send = (bytes: Uint8Array, isReliable: boolean) => boolean;

export interface Told {
  text(text: string, isReliable: boolean): void;
  /** Hex SHA-256 of what arrived; `isSame`: as the sender has said. */
  file(file: {
    readonly name: string;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly hash: string;
    readonly isSame: boolean;
  }): void;
  progress(name: string, received: number, size: number): void;
  /** A message and its answer took so long. */
  echo(ms: number): void;
  /** Of the packets of one throw, so many have arrived. */
  thrown(arrived: number, total: number): void;
}

/** First byte of each message. */
const Kind = { Text: 1, File: 2, Piece: 3, Thrown: 4, Hello: 5, Ping: 6, Pong: 7 } as const;
/** Bytes. The other end is somebody else, and may say anything. */
export const MAX_FILE = 64 * 1024 * 1024;
const WAIT_FOR_ROOM_MS = 5;
/** u8 kind, u8 nothing, u16 throw, u16 total. */
const THROWN_BYTES = 6;
/** u8 kind, f64 time of the asker, which comes back as it is. */
const BEAT_BYTES = 9;
/** u8 kind, u32 size, SHA-256; the name follows. */
const FILE_BYTES = 37;
const SIZE_OFFSET = 1;
const HASH_OFFSET = 5;
const MAX_NAME = 100;
/** Anything else is another one's clock. */
const MAX_ECHO_MS = 60_000;

interface Incoming {
  readonly name: string;
  readonly size: number;
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  received: number;
}

export class Exchange {
  readonly #send: Send;
  readonly #maxPacket: number;
  readonly #told: Told;
  readonly #arrived = new Map<number, number>();
  #incoming: Incoming | undefined;
  #throws = Math.floor(Math.random() * 0xffff);

  constructor(send: Send, maxPacket: number, told: Told) {
    this.#send = send;
    this.#maxPacket = maxPacket;
    this.#told = told;
  }

  /** Opens the session in the families that have no connect call, and is nothing else. */
  hello(): void {
    this.#send(Uint8Array.of(Kind.Hello), true);
  }

  /** Asks for an answer at once, unreliably: a packet that is lost has no round trip. */
  beat(): void {
    const packet = new Uint8Array(BEAT_BYTES);
    packet[0] = Kind.Ping;
    new DataView(packet.buffer).setFloat64(1, performance.now());
    this.#send(packet, false);
  }

  text(text: string, isReliable: boolean): boolean {
    const body = new TextEncoder().encode(text).subarray(0, this.#maxPacket - 2);
    return this.#send(concat(Uint8Array.of(Kind.Text, Number(isReliable)), body), isReliable);
  }

  /** Its hash, once the last piece has left. `isOver` is asked while there is no room. */
  async file(name: string, bytes: Uint8Array<ArrayBuffer>, isOver: () => boolean): Promise<string | undefined> {
    const hash = await sha256(bytes);
    const head = concat(new Uint8Array(FILE_BYTES), new TextEncoder().encode(name.slice(0, MAX_NAME)));
    head[0] = Kind.File;
    new DataView(head.buffer).setUint32(SIZE_OFFSET, bytes.length);
    head.set(fromHex(hash), HASH_OFFSET);
    const piece = this.#maxPacket - 1;
    const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
      concat(Uint8Array.of(Kind.Piece), bytes.subarray(i * piece, (i + 1) * piece)),
    );
    for (const message of [head, ...pieces]) {
      while (!this.#send(message, true)) {
        if (isOver()) return undefined;
        await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_ROOM_MS));
      }
    }
    return hash;
  }

  /** Unreliable packets of `size` bytes, `perSecond` of them each second until there were `total`. */
  async throw(total: number, size: number, perSecond: number): Promise<void> {
    this.#throws = (this.#throws + 1) & 0xffff;
    const packet = new Uint8Array(Math.min(Math.max(size, THROWN_BYTES), this.#maxPacket));
    const view = new DataView(packet.buffer);
    view.setUint8(0, Kind.Thrown);
    view.setUint16(2, this.#throws);
    view.setUint16(4, total);
    const begun = performance.now();
    for (let sent = 0; sent < total; sent++) {
      const dueAt = begun + (sent * 1000) / perSecond;
      const early = dueAt - performance.now();
      if (early > 4) await new Promise((resolve) => setTimeout(resolve, early));
      this.#send(packet, false);
    }
  }

  received(bytes: Uint8Array): void {
    const body = bytes.subarray(1);
    switch (bytes[0]) {
      case Kind.Text:
        return this.#told.text(new TextDecoder().decode(body.subarray(1)), body[0] === 1);
      case Kind.File:
        return this.#begin(bytes);
      case Kind.Piece:
        return this.#append(body);
      case Kind.Ping:
        return this.#answer(body);
      case Kind.Pong:
        return this.#measure(bytes);
      case Kind.Thrown:
        return this.#count(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  }

  #answer(body: Uint8Array): void {
    this.#send(concat(Uint8Array.of(Kind.Pong), body.subarray(0, BEAT_BYTES - 1)), false);
  }

  #measure(bytes: Uint8Array): void {
    if (bytes.length !== BEAT_BYTES) return;
    const ms = performance.now() - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(1);
    if (ms >= 0 && ms < MAX_ECHO_MS) this.#told.echo(ms);
  }

  #begin(head: Uint8Array): void {
    if (head.length < FILE_BYTES) return;
    const size = new DataView(head.buffer, head.byteOffset).getUint32(SIZE_OFFSET);
    if (size > MAX_FILE) return;
    const hash = toHex(head.subarray(HASH_OFFSET, FILE_BYTES));
    const name = new TextDecoder().decode(head.subarray(FILE_BYTES));
    this.#incoming = { name, size, hash, bytes: new Uint8Array(size), received: 0 };
    if (size === 0) void this.#finish(this.#incoming);
  }

  #append(body: Uint8Array): void {
    const incoming = this.#incoming;
    if (!incoming || incoming.received + body.length > incoming.size) return;
    incoming.bytes.set(body, incoming.received);
    incoming.received += body.length;
    this.#told.progress(incoming.name, incoming.received, incoming.size);
    if (incoming.received === incoming.size) void this.#finish(incoming);
  }

  async #finish({ name, bytes, hash: expected }: Incoming): Promise<void> {
    this.#incoming = undefined;
    const hash = await sha256(bytes);
    this.#told.file({ name, bytes, hash, isSame: hash === expected });
  }

  #count(view: DataView): void {
    if (view.byteLength < THROWN_BYTES) return;
    const id = view.getUint16(2);
    const arrived = (this.#arrived.get(id) ?? 0) + 1;
    this.#arrived.set(id, arrived);
    this.#told.thrown(arrived, view.getUint16(4));
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function concat(head: Uint8Array, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
