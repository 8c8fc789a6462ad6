/** A room with many connections that changes all the time, for looking at the dashboard while it is made. */
import { DROP_REASONS } from "../../../src/protocol/drop-reasons.ts";
import type { ConnectionView } from "../../../src/relay/connection-view.ts";
import type { HistoryBucket } from "../../../src/relay/history/bucket.ts";
import { JOIN_REFUSALS, REFUSALS } from "../../../src/relay/limits/refusals.ts";
import type { WatchEvent } from "../../../src/relay/watching/events.ts";

export interface FakeConnection extends ConnectionView {
  state: ConnectionView["state"];
  lastActivity: number;
  packetsRelayed: number;
  bytesRelayed: number;
}

const TYPES = ["NetworkingSockets", "NetworkingMessages", "NetworkOld", "NetworkPb"] as const;
const MINUTE = 60_000;

let seed = 7;
/** The same room every time. */
function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
}

function zero(names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, 0]));
}

export class FakeRoom {
  readonly connections = new Map<string, FakeConnection>();
  readonly bans: { kind: string; subject: string; until: number | null; created: number; reason: string }[] = [];
  readonly audit: { id: number; at: number; actor: string; action: string; subject: string; detail: string }[] = [];
  readonly listeners = new Set<(event: WatchEvent) => void>();
  readonly peerIds: string[];
  #next = 1;
  #packets = 48_112_377;
  #bytes = 9_218_446_201;
  #drops: Record<string, number> = {};
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(size: number) {
    const peers = Math.max(8, Math.round(size / 5));
    this.peerIds = Array.from({ length: peers }, (_, index) => String(76_561_198_000_000_000n + BigInt(index * 7_919)));
    for (let index = 0; index < size; index++) this.open(Date.now() - random() * 3_600_000);
    this.#drops = { unknown_handle: 1_204, peer_away: 310, rate_limited: 12 };
    const now = Date.now();
    this.bans.push(
      { kind: "address", subject: "203.0.113.7", until: null, created: now - 864e5, reason: "floods" },
      {
        kind: "peer",
        subject: "76561198000015838",
        until: now + 6e5,
        created: now - 36e5,
        reason: "aim bot, report 1182",
      },
    );
    this.record("ban", "peer 76561198000015838", "aim bot, report 1182");
    this.#timer = setInterval(() => this.#turn(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  record(action: string, subject: string, detail = ""): void {
    this.audit.unshift({ id: this.audit.length + 1, at: Date.now(), actor: "admin", action, subject, detail });
  }

