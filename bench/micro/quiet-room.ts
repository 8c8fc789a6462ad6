/** A room in plain Node whose sockets swallow what they are sent, and credit it: only the rules cost anything. */
import {
  type AppId,
  ConnectionType,
  FrameType,
  JOIN,
  PROTOCOL_VERSION,
  type PeerId,
  decodeControl,
  encodeControl,
  encodeFrame,
  frameEnd,
} from "../../src/protocol/index.ts";
import type { Link } from "../../src/relay/sessions/link.ts";
import type { RelaySocket } from "../../src/relay/ports.ts";
import { Room } from "../../src/relay/room.ts";
import { DEFAULT_SETTINGS } from "../../src/relay/settings.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { SqlAuditLog } from "../../src/storage/sql-audit.ts";
import { SqlBanStore } from "../../src/storage/sql-bans.ts";
import { SqlRoomStore } from "../../src/storage/sql-room-store.ts";
import { NodeSql } from "../../test/support/node-sql.ts";

const FIRST_PEER = 76_561_197_960_287_930n;
const CONTROL_LIMIT = 256;

/** Reads control frames while the room is set up; later only looks for a mark at the end of a message. */
export class QuietPeer implements RelaySocket {
  readonly id: PeerId;
  readonly link: Link;
  /** By the other peer's place. */
  readonly handles: number[] = [];
  messages = 0;
  bytes = 0;
  readonly #room: QuietRoom;
  isLinking = true;

  constructor(room: QuietRoom, index: number) {
    this.#room = room;
    this.id = (FIRST_PEER + BigInt(index)) as PeerId;
    this.link = room.room.join(this, { peer: this.id, visible: false }, room.now);
  }

  send(bytes: Uint8Array): void {
    this.messages++;
    this.bytes += bytes.length;
    if (this.isLinking && bytes.length < CONTROL_LIMIT) this.#readControl(viewOf(bytes));
    // A mark stands behind all the rest: header and number, 12 bytes. No view for what is none: what is allocated here would
    // be counted as the room's.
    const at = bytes.length - 12;
    if (at >= 0 && bytes[at] === FrameType.Mark && bytes[at + 4] === 4) this.#credit(viewOf(bytes), at);
  }

  #credit(view: DataView, at: number): void {
    if (view.getUint32(at + 4, true) !== 4) return;
    const mark = view.getUint32(at + 8, true);
    this.#room.later(() => this.receive(encodeControl("credit", { mark })));
  }

  receive(bytes: Uint8Array): void {
    this.#room.room.receive(this.link, bytes, this.#room.now);
  }

  #readControl(view: DataView): void {
    for (let offset = 0; offset < view.byteLength; offset = frameEnd(view, offset)) {
      const control = decodeControl(view, offset);
      if (control?.frame === "connecting") this.handles[control.values.request] = control.values.handle;
      if (control?.frame === "error") throw new Error(control.values.message);
      if (control?.frame !== "incoming") continue;
      const { handle, peer } = control.values;
      this.handles[Number(peer - FIRST_PEER)] = handle;
      this.#room.later(() => this.receive(encodeControl("accept", { handle })));
    }
  }

  close(code: number, reason: string): void {
    throw new Error(`The room closed a socket: ${code} ${reason}`);
  }

  bufferedAmount(): number {
    return 0;
  }

  lastKeepAlive(): number {
    return 0;
  }

  save(): void {}
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class QuietRoom {
  readonly room: Room;
  readonly peers: readonly QuietPeer[];
  now = Date.now();
  #later: (() => void)[] = [];

  /** Everyone connected with everyone. */
  constructor(size: number) {
    const sql = new NodeSql();
    migrate(sql);
    this.room = new Room({
      app: 480 as AppId,
      settings: { ...DEFAULT_SETTINGS, messagesPerSecond: 0, bytesPerSecond: 0, groupCopiesPerSecond: 0 },
      store: new SqlRoomStore(sql),
      bans: new SqlBanStore(sql),
      audit: new SqlAuditLog(sql),
      log: () => undefined,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    });
    this.peers = Array.from({ length: size }, (_, index) => new QuietPeer(this, index));
    const hello = encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() });
    for (const peer of this.peers) peer.receive(hello);
    this.#connectAll();
    // The room's group is its first, and so number 1.
    for (const peer of this.peers) peer.receive(encodeFrame(JOIN, { request: 1, name: "" }));
  }

  /** When the turn is over: a client cannot answer within it. */
  later(task: () => void): void {
    this.#later.push(task);
  }

  settle(): void {
    while (this.#later.length > 0) {
      const tasks = this.#later;
      this.#later = [];
      for (const task of tasks) task();
    }
  }

  #connectAll(): void {
    const connectionType = ConnectionType.NetworkingSockets;
    this.peers.forEach((peer, index) => {
      for (const [request, other] of this.peers.entries()) {
        if (request <= index) continue;
        const to = { request, connectionType, peer: other.id, virtualPort: 0, channel: -1, timeoutMs: 0 };
        peer.receive(encodeControl("connect", to));
        this.settle();
      }
    });
    for (const peer of this.peers) peer.isLinking = false;
  }
}
