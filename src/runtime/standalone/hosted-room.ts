import type { ConnectionId, PeerId } from "../../protocol/index.ts";
import { type ConnectionView, viewConnection } from "../../relay/connection-view.ts";
import type { Ban, BanKind, BanPage } from "../../relay/limits/bans.ts";
import type { JoinRefusal } from "../../relay/limits/entry.ts";
import type { Admission, RelaySocket } from "../../relay/ports.ts";
import type { Link } from "../../relay/sessions/link.ts";
import { SendTimer } from "../send-timer.ts";
import { Room, type RoomOptions, type RoomStatistics } from "../../relay/room.ts";

/** How long a room that nobody uses stays: somebody who is refused, and tries again, finds it open. */
const LINGER_MS = 10_000;
/** After a failure: a room that cannot do what is due must not be asked in a loop. */
const RETRY_MS = 1_000;

/** One room in this process: the rules, the sockets that it has, and when it must be looked at again. */
export class HostedRoom {
  readonly #room: Room;
  readonly #sendTimer: SendTimer;
  /** Of each peer, those that are not gone: also closed ones whose other end has not answered (rule L5). */
  readonly #sockets = new Map<PeerId, number>();
  readonly #changed: (hosted: HostedRoom) => void;
  #lastUsed: number;
  #retryAt = -Infinity;

  /** Whatever was due while nobody ran it is due at once. `changed` is called when `dueAt` may be another. */
  constructor(options: RoomOptions, changed: (hosted: HostedRoom) => void, now: number) {
    this.#room = new Room(options);
    this.#sendTimer = new SendTimer(this.#room);
    this.#changed = changed;
    this.#lastUsed = now;
    this.#room.restore(undefined, [], now);
  }

  /** ms at which `ring` must be called. */
  get dueAt(): number {
    const due = this.isUnused ? this.#lastUsed + LINGER_MS : this.#room.alarmAt;
    return Math.max(due, this.#retryAt);
  }

  /** Nobody is here or may come back, and nothing is due: all that there is to know of it can be on disk. */
  get isUnused(): boolean {
    return this.#sockets.size === 0 && this.#room.alarmAt === Infinity;
  }

  isOver(now: number): boolean {
    return this.isUnused && now >= this.#lastUsed + LINGER_MS;
  }

  /** Does what is due. */
  ring(now: number): void {
    this.#retryAt = now + RETRY_MS;
    if (this.#room.alarmAt <= now) this.#room.alarm(now);
    this.#retryAt = -Infinity;
  }

  refuseEntry(admission: Admission, now: number): JoinRefusal | undefined {
    this.#lastUsed = now;
    return this.#room.refuseEntry(admission, this.#sockets.get(admission.peer) ?? 0, now);
  }

  countRefusal({ code }: JoinRefusal): void {
    this.#room.counters.joinRefused(code);
  }

  join(socket: RelaySocket, admission: Admission, now: number): Link {
    const link = this.#room.join(socket, admission, now);
    this.#sockets.set(admission.peer, (this.#sockets.get(admission.peer) ?? 0) + 1);
    this.#turnEnded(now);
    return link;
  }

  receive(link: Link, bytes: Uint8Array, now: number): void {
    this.#room.receive(link, bytes, now);
    this.#turnEnded(now);
  }

  receiveText(link: Link, now: number): void {
    this.#room.receiveText(link, now);
    this.#turnEnded(now);
  }

  /** Once for each link. `isFarewell`: closed by its client, as one who does not come back (rule S5). */
  socketClosed(link: Link, now: number, isFarewell: boolean): void {
    const others = (this.#sockets.get(link.peer) ?? 1) - 1;
    if (others > 0) this.#sockets.set(link.peer, others);
    else this.#sockets.delete(link.peer);
    this.#room.socketClosed(link, now, isFarewell);
    this.#turnEnded(now);
  }

  statistics(now: number): RoomStatistics {
    return this.#room.statistics(now);
  }

  connections({ after, limit }: { after: number; limit: number }): ConnectionView[] {
    const views: ConnectionView[] = [];
    for (const connection of this.#room.manager.connections()) {
      if (connection.handle > after) views.push(viewConnection(connection));
      if (views.length === limit) break;
    }
    return views;
  }

  connection(id: ConnectionId): ConnectionView | undefined {
    const connection = this.#room.manager.getConnection(id);
    return connection && viewConnection(connection);
  }

  connectionsOfPeer(peer: PeerId): ConnectionView[] {
    return this.#room.manager.getConnectionsForPeer(peer).map(viewConnection);
  }

  closeConnection(id: ConnectionId, now: number): boolean {
    const closed = this.#room.closeConnection(id, now);
    this.#turnEnded(now);
    return closed;
  }

  kick(peer: PeerId, now: number): boolean {
    const kicked = this.#room.kick(peer, now);
    this.#turnEnded(now);
    return kicked;
  }

  bans(page: BanPage, now: number): Ban[] {
    return this.#room.listBans(page, now);
  }

  ban(ban: Omit<Ban, "created">, now: number): { ban: Ban; ended: number } | undefined {
    const result = this.#room.ban(ban, now);
    this.#turnEnded(now);
    return result;
  }

  unban(kind: BanKind, subject: string, now: number): boolean {
    return this.#room.unban(kind, subject, now);
  }

  drain(reconnectAfterMs: number, now: number): number {
    const ended = this.#room.drain(reconnectAfterMs, now);
    this.#turnEnded(now);
    return ended;
  }

  /** Everything that is known of it is on disk afterwards. */
  flush(): void {
    if (this.#room.counters.hasNews) this.#room.flush();
  }

  /** After each event, and the one place where a room may ask for another look. */
  #turnEnded(now: number): void {
    this.#lastUsed = now;
    this.#sendTimer.turnEnded();
    this.#changed(this);
  }
}
