/** What people would pick instead, each as its own documentation writes a relay. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingPackage } from "./forwarders.ts";
import {
  type BenchServer,
  type PeerAddress,
  type RunningServer,
  freePort,
  peersByNumber,
  startProgram,
} from "./server.ts";

const PROGRAMS = join(import.meta.dirname, "..", "programs");

async function startNode(file: string) {
  const port = await freePort();
  const args = [join(PROGRAMS, file), String(port)];
  const { pid, stop } = await startProgram({ command: process.execPath, args, port });
  return { port, pids: [pid], stop };
}

function socketioPeers(count: number): PeerAddress[] {
  return peersByNumber(count, (index) => `/socket.io/?EIO=4&transport=websocket&peer=${index}`);
}

export const socketio: BenchServer = {
  name: "socketio",
  title: "socket.io on Node",
  missing: () => missingPackage("socket.io"),
  async start() {
    return { ...(await startNode("socketio.js")), protocol: "socketio", peers: socketioPeers };
  },
};

interface Seat {
  readonly sessionId: string;
  readonly roomId: string;
  readonly processId: string;
}

/** Colyseus gives seats over HTTP, each good for one join. */
async function takeSeat(port: number, peer: number): Promise<PeerAddress> {
  const response = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/relay`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ peer }),
  });
  const answer = (await response.json()) as Partial<Seat> & { readonly room?: Seat };
  const { roomId, processId } = answer.room ?? answer;
  if (!response.ok || !answer.sessionId) throw new Error(`Colyseus gave no seat: ${JSON.stringify(answer)}`);
  return { path: `/${processId}/${roomId}?sessionId=${answer.sessionId}`, id: String(peer), subprotocols: [] };
}

export const colyseus: BenchServer = {
  name: "colyseus",
  title: "Colyseus on Node",
  missing: () => missingPackage("@colyseus/core") ?? missingPackage("@colyseus/ws-transport"),
  async start() {
    const running = await startNode("colyseus.js");
    const peers = async (count: number): Promise<PeerAddress[]> => {
      const seats: PeerAddress[] = [];
      for (let peer = 0; peer < count; peer++) seats.push(await takeSeat(running.port, peer));
      return seats;
    };
    return { ...running, protocol: "colyseus", peers };
  },
};

async function startNats(isUnbatched: boolean): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  const config = join(folder, "nats.conf");
  const websocket = `websocket { host: "127.0.0.1", port: ${port}, no_tls: true }`;
  writeFileSync(config, `host: "127.0.0.1"\nport: ${await freePort()}\n${websocket}\n`);
  const { pid, stop } = await startProgram({ command: "nats-server", args: ["-c", config], port });
  return {
    protocol: "nats",
    port,
    pids: [pid],
    isUnbatched,
    peers: (count) => peersByNumber(count, () => "/"),
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const nats: BenchServer = {
  name: "nats",
  title: "NATS over WebSocket, one message per packet",
  missing: () => missingCommand("nats-server"),
  start: () => startNats(true),
};

export const natsBatched: BenchServer = {
  name: "nats-batched",
  title: "NATS over WebSocket, one message per tick",
  missing: () => missingCommand("nats-server"),
  start: () => startNats(false),
};

/** `--allow-loopback-peers`: here all peers are on one machine. */
const TURN_OPTIONS = "-n --no-auth --no-tls --no-dtls --no-udp --no-cli --no-stdout-log --log-file=/dev/null";
const TURN_ADDRESSES = "--allow-loopback-peers --listening-ip=127.0.0.1 --relay-ip=127.0.0.1";

export const coturn: BenchServer = {
  name: "coturn",
  title: "coturn, TURN over TCP",
  missing: () => missingCommand("turnserver"),
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
    const port = await freePort();
    const args = [...`${TURN_OPTIONS} ${TURN_ADDRESSES}`.split(" "), `--listening-port=${port}`];
    args.push(`--pidfile=${join(folder, "pid")}`, `--userdb=${join(folder, "users.db")}`);
    const { pid, stop } = await startProgram({ command: "turnserver", args, port });
    return {
      protocol: "turn",
      port,
      pids: [pid],
      peers: (count) => peersByNumber(count, () => "/"),
      async stop() {
        await stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

function missingCommand(name: string): string | undefined {
  try {
    execFileSync("which", [name], { stdio: "ignore" });
    return undefined;
  } catch {
    return `${name} is not installed: apt-get install ${name === "turnserver" ? "coturn" : name}`;
  }
}
