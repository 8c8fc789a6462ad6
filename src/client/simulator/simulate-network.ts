import { DATA_PAYLOAD_OFFSET, FrameType, frameEnd } from "../../protocol/index.ts";
import type { WebSocketConstructor, WebSocketLike } from "../websocket.ts";
import { clock } from "../websocket.ts";
import type { NetworkConditions } from "./conditions.ts";
import { SimulatedLink } from "./simulated-link.ts";

/** Data frames that entered and left one direction of the simulated network; payload bytes, as the relay counts. */
export interface Traffic {
  frames: number;
  bytes: number;
}

export interface SimulatedNetwork {
  /** Spread these two into the options of `connect`. */
  readonly WebSocket: WebSocketConstructor;
  readonly isLossy: true;
  readonly outbound: { readonly link: SimulatedLink; readonly entered: Traffic; readonly left: Traffic };
  readonly inbound: { readonly link: SimulatedLink; readonly entered: Traffic; readonly left: Traffic };
}

/**
 * A bad network between this client and a real relay, for tests: `connect({ ...simulateNetwork({ loss: 5 }), url, … })`.
 * Data, acks and probes go through it; joining, connecting and closing do not: those run over a transport that is
 * reliable also when packets are lost.
 */
export function simulateNetwork(conditions: Partial<NetworkConditions>): SimulatedNetwork {
  const seed = conditions.seed ?? 1;
  const outbound = direction({ ...conditions, seed });
  const inbound = direction({ ...conditions, seed: seed + 1 });
  const Native = (globalThis as unknown as { WebSocket: WebSocketConstructor }).WebSocket;
  class SimulatedWebSocket extends SimulatedSocket {
    constructor(url: string, protocols: string[]) {
      super(new Native(url, protocols), outbound, inbound);
    }
  }
  return { WebSocket: SimulatedWebSocket, isLossy: true, outbound, inbound };
}

type Direction = SimulatedNetwork["outbound"];

function direction(conditions: Partial<NetworkConditions>): Direction {
  return { link: new SimulatedLink(conditions), entered: { frames: 0, bytes: 0 }, left: { frames: 0, bytes: 0 } };
}

class SimulatedSocket implements WebSocketLike {
  onmessage: ((event: never) => void) | null = null;
  readonly #socket: WebSocketLike;
  readonly #outbound: Direction;
  readonly #inbound: Direction;
  readonly #timers = new Map<Direction, ReturnType<typeof setTimeout>>();

  constructor(socket: WebSocketLike, outbound: Direction, inbound: Direction) {
    this.#socket = socket;
    this.#outbound = outbound;
    this.#inbound = inbound;
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(data);
  }

  get binaryType(): string {
    return this.#socket.binaryType;
  }
  set binaryType(type: string) {
    this.#socket.binaryType = type;
  }
  get readyState(): number {
    return this.#socket.readyState;
  }
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }
  get protocol(): string {
    return this.#socket.protocol;
  }
  get onopen(): ((event: never) => void) | null {
    return this.#socket.onopen;
  }
  set onopen(handler: ((event: never) => void) | null) {
    this.#socket.onopen = handler;
  }
  get onclose(): ((event: never) => void) | null {
    return this.#socket.onclose;
  }
  set onclose(handler: ((event: never) => void) | null) {
    this.#socket.onclose = handler;
  }
  get onerror(): ((event: never) => void) | null {
    return this.#socket.onerror;
  }
  set onerror(handler: ((event: never) => void) | null) {
    this.#socket.onerror = handler;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data === "string") return this.#socket.send(data);
    const { direct, simulated } = split(data);
    if (direct.length > 0) this.#socket.send(direct);
    if (simulated.length > 0) this.#through(this.#outbound, simulated, (bytes) => this.#sendNow(bytes));
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  #received(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return this.#deliver(data);
    const { direct, simulated } = split(new Uint8Array(data));
    if (direct.length > 0) this.#deliver(direct.buffer);
    if (simulated.length > 0) this.#through(this.#inbound, simulated, (bytes) => this.#deliver(bytes.slice().buffer));
  }

  #through(direction: Direction, datagram: Uint8Array, arrived: (bytes: Uint8Array) => void): void {
    const now = clock();
    count(direction.entered, datagram);
    direction.link.send(datagram, now);
    this.#deliverArrived(direction, arrived);
  }

  /** One timer per direction, set to the next arrival. */
  #deliverArrived(direction: Direction, arrived: (bytes: Uint8Array) => void): void {
    const { link, left } = direction;
    for (const bytes of link.receive(clock())) {
      count(left, bytes);
      arrived(bytes);
    }
    clearTimeout(this.#timers.get(direction));
    const next = link.nextDeadline();
    if (next === Infinity) return;
    const timer = setTimeout(() => this.#deliverArrived(direction, arrived), Math.max(1, next - clock()));
    this.#timers.set(direction, timer);
  }

  #sendNow(bytes: Uint8Array): void {
    if (this.#socket.readyState === 1) this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  #deliver(data: unknown): void {
    (this.onmessage as ((event: { data: unknown }) => void) | null)?.({ data });
  }
}

/** End-to-end frames go through the simulation, the others around it. */
function split(batch: Uint8Array): { direct: Uint8Array<ArrayBuffer>; simulated: Uint8Array<ArrayBuffer> } {
  const direct: Uint8Array[] = [];
  const simulated: Uint8Array[] = [];
  eachFrame(batch, (type, offset, end) => {
    const isEndToEnd = type === FrameType.Data || type === FrameType.Ack || type === FrameType.Probe;
    (isEndToEnd ? simulated : direct).push(batch.subarray(offset, end));
  });
  return { direct: concat(direct), simulated: concat(simulated) };
}

function count(traffic: Traffic, datagram: Uint8Array): void {
  eachFrame(datagram, (type, offset, end) => {
    if (type !== FrameType.Data) return;
    traffic.frames++;
    traffic.bytes += end - offset - DATA_PAYLOAD_OFFSET;
  });
}

function eachFrame(batch: Uint8Array, visit: (type: number, offset: number, end: number) => void): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let offset = 0; offset < batch.length;) {
    const end = frameEnd(view, offset);
    if (end < 0) return;
    visit(view.getUint8(offset), offset, end);
    offset = end;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
