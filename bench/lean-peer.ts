/**
 * A peer that costs next to nothing: the load must not take the processor from what is measured. TCP by hand, prepared
 * messages, and of what arrives only marks and data are looked at.
 */
import { type ControlFrameName, type ControlValues, FrameType, HEADER_SIZE } from "../src/protocol/index.ts";
import { decodeControl, frameEnd } from "../src/protocol/index.ts";
import { Attacker } from "../test/contract/hostile/attacker.ts";
import { Opcode, WebSocketReader, webSocketFrame } from "../test/contract/hostile/web-socket.ts";

export const ROOM_APP = 480;

export class LeanPeer {
  /** Called with each data frame, header included; the view is of the whole message. */
  onData: ((view: DataView, offset: number, end: number) => void) | undefined;
  /** Answers every incoming connection with an accept. */
  isWelcoming = false;
  bytesRead = 0;
  readonly raw: Attacker;
  readonly #reader = new WebSocketReader();
  readonly #waiting = new Map<ControlFrameName, ((values: never) => void)[]>();

  private constructor(raw: Attacker) {
    this.raw = raw;
    raw.tcp.removeAllListeners("data");
    raw.tcp.on("data", (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      for (const { opcode, payload } of this.#reader.read(chunk)) {
        if (opcode === Opcode.Binary) this.#batch(payload);
      }
    });
  }

  static async join(url: string, peer: bigint, room?: string): Promise<LeanPeer> {
    return new LeanPeer(await Attacker.join(url, peer, { app: ROOM_APP, ...(room && { room }) }));
  }

  /** Opens a connection and waits until it is accepted. */
  async open(peer: bigint): Promise<number> {
    const values = { request: 1, connectionType: 2, peer, virtualPort: 0, channel: -1, timeoutMs: 30_000 };
    const connecting = this.next("connecting");
    const connected = this.next("state");
    this.raw.control("connect", values);
    const { handle } = await connecting;
    await connected;
    return handle;
  }

  next<N extends ControlFrameName>(name: N): Promise<ControlValues<N>> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? [];
      waiting.push(resolve);
      this.#waiting.set(name, waiting);
    });
  }

  #batch(payload: Buffer): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    for (let offset = 0; offset < view.byteLength; offset = frameEnd(view, offset)) {
      const type = view.getUint8(offset);
      if (type === FrameType.Mark) this.raw.control("credit", { mark: view.getUint32(offset + HEADER_SIZE, true) });
      else if (type === FrameType.Data) this.onData?.(view, offset, frameEnd(view, offset));
      else this.#control(view, offset);
    }
  }

  #control(view: DataView, offset: number): void {
    const control = decodeControl(view, offset);
    if (control?.frame === "incoming" && this.isWelcoming)
      this.raw.control("accept", { handle: control.values.handle });
    if (control) this.#waiting.get(control.frame)?.shift()?.(control.values as never);
  }
}

export function message(bytes: Uint8Array): Buffer {
  return webSocketFrame({ opcode: Opcode.Binary, payload: bytes });
}

/** Writes `perSecond` prepared messages of each peer, spread evenly, until stopped. Ignores Held: a sender with bad manners. */
export function pace(peers: readonly { peer: LeanPeer; messages: readonly Buffer[] }[], perSecond: number): () => void {
  const began = performance.now();
  let written = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * perSecond * peers.length;
    for (; written < due; written++) {
      const { peer, messages } = peers[written % peers.length]!;
      peer.raw.write(messages[Math.floor(written / peers.length) % messages.length]!);
    }
  }, 5);
  return () => clearInterval(timer);
}
