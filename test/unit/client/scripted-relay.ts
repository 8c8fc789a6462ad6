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

/** A session that outlives its socket. */
export const LASTING: ControlValues<"welcome"> = { ...WELCOME, graceMs: 30_000, token: Uint8Array.of(1) };

/**
 * The other end of a client's sockets, saying what no honest relay says. Everything it sends arrives in the same turn, on
 * the newest socket.
 */
export class ScriptedRelay {
  readonly received: WalkedFrame[] = [];
  readonly batchSizes: number[] = [];
  readonly hellos: ControlValues<"hello">[] = [];
  readonly sockets: ScriptedSocket[] = [];
  /** What the clients offered as tickets. */
  readonly tickets: string[] = [];
  /** True: no socket opens. */
  isDown = false;
  /** What the next hello is answered with. */
  atHello: (relay: ScriptedRelay, hello: ControlValues<"hello">) => void;

  constructor(atHello: ScriptedRelay["atHello"] = (relay) => relay.send(encodeControl("welcome", WELCOME))) {
    this.atHello = atHello;
  }

  get socket(): ScriptedSocket | undefined {
    return this.sockets.at(-1);
  }

  /** Answers the next hellos with the same session, these frames, and `resumed` (rule R5). */
  resumeWith(...listing: Uint8Array[]): void {
    this.atHello = (relay, { session }) => {
      const token = Uint8Array.of(relay.hellos.length);
      relay.send(
        encodeControl("welcome", { ...LASTING, session, token }),
        ...listing,
        encodeControl("resumed", { connections: listing.length }),
      );
    };
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
    const hello = bytes[0] === FrameType.Hello ? decodeControl(new DataView(bytes.buffer), 0) : undefined;
    if (hello?.frame !== "hello") return void this.received.push(...walk(bytes));
    this.hellos.push(hello.values);
    this.atHello(this, hello.values);
  }

  /** The control frames that came since this was last asked, but for their headers: `accept 7`, `close 7 1000`, … */
  said(): string[] {
    return this.received.splice(0).flatMap(({ control }) => {
      if (!control) return [];
      const { handle, peer, mark, code } = control.values as unknown as Record<string, unknown>;
      const { reason } = control.values as { reason?: number };
      return [[control.frame, handle ?? peer ?? mark ?? code, reason].filter((part) => part !== undefined).join(" ")];
    });
  }

  state(handle: number, state: number): Uint8Array {
    return encodeControl("state", { handle, state, previous: 0 });
  }

  path(handle: number, path: number, flags = 0): Uint8Array {
    return encodeControl("path", { handle, path }, flags);
  }

  closed(handle: number, reason: number, closedBy = 1): Uint8Array {
    return encodeControl("close", { handle, reason, closedBy, debug: "" });
  }

  /** Answers the last connect. */
  name(handle: number, state = 1): Uint8Array {
    const asked = this.received.findLast(({ control }) => control?.frame === "connect")?.control;
    const request = asked?.frame === "connect" ? asked.values.request : 0;
    return encodeControl("connecting", { request, handle, connectionId: BigInt(handle), state });
  }

  /** Names of the control frames that came. */
  get heard(): string[] {
    return this.received.flatMap(({ control }) => (control ? [control.frame] : []));
  }
}

class ScriptedSocket implements WebSocketLike {
  readonly sent: (string | Uint8Array)[] = [];
  /** What the client closed it with; undefined for no code, null before. */
  closeCode: number | undefined | null = null;
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
    this.sent.push(data);
    if (typeof data !== "string") this.#relay.take(data);
  }

  close(code?: number): void {
    this.readyState = 3;
    this.closeCode = code;
  }

  /** The network says it is over. */
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    (this.onclose as ((event: { code: number; reason: string }) => void) | null)?.({ code, reason });
  }
}

/** A WebSocket that leads to this relay and nowhere else. */
function socketOf(relay: ScriptedRelay): new (url: string, protocols: string[]) => ScriptedSocket {
  return class extends ScriptedSocket {
    constructor(_: string, protocols: string[]) {
      super(relay);
      relay.sockets.push(this);
      relay.tickets.push(protocols[1]?.replace("ticket.", "") ?? "");
      const answer = relay.isDown ? "onerror" : "onopen";
      setTimeout(() => (this[answer] as (() => void) | null)?.(), 0);
    }
  };
}
