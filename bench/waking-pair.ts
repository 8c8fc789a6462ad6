/** Two peers of which one sends the other a packet, on the relay and on the bare forwarder. */
import {
  ConnectionType,
  FrameType,
  PROTOCOL_VERSION,
  decodeControl,
  encodeControl,
  frameEnd,
} from "../src/protocol/index.ts";
import { dataFrame } from "../test/support/frames.ts";
import type { PeerAddress, RunningServer } from "./servers/server.ts";

export interface Pair {
  /** Sends one packet, and waits until it has arrived. */
  pass(): Promise<void>;
  close(): void;
}

const PAYLOAD = new Uint8Array(64);
const PING_MS = 10_000;

/** `first`: their numbers among the server's peers begin here. */
export async function barePair(server: RunningServer, first: number): Promise<Pair> {
  const [from, to] = await dialBoth(server, first);
  const packet = new Uint8Array(4 + PAYLOAD.length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, first + 1, true);
  view.setUint16(2, 1, true);
  return {
    async pass() {
      const arrived = once(to, () => true);
      from.send(packet);
      await arrived;
    },
    close: () => closeAll(from, to),
  };
}

export async function relayPair(server: RunningServer, first: number): Promise<Pair> {
  const [from, to, toId] = await dialBoth(server, first);
  for (const socket of [from, to]) {
    const welcome = once(socket, (view) => view.getUint8(0) === FrameType.Welcome);
    socket.send(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
    await welcome;
  }
  to.addEventListener("message", ({ data }) => accept(to, data as ArrayBuffer));
  const handle = await connect(from, toId);
  // Answered by the platform, which wakes nobody.
  const timer = setInterval(() => [from, to].forEach((socket) => socket.send("ping")), PING_MS);
  return {
    async pass() {
      const arrived = once(to, (view) => view.getUint8(0) === FrameType.Data);
      from.send(dataFrame({ handle, payload: PAYLOAD }));
      await arrived;
    },
    close: () => {
      clearInterval(timer);
      closeAll(from, to);
    },
  };
}

function accept(socket: WebSocket, data: ArrayBuffer | string): void {
  if (typeof data === "string") return; // pong
  const view = new DataView(data);
  for (let offset = 0; offset < view.byteLength; offset = frameEnd(view, offset)) {
    const control = decodeControl(view, offset);
    if (control?.frame === "incoming") socket.send(encodeControl("accept", { handle: control.values.handle }));
  }
}

/** The handle, once the connection is accepted. */
async function connect(socket: WebSocket, peer: bigint): Promise<number> {
  let handle = 0;
  const connected = once(socket, (view) => {
    for (let offset = 0; offset < view.byteLength; offset = frameEnd(view, offset)) {
      const control = decodeControl(view, offset);
      if (control?.frame === "connecting") handle = control.values.handle;
      if (control?.frame === "state") return true;
    }
    return false;
  });
  const connectionType = ConnectionType.NetworkingSockets;
  const values = { request: 1, connectionType, peer, virtualPort: 0, channel: -1, timeoutMs: 0 };
  socket.send(encodeControl("connect", values));
  await connected;
  return handle;
}

async function dialBoth(server: RunningServer, first: number): Promise<readonly [WebSocket, WebSocket, bigint]> {
  const [one, two] = (await server.peers(first + 2)).slice(first);
  if (!one || !two) throw new Error("The server has too few peers");
  return [await dial(server.port, one), await dial(server.port, two), BigInt(two.id)];
}

async function dial(port: number, { path, subprotocols }: PeerAddress): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...subprotocols]);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error(`Cannot dial ${path.slice(0, 60)}`)), { once: true });
  });
  return socket;
}

/** The first binary message that `isIt`. */
function once(socket: WebSocket, isIt: (view: DataView) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const listen = ({ data }: MessageEvent): void => {
      if (typeof data === "string" || !isIt(new DataView(data as ArrayBuffer))) return;
      socket.removeEventListener("message", listen);
      resolve();
    };
    socket.addEventListener("message", listen);
  });
}

function closeAll(...sockets: readonly WebSocket[]): void {
  for (const socket of sockets) socket.close();
}
