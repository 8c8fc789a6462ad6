/**
 * Simulated time: two engines, joined by two simulated links. Checks at every step what holds always: a batch stays within
 * its budget, an engine that says "now" has something to write, and no bytes are held beyond the bound.
 */
import {
  ConnectionEngine,
  type EngineOptions,
  type Message,
  type SendOptions,
  type SendResult,
  type Violation,
} from "../../../src/client/engine/connection-engine.ts";
import { FrameWriter } from "../../../src/client/engine/frame-writer.ts";
import { type NetworkConditions, SimulatedLink } from "../../../src/client/simulator/index.ts";
import {
  type Ack,
  DataFlag,
  type DataHeader,
  DATA_PAYLOAD_OFFSET,
  FrameType,
  type Probe,
  frameEnd,
  readAck,
  readDataHeader,
  readProbe,
} from "../../../src/protocol/index.ts";

export const { Reliable, NoNagle, NoDelay, More } = DataFlag;

export interface DataFrame extends DataHeader {
  readonly payload: Uint8Array;
}

/** The frames of a batch, by kind, in the order in which they stand. */
export interface Frames {
  readonly data: DataFrame[];
  readonly acks: Ack[];
  readonly probes: Probe[];
  /** `d`, `a` or `p` for each. */
  readonly kinds: string;
}

export function framesOf(batch: Uint8Array): Frames {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const frames = { data: [] as DataFrame[], acks: [] as Ack[], probes: [] as Probe[], kinds: "" };
  for (let offset = 0; offset < batch.length;) {
    const end = frameEnd(view, offset);
    if (end < 0) throw new Error("the batch ends inside a frame");
    switch (view.getUint8(offset)) {
      case FrameType.Data: {
        const header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
        readDataHeader(view, offset, header);
        frames.data.push({ ...header, payload: batch.subarray(offset + DATA_PAYLOAD_OFFSET, end) });
        frames.kinds += "d";
        break;
      }
      case FrameType.Ack:
        frames.acks.push(readAck(view, offset));
        frames.kinds += "a";
        break;
      case FrameType.Probe:
        frames.probes.push(readProbe(view, offset));
        frames.kinds += "p";
        break;
      default:
        throw new Error(`unexpected frame ${view.getUint8(offset)}`);
    }
    offset = end;
  }
  return frames;
}

/** Everything the engine has to say now, batch by batch. */
export function pullAll(engine: ConnectionEngine, now: number, budget: number): Uint8Array[] {
  const writer = new FrameWriter();
  const batches: Uint8Array[] = [];
  for (let hasMore = true; hasMore;) {
    hasMore = engine.pull(writer, now, budget);
    if (writer.length === 0) {
      if (hasMore) throw new Error("more was promised for an empty batch, and nothing came");
      break;
    }
    const batch = writer.take();
    if (batch.length > budget && framesOf(batch).kinds.length > 1) throw new Error("a batch is over its budget");
    batches.push(batch);
  }
  if (engine.nextDeadline(now) <= now) throw new Error("something is due, and was not written");
  return batches;
}

/** Gives a batch to an engine, frame by frame, reusing header and bytes as a transport does. */
export function deliver(engine: ConnectionEngine, batch: Uint8Array, now: number): void {
  const { data, acks, probes } = framesOf(batch);
  for (const ack of acks) engine.receiveAck(ack, now);
  const header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
  for (const { payload, ...fields } of data) {
    const reused = payload.slice();
    engine.receiveData(Object.assign(header, fields), reused, now);
    reused.fill(0xdd);
  }
  for (const probe of probes) engine.receiveProbe(probe, now);
}

export interface PairOptions {
  readonly engine?: Partial<EngineOptions>;
  readonly a?: Partial<EngineOptions>;
  readonly b?: Partial<EngineOptions>;
  /** Both directions; the seed of the way back is one higher. */
  readonly network?: Partial<NetworkConditions>;
  /** Bytes of one batch. */
  readonly budget?: number;
  readonly connected?: boolean;
}

export class End {
  readonly engine: ConnectionEngine;
  readonly out: SimulatedLink;
  readonly received: Message[] = [];
  readonly violations: Violation[] = [];
  /** Every batch that left, with its time. */
  readonly log: { at: number; frames: Frames }[] = [];
  /** False: messages stay unread, and the window closes. */
  isReading = true;
  /** False: the transport takes nothing. */
  isWritable = true;
  unread: Message[] = [];
  readonly #limit: number;

