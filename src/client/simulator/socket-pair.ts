import {
  type ConnectionType,
  ConnectionState,
  FrameType,
  HANDLE_OFFSET,
  MAX_PAYLOAD,
  DATA_PAYLOAD_OFFSET,
  frameEnd,
  readAck,
  readDataHeader,
  readProbe,
} from "../../protocol/index.ts";
import { FrameWriter } from "../engine/frame-writer.ts";
import { type ConnectionTuning, RelayConnection } from "../relay-connection.ts";
import { clock } from "../websocket.ts";
import type { NetworkConditions } from "./conditions.ts";
import { SimulatedLink } from "./simulated-link.ts";

export interface SocketPairOptions {
  readonly conditions?: Partial<NetworkConditions>;
  readonly tuning?: ConnectionTuning;
  readonly type?: ConnectionType;
  /** The peers that the two ends believe they are talking to; default 2 and 1. */
  readonly peers?: readonly [bigint, bigint];
}

const HANDLE = 1;
const BATCH_BYTES = 1_200;

/** Two connected ends in memory, without a relay, over a simulated network (Steam: `CreateSocketPair`). */
export function createSocketPair(options: SocketPairOptions = {}): [RelayConnection, RelayConnection] {
  const seed = options.conditions?.seed ?? 1;
  const [toPeer, fromPeer] = options.peers ?? [2n, 1n];
  const a = new PairEnd(toPeer, { ...options.conditions, seed }, options);
  const b = new PairEnd(fromPeer, { ...options.conditions, seed: seed + 1 }, options);
  a.join(b);
  b.join(a);
  return [a.connection, b.connection];
}

/** One end: its connection, and the link to the other. */
class PairEnd {
  readonly connection: RelayConnection;
  readonly #link: SimulatedLink;
  readonly #writer = new FrameWriter();
  #other: PairEnd | undefined;
  #isScheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(peer: bigint, conditions: Partial<NetworkConditions>, options: SocketPairOptions) {
    this.#link = new SimulatedLink(conditions);
    const host = {
      accept: () => undefined,
      refuse: () => undefined,
      close: (_: RelayConnection, reason: number, debug: string) => this.#closePeer(reason, debug),
      wake: () => this.#wake(),
      now: clock,
    };
    this.connection = new RelayConnection(host, {
      peer,
      type: options.type ?? 2,
      virtualPort: 0,
      channel: undefined,
      isIncoming: false,
      maxPayload: MAX_PAYLOAD,
      isOrdered: false,
      reportQuality: false, // there is no relay
      tuning: options.tuning ?? {},
    });
  }

  join(other: PairEnd): void {
    this.#other = other;
    this.connection.named(HANDLE, 1n);
    this.connection.setState(ConnectionState.Connected);
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const now = clock();
    for (let hasMore = true; hasMore;) {
      this.#writer.clear();
      hasMore = this.connection.pull(this.#writer, now, BATCH_BYTES);
      if (this.#writer.length === 0) break;
      this.#link.send(this.#writer.take(), now);
    }
    for (const datagram of this.#link.receive(now)) this.#other?.receive(datagram, now);
    clearTimeout(this.#timer);
    const next = Math.min(this.#link.nextDeadline(), this.connection.engine.nextDeadline(now));
    if (next !== Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(0, next - now));
  }

  receive(datagram: Uint8Array, now: number): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const header = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
    for (let offset = 0; offset < datagram.length;) {
      const end = frameEnd(view, offset);
      if (end < 0 || view.getUint32(offset + HANDLE_OFFSET, true) !== HANDLE) break;
      const type = view.getUint8(offset);
      if (type === FrameType.Ack) this.connection.receiveAck(readAck(view, offset), now);
      else if (type === FrameType.Probe) this.connection.receiveProbe(readProbe(view, offset), now);
      else {
        readDataHeader(view, offset, header);
        this.connection.receiveData(header, datagram.subarray(offset + DATA_PAYLOAD_OFFSET, end), now);
      }
      offset = end;
    }
    this.#wake();
  }

  /** Closing travels beside the simulated network, as it does over a relay. */
  #closePeer(reason: number, debug: string): void {
    clearTimeout(this.#timer);
    queueMicrotask(() => this.#other?.connection.end({ reason, debug, closedBy: "peer" }));
  }
}
