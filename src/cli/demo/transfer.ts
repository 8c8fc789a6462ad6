/** Two players, one file: what they counted, held against what the relay counted meanwhile. */
import { signTicket } from "../../auth/index.ts";
import { ask } from "../relay-http.ts";
import { Player } from "./players.ts";
import type { PlayerTask, ReportOf } from "./reports.ts";

const PEER_A = "76561197960287930";
const PEER_B = "76561197960287931";

export interface Demonstration {
  readonly url: URL;
  readonly app: number;
  readonly secret: string;
  readonly adminToken: string;
  readonly file: string;
}

/** What was relayed, as one of both sides counted it. */
export interface Tally {
  readonly packets: number;
  readonly bytes: number;
}

export interface Transfer {
  readonly sha256: string;
  /** The file arrived as it was sent. */
  readonly matches: boolean;
  readonly players: Tally;
  readonly relay: Tally;
  /** Both players and the relay counted the same. */
  readonly agrees: boolean;
  readonly megabytesPerSecond: number;
  readonly roundTripMs: number;
}

/** `progress`: bytes that have arrived, of how many. Throws Failure. */
export async function transfer(
  demo: Demonstration,
  progress: (bytes: number, total: number) => void,
): Promise<Transfer> {
  const before = await relayed(demo);
  const players: Player[] = [];
  try {
    const listener = await begin(demo, "listen", PEER_B, players);
    listener.onReport((report) => {
      if (report.kind === "progress") progress(report.bytes, report.total);
    });
    await listener.reported("listening");
    const sender = await begin(demo, "send", PEER_A, players);
    const [sent, received] = await Promise.all([sender.reported("sent"), listener.reported("received")]);
    const after = await relayed(demo);
    return conclude(sent, received, { packets: after.packets - before.packets, bytes: after.bytes - before.bytes });
  } finally {
    for (const player of players) player.end();
  }
}

async function begin(demo: Demonstration, role: PlayerTask["role"], peer: string, all: Player[]): Promise<Player> {
  const { url, app, secret, file } = demo;
  const ticket = await signTicket({ peer, app, expiresInSeconds: 600 }, secret);
  const player = new Player({ role, url: url.href, app, ticket, peer: PEER_B, file });
  all.push(player);
  return player;
}

async function relayed({ url, app, adminToken }: Demonstration): Promise<Tally> {
  const answer = await ask(url, `/v1/admin/apps/${app}/statistics`, { token: adminToken });
  const { totalPackets: packets, totalBytes: bytes } = answer as { totalPackets: number; totalBytes: number };
  return { packets, bytes };
}

function conclude(sent: ReportOf<"sent">, received: ReportOf<"received">, relay: Tally): Transfer {
  const { counts: a } = sent;
  const { counts: b } = received;
  const players = { packets: a.packetsSent + b.packetsSent, bytes: a.bytesSent + b.bytesSent };
  const agrees =
    a.packetsSent === b.packetsReceived &&
    b.packetsSent === a.packetsReceived &&
    a.bytesSent === b.bytesReceived &&
    b.bytesSent === a.bytesReceived &&
    relay.packets === players.packets &&
    relay.bytes === players.bytes;
  const { sha256, matches } = received;
  const megabytesPerSecond = Math.round(players.bytes / sent.ms / 100) / 10;
  return {
    sha256,
    matches,
    players,
    relay,
    agrees,
    megabytesPerSecond,
    roundTripMs: Math.round(sent.pingMs * 10) / 10,
  };
}