  constructor(options: EngineOptions, out: SimulatedLink) {
    this.engine = new ConnectionEngine(options);
    this.out = out;
    this.engine.onMessage = (message) => {
      this.received.push(message);
      this.unread.push(message);
    };
    this.engine.onViolation = (violation) => this.violations.push(violation);
    const largest = options.maxMessageSize ?? 512 * 1024;
    this.#limit = 3 * Math.max(options.receiveBufferSize ?? 1024 * 1024, largest + 64 * 1024);
  }

  send(payload: Uint8Array | number, options: SendOptions, now: number): SendResult {
    return this.engine.send(typeof payload === "number" ? pattern(payload) : payload, options, now);
  }

  read(max = Infinity): void {
    for (const { payload } of this.unread.splice(0, max)) this.engine.consumed(payload.length);
  }

  pump(now: number, budget: number): void {
    if (this.isReading) this.read();
    if (!this.isWritable) return;
    for (const batch of pullAll(this.engine, now, budget)) {
      this.log.push({ at: now, frames: framesOf(batch) });
      this.out.send(batch, now);
    }
  }

  hear(link: SimulatedLink, now: number): void {
    for (const batch of link.receive(now)) deliver(this.engine, batch, now);
    if (this.engine.bytesHeld > this.#limit) throw new Error(`${this.engine.bytesHeld} bytes are held`);
  }

  count(kind: "data" | "acks" | "probes"): number {
    return this.log.reduce((sum, { frames }) => sum + frames[kind].length, 0);
  }
}

export class Pair {
  now = 0;
  readonly a: End;
  readonly b: End;
  readonly #budget: number;

  constructor({ engine, a, b, network, budget = 64 * 1024, connected = true }: PairOptions = {}) {
    const base: EngineOptions = { handle: 7, maxPayload: 512 * 1024, ordered: true, ...engine };
    this.#budget = budget;
    this.a = new End({ ...base, seed: 1, ...a }, new SimulatedLink({ ...network }));
    this.b = new End({ ...base, seed: 2, ...b }, new SimulatedLink({ ...network, seed: (network?.seed ?? 1) + 1 }));
    if (connected) {
      this.a.engine.setConnected(true);
      this.b.engine.setConnected(true);
    }
  }

  /** What is due now, on both sides. */
  settle(): void {
    for (let i = 0; i < 1000; i++) {
      this.a.hear(this.b.out, this.now);
      this.b.hear(this.a.out, this.now);
      this.a.pump(this.now, this.#budget);
      this.b.pump(this.now, this.#budget);
      if (this.#nextLink() > this.now) return;
    }
    throw new Error("the two never come to rest");
  }

  /** Time goes on by `ms`, from event to event. */
  run(ms: number): void {
    this.until(() => false, ms);
  }

  /** Time goes on until `isDone`, for `ms` at the most. The ms it took, or undefined when it was not. */
  until(isDone: () => boolean, ms: number): number | undefined {
    const start = this.now;
    const end = start + ms;
    this.settle();
    while (!isDone()) {
      const next = this.#nextEvent();
      if (next > end) {
        this.now = end;
        this.settle();
        return isDone() ? ms : undefined;
      }
      this.now = Math.max(this.now, next);
      this.settle();
    }
    return this.now - start;
  }

  /** Both sockets break: all that is under way is lost, and both ends are told. */
  reconnect(): void {
    this.a.out.cut();
    this.b.out.cut();
    this.a.engine.resync();
    this.b.engine.resync();
  }

  #nextLink(): number {
    return Math.min(this.a.out.nextDeadline(), this.b.out.nextDeadline());
  }

  #nextEvent(): number {
    const due = (end: End) => (end.isWritable ? end.engine.nextDeadline(this.now) : Infinity);
    return Math.min(this.#nextLink(), due(this.a), due(this.b));
  }
}

/** Bytes that tell where they are from. */
export function pattern(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 0xff;
  return bytes;
}

/** The bytes of a batch with one data frame's fields, as they come from the wire. */
export function header(fields: Partial<DataHeader>): DataHeader {
  return { flags: 0, lane: 0, handle: 7, channel: 0, number: 1, sequence: 0, ...fields };
}
