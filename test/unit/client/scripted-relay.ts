import { type ControlValues, FrameType, decodeControl, encodeControl } from "../../../src/protocol/index.ts";
import { type ConnectOptions, type RelayClient, connect } from "../../../src/client/index.ts";
import type { WebSocketLike } from "../../../src/client/websocket.ts";
import { type WalkedFrame, batch, walk } from "../../support/frames.ts";

export const WELCOME: ControlValues<"welcome"> = {
  version: 1,
  session: 9n,
  peer: 1n,
  now: 0n,
  heartbeatMs: 20_000,
  graceMs: 0,
  maxPayload: 512 * 1024,
  maxBatch: 1024 * 1024,
  maxConnections: 64,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  token: new Uint8Array(),
  messagesPerSecond: 0,
  bytesPerSecond: 0,
  connectionBytesPerSecond: 0,
};

/** The other end of a client's socket, saying what no honest relay says. Everything it sends arrives in the same turn. */
export class ScriptedRelay {
  readonly received: WalkedFrame[] = [];
  readonly batchSizes: number[] = [];
  socket: ScriptedSocket | undefined;
  readonly #atHello: (relay: ScriptedRelay) => void;

  constructor(atHello: (relay: ScriptedRelay) => void = (relay) => relay.send(encodeControl("welcome", WELCOME))) {
    this.#atHello = atHello;
  }

  /** A client that is welcomed by this relay. */
  static async joined(relay = new ScriptedRelay()): Promise<{ relay: ScriptedRelay; client: RelayClient }> {
    return { relay, client: await relay.connect() };
  }

  connect(options: Partial<ConnectOptions> = {}): Promise<RelayClient> {
    return connect({ url: "ws://127.0.0.1", app: 480, ticket: "a.b.c", WebSocket: socketOf(this), ...options });
  }

  /** One message. */
  send(...frames: Uint8Array[]): void {
    const bytes = batch(...frames);
    (this.socket?.onmessage as ((event: { data: ArrayBuffer }) => void) | null)?.({ data: bytes.slice().buffer });
  }

  incoming(handle: number, peer: bigint, virtualPort = 0): Uint8Array {
    const values = { handle, connectionId: BigInt(handle), connectionType: 2, peer, virtualPort, channel: -1 };
    return encodeControl("incoming", values);
  }

  take(bytes: Uint8Array): void {
    this.batchSizes.push(bytes.length);
    const isHello = bytes[0] === FrameType.Hello && decodeControl(new DataView(bytes.buffer), 0) !== undefined;
    if (isHello) this.#atHello(this);
    else this.received.push(...walk(bytes));
  }

  /** Names of the control frames that came. */
  get heard(): string[] {
    return this.received.flatMap(({ control }) => (control ? [control.frame] : []));
  }
}

class ScriptedSocket implements WebSocketLike {
  binaryType = "arraybuffer";
  readyState = 1;
  bufferedAmount = 0;
  protocol = "edge-relay.v1";
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly #relay: ScriptedRelay;

  constructor(relay: ScriptedRelay) {
    this.#relay = relay;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data !== "string") this.#relay.take(data);
  }

  close(): void {
    this.readyState = 3;
  }

  /** The network says it is over. */
  drop(code = 1006): void {
    this.readyState = 3;
    (this.onclose as ((event: { code: number; reason: string }) => void) | null)?.({ code, reason: "" });
  }
}

/** A WebSocket that leads to this relay and nowhere else. */
function socketOf(relay: ScriptedRelay): new () => ScriptedSocket {
  return class extends ScriptedSocket {
    constructor() {
      super(relay);
      relay.socket = this;
      setTimeout(() => (this.onopen as (() => void) | null)?.(), 0);
    }
  };
}