  open(created = Date.now()): FakeConnection {
    const from = Math.floor(random() ** 2 * this.peerIds.length);
    const to = (from + 1 + Math.floor(random() * 9)) % this.peerIds.length;
    const type = TYPES[Math.floor(random() ** 1.6 * TYPES.length)] ?? "NetworkingSockets";
    const packets = Math.floor(random() ** 3 * 400_000);
    const connection: FakeConnection = {
      connectionId: String((BigInt(Math.floor(created / 1000)) << 32n) | BigInt(this.#next++)),
      fromPeerId: this.peerIds[from] ?? "1",
      toPeerId: this.peerIds[to] ?? "2",
      appId: 480,
      type,
      state: random() < 0.97 ? "Connected" : "Connecting",
      created: Math.round(created),
      lastActivity: Date.now() - Math.floor(random() * 4_000),
      packetsRelayed: packets,
      bytesRelayed: packets * Math.floor(60 + random() * 300),
      ...(type === "NetworkingSockets" || type === "NetworkOld"
        ? { virtualPort: Math.floor(random() * 4) }
        : { channel: 0 }),
    };
    this.connections.set(connection.connectionId, connection);
    this.tell({ type: "opened", at: Date.now(), connection });
    return connection;
  }

  close(id: string, reason = "ClosedByAdmin", code = 5104): boolean {
    const connection = this.connections.get(id);
    if (!connection) return false;
    this.connections.delete(id);
    connection.state = "Closed";
    this.tell({ type: "closed", at: Date.now(), connection, reason, code });
    return true;
  }

  kick(peer: string): boolean {
    const index = this.peerIds.indexOf(peer);
    if (index === -1) return false;
    this.peerIds.splice(index, 1);
    for (const { connectionId, fromPeerId, toPeerId } of [...this.connections.values()]) {
      if (fromPeerId === peer || toPeerId === peer) this.close(connectionId, "PeerKicked", 5105);
    }
    this.tell({ type: "peer", at: Date.now(), peer, change: "left" });
    return true;
  }

  tell(event: WatchEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  statistics() {
    const all = [...this.connections.values()];
    return {
      activeConnections: all.length,
      totalPackets: this.#packets,
      totalBytes: this.#bytes,
      peers: this.peerIds.length,
      away: 3,
      monthBytes: Math.round(this.#bytes / 3),
      messages: Math.round(this.#packets / 4),
      joins: 5_120,
      drops: { ...zero(DROP_REASONS), ...this.#drops },
      refusals: { ...zero(REFUSALS), unknown_handle: 1_204, connect_to_self: 2 },
      joinRefusals: { ...zero(JOIN_REFUSALS), peer_banned: 18 },
      families: Object.fromEntries(TYPES.map((type) => [type, this.#family(type, all)])),
    };
  }

  #family(type: string, all: readonly FakeConnection[]) {
    const own = all.filter((one) => one.type === type);
    const sum = (field: "packetsRelayed" | "bytesRelayed") => own.reduce((total, one) => total + one[field], 0);
    return { opened: own.length * 3, active: own.length, packets: sum("packetsRelayed"), bytes: sum("bytesRelayed") };
  }

  history(bucketMs: number, from: number, to: number): HistoryBucket[] {
    const buckets: HistoryBucket[] = [];
    for (let at = Math.ceil(from / bucketMs) * bucketMs; at < to; at += bucketMs) {
      const wave = 0.55 + 0.35 * Math.sin((at / 86_400_000) * 2 * Math.PI) + 0.1 * Math.sin(at / (7 * MINUTE));
      const packets = Math.round((wave * this.connections.size * 2.6 * bucketMs) / 1000);
      const drops = Math.sin(at / (23 * MINUTE)) > 0.93 ? { peer_away: Math.round(packets / 400) } : {};
      buckets.push({
        at,
        packets,
        bytes: packets * 190,
        messages: Math.round(packets / 4),
        joins: Math.round(wave * 4),
        opened: Math.round(wave * 20),
        peers: Math.round(Math.min(1, wave) * this.peerIds.length),
        connections: Math.round(Math.min(1, wave) * this.connections.size),
        drops,
      });
    }
    return buckets;
  }

  #turn(): void {
    const wave = 1 + 0.3 * Math.sin(Date.now() / 9_000) + 0.2 * random();
    let [packets, bytes] = [0, 0];
    for (const connection of this.connections.values()) {
      if (connection.state !== "Connected") continue;
      const more = Math.floor(random() * 5 * wave);
      connection.packetsRelayed += more;
      connection.bytesRelayed += more * 190;
      if (more > 0) connection.lastActivity = Date.now();
      packets += more;
      bytes += more * 190;
    }
    this.#packets += packets;
    this.#bytes += bytes;
    if (random() < 0.3) this.#drops["peer_away"] = (this.#drops["peer_away"] ?? 0) + Math.floor(random() * 60);
    this.#comeAndGo();
    this.tell({ type: "statistics", at: Date.now(), room: "lobby-eu-1", statistics: this.statistics() as never });
  }

  #comeAndGo(): void {
    if (random() < 0.5) return;
    const opened = this.open();
    const [oldest] = this.connections.keys();
    if (oldest) this.close(oldest, "PeerLeft", 5102);
    if (opened.state !== "Connecting") return;
    opened.state = "Connected";
    const { connectionId } = opened;
    this.tell({ type: "changed", at: Date.now(), connectionId, previous: "Connecting", state: "Connected" });
  }
}
