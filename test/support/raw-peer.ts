/** A peer that speaks the protocol by hand, without the SDK: for tests that must send what the SDK never would. */
import {
  type ControlFrameName,
  type ControlValues,
  PROTOCOL_VERSION,
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX,
  encodeControl,
} from "../../src/protocol/index.ts";
import { type WalkedFrame, walk } from "./frames.ts";
import { testTicket } from "./tickets.ts";

const WAIT_MS = 10_000;

export class RawPeer {
  readonly frames: WalkedFrame[] = [];
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, app: number, ticket: string, room?: string) {
    const path = room === undefined ? "" : `/rooms/${room}`;
    const address = `${url.replace("http", "ws")}/v1/apps/${app}${path}/connect`;
    this.#socket = new WebSocket(address, [SUBPROTOCOL, `${TICKET_SUBPROTOCOL_PREFIX}${ticket}`]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.texts.push(data);
      else this.frames.push(...walk(new Uint8Array(data as ArrayBuffer)));
      for (const check of this.#waiting) check();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
  }

  /** Joined and welcomed. */
  static async join(url: string, peer: bigint, app = 480, room?: string): Promise<RawPeer> {
    const raw = new RawPeer(url, app, await testTicket({ peer: String(peer), app }), room);
    await raw.opened();
    raw.control("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() });
    await raw.next("welcome");
    return raw;
  }

  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.onopen = () => resolve();
      this.#socket.onerror = () => reject(new Error("the upgrade was refused"));
    });
  }

  send(bytes: Uint8Array<ArrayBuffer> | string): void {
    this.#socket.send(bytes);
  }

  control<N extends ControlFrameName>(name: N, values: ControlValues<N>, flags = 0): void {
    this.send(encodeControl(name, values, flags));
  }

  close(): void {
    this.#socket.close();
  }

  /** Takes the first frame, arrived or still to come, that fits; what came before it stays for others. */
  async take(what: string, fits: (frame: WalkedFrame) => boolean): Promise<WalkedFrame> {
    const { promise, resolve, reject } = Promise.withResolvers<WalkedFrame>();
    const check = (): void => {
      const index = this.frames.findIndex(fits);
      const found = this.frames[index];
      if (!found) return;
      this.frames.splice(index, 1);
      resolve(found);
    };
    const timer = setTimeout(() => reject(new Error(`no ${what} within ${WAIT_MS} ms`)), WAIT_MS);
    this.#waiting.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check);
    }
  }

  /** The values of the next control frame of this name. */
  async next<N extends ControlFrameName>(name: N): Promise<ControlValues<N>> {
    const { control } = await this.take(name, (frame) => frame.control?.frame === name);
    return control?.values as ControlValues<N>;
  }
}

/** Opens an accepted connection; returns its handle. */
export async function connectPair(from: RawPeer, to: RawPeer, toPeer: bigint, virtualPort = 0): Promise<number> {
  from.control("connect", { request: 1, connectionType: 2, peer: toPeer, virtualPort, channel: -1, timeoutMs: 0 });
  const { handle } = await from.next("connecting");
  await to.next("incoming");
  to.control("accept", { handle });
  await Promise.all([from.next("state"), to.next("state")]);
  return handle;
}
