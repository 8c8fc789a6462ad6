import { type ConnectionId, EndReason, type PeerId } from "../protocol/index.ts";
import { AlarmClock } from "./alarm-clock.ts";
import type { AuditLog } from "./audit.ts";
import { connectionEvents } from "./connection-events.ts";
import { type ConnectionDetail, connectionDetail } from "./connection-detail.ts";
import type { RoomCounters } from "./counters.ts";
import { describeError } from "./describe-error.ts";
import { settleHosting } from "./hosting/hosting.ts";
import type { HistoryBucket, HistoryQuery } from "./history/bucket.ts";
import type { History } from "./history/history.ts";
import { readMessage, refuseText } from "./inbound.ts";
import type { AppBan, Ban, BanKind, BanPage } from "./limits/bans.ts";
import { type JoinRefusal, bytesThisMonth, refuseEntry } from "./limits/entry.ts";
import { applySettings } from "./live-settings.ts";
import type { P2PRelayManager } from "./manager.ts";
import { type RoomOptions, newRoomState } from "./new-state.ts";
import type { RoomObserver } from "./observing.ts";
import { ban, drain, followBans, kick, unban } from "./operations/effects.ts";
import { type PeerList, type PeerPage, type PeerView, listPeers, viewPeer } from "./peer-view.ts";
import { Persistence } from "./persistence.ts";
import type { Admission, RelaySocket, SavedLink, TrunkSocket } from "./ports.ts";
import type { RoomState } from "./room-state.ts";
import { keepSession } from "./sessions/keeping.ts";
import { Link } from "./sessions/link.ts";
import { type Survivor, rejoin, restoreLinks } from "./sessions/restoring.ts";
import { loseSocket } from "./sessions/sessions.ts";
import { type AppSettings, TIMES, limitsFor } from "./settings.ts";
import { settle } from "./settling.ts";
import type { ShardHistory } from "./shards/sharding.ts";
import { type RoomStatistics, roomStatistics } from "./statistics.ts";
import { nextSweep, sweep } from "./sweeping.ts";
import { refuse } from "./telling.ts";
import { type Located, located, seekOn, takeWanted } from "./trunk/locating.ts";
import { hasDialed, restTrunks } from "./trunk/resting.ts";
import { type TrunkSurvivor, acceptTrunk, receiveTrunk, trunkClosed } from "./trunk/sockets.ts";

export type { RoomOptions } from "./new-state.ts";
export type { RoomStatistics } from "./statistics.ts";
export type { TrunkSurvivor } from "./trunk/sockets.ts";

export type Occupancy = "empty" | "away" | "present";

/**
 * One room: the peers in it, the connections between them, and the rules of docs/protocol.md. A runtime feeds it
 * sockets, messages and alarms, each with the time, and looks at `alarmAt` afterwards; nothing here waits or schedules.
 * Each event is a turn: what it says leaves together when it ends, and what it has changed is written in time.
 */
export class Room {
  readonly audit: AuditLog;
  readonly #state: RoomState;
  readonly #clock = new AlarmClock();
  readonly #persistence: Persistence;
  readonly #history: History;

  constructor(options: RoomOptions) {
    this.audit = options.audit;
    const events = connectionEvents(
      () => this.#state,
      () => this.#persistence,
    );
    this.#state = newRoomState(options, this.#clock, events);
    this.#persistence = new Persistence(this.#state);
    this.#history = this.#persistence.history;
  }

  get manager(): P2PRelayManager {
    return this.#state.manager;
  }

  get counters(): RoomCounters {
    return this.#state.counters;
  }

  /** ms at which `alarm` must be called, or before; Infinity when nothing is due. */
  get alarmAt(): number {
    return this.#clock.at;
  }

  /** ms at which `sendDue` must be called, or soon after: frames wait to share a message. Infinity while none do. */
  get sendAt(): number {
    return this.#state.outbox.dueAt;
  }

  /** Tells `observer` what happens from now on. Returns how to stop that. */
  observe(observer: RoomObserver): () => void {
    const { observers } = this.#state;
    observers.push(observer);
    return () => {
      const at = observers.indexOf(observer);
      if (at >= 0) observers.splice(at, 1);
    };
  }

  /**
   * Takes over what outlived the memory: the store, the sockets that stayed open, and the newest checkpoint that one of
   * them carried. Returns their links, in order.
   */
  restore(
    checkpoint: Float64Array | undefined,
    survivors: readonly Survivor[],
    now: number,
    trunks: readonly TrunkSurvivor[] = [],
  ): Link[] {
    this.manager.beginTurn(now);
    this.#state.crossing.now = now;
    this.#persistence.restore(checkpoint, survivors, now);
    for (const { socket, room } of trunks) acceptTrunk(this.#state, socket, room, false);
    this.#history.restored(now);
    const links = restoreLinks(this.#state, survivors, now);
    if (this.#state.hosting.isUnsettled) settleHosting(this.#state, now);
    seekOn(this.#state);
    this.#state.outbox.endTurn(now);
    this.#schedule(now);
    return links;
  }

  /**
   * Why a peer whose ticket is good may not join just now; undefined: it may. `sockets`: how many the platform keeps for it,
   * those included that the relay has closed. The platform is asked because a count kept here would lock a peer out for
   * good where a close event fails to come.
   */
  refuseEntry(admission: Admission, sockets: number, now: number): JoinRefusal | undefined {
    return refuseEntry(this.#state, this.#state.bans, admission, sockets, now);
  }

  /** A socket whose upgrade has been accepted for who the ticket names. */
  join(socket: RelaySocket, admission: Admission, now: number): Link {
    this.#beginTurn(now);
    const link = new Link(socket, admission, now, limitsFor(this.#state.settings, admission.rateClass));
    this.#state.links.add(link);
    this.#state.counters.joined();
    link.save();
    bytesThisMonth(this.#state, now);
    this.#clock.wake(now + TIMES.helloMs);
    return link;
  }

  /** A socket that stayed open while the object was evicted, and that `restore` was not told of. */
  rejoin(socket: RelaySocket, saved: SavedLink, now: number): Link {
    return rejoin(this.#state, socket, saved, now);
  }

  /**
   * One binary message: a batch of frames, read in place. Its bytes may be sent on later, so nobody may change them, but for
   * the room itself: it writes the sender into a cast (groups/groups.ts).
   */
  receive(link: Link, bytes: Uint8Array, now: number): void {
    this.#beginTurn(now);
    this.#state.counters.messages++;
    if (link.state === "over") return;
    try {
      this.#hear(link, now);
      readMessage(this.#state, link, bytes, now);
    } catch (error) {
      this.#failed(link, error);
    }
    this.#endTurn(now);
  }

  /** A text message that is not the keep-alive: the protocol has none (rule P8). */
  receiveText(link: Link, now: number): void {
    this.#beginTurn(now);
    this.#state.counters.messages++;
    if (link.state === "over") return;
    this.#hear(link, now);
    refuseText(this.#state, link);
    this.#endTurn(now);
  }

  /** The socket is gone, whoever closed it. `isFarewell`: the client closed it as one who does not come back (rule S5). */
  socketClosed(link: Link, now: number, isFarewell = false): void {
    this.#beginTurn(now);
    loseSocket(this.#state, link, now, "socket_closed", isFarewell);
    this.#endTurn(now);
  }

  /** Another room of the app has dialed this one. */
  trunkOpened(socket: TrunkSocket, from: string, now: number): void {
    this.#beginTurn(now);
    acceptTrunk(this.#state, socket, from, true);
    this.#endTurn(now);
  }

  /** A message from another room. Its bytes are the room's own from now on. */
  receiveTrunk(socket: TrunkSocket, bytes: Uint8Array, now: number): void {
    this.#beginTurn(now);
    if (receiveTrunk(this.#state, socket, bytes, now)) this.#endTurn(now);
  }

  /** The socket of a trunk is gone, or has never opened. */
  trunkClosed(socket: TrunkSocket, now: number): void {
    this.#beginTurn(now);
    trunkClosed(this.#state, socket);
    this.#endTurn(now);
  }

  /** There is a socket that was dialed from here: `restTrunks` is to be called once a second. */
  get hasDialed(): boolean {
    return hasDialed(this.#state);
  }

  /** Closes what was dialed, and is not used any more. */
  restTrunks(now: number): void {
    this.#beginTurn(now);
    restTrunks(this.#state);
    this.#endTurn(now);
  }

  /** Peers that the app's directory is to be asked for. Its answer, or its failure, is told to `located`. */
  takeWanted(): PeerId[] {
    return takeWanted(this.#state);
  }

  located(answer: Located, now: number): void {
    this.#beginTurn(now);
    located(this.#state, answer);
    this.#endTurn(now);
  }

  /** Whether peers of other rooms may connect to those here. */
  get isCrossing(): boolean {
    return this.#state.crossing.port !== undefined && this.#state.settings.crossRooms !== 0;
  }

  /** Sends what has waited for company long enough. */
  sendDue(now: number): void {
    this.#state.outbox.sendDue(now);
  }

  /** Does what is due, the counter flush included. */
  alarm(now: number): void {
    this.#beginTurn(now);
    sweep(this.#state, now);
    this.#persistence.beginAlarm();
    this.#endTurn(now);
    this.#persistence.endAlarm();
    this.#schedule(now);
  }

  /** Writes all counters as one row, with what is due of the history. When the store fails they stay dirty, for the next. */
  flush(): void {
    this.#persistence.flush();
  }

  /** Ends a connection for an operator. False for an unknown id. */
  closeConnection(id: ConnectionId, now: number): boolean {
    this.#beginTurn(now);
    const closed = this.manager.closeConnection(id, EndReason.ClosedByAdmin);
    this.#endTurn(now);
    return closed;
  }

  /** Removes a peer for an operator. False when the peer is not here. */
  kick(peer: PeerId, now: number): boolean {
    this.#beginTurn(now);
    const found = kick(this.#state, peer);
    this.#endTurn(now);
    return found;
  }

  /** Keeps a peer, an address or a ticket out, and ends the sockets that it has here. Undefined: too many bans. */
  ban(terms: Omit<Ban, "created">, now: number): { ban: Ban; ended: number } | undefined {
    this.#beginTurn(now);
    const kept = { ...terms, created: now };
    const ended = ban(this.#state, this.#state.bans, kept, now);
    if (ended === undefined) return undefined;
    this.#endTurn(now);
    return { ban: kept, ended };
  }

  /** False when there is no such ban. */
  unban(kind: BanKind, subject: string, now: number): boolean {
    return unban(this.#state, this.#state.bans, kind, subject, now);
  }

  /** What operators have banned from all rooms of the app. */
  followBans(bans: readonly AppBan[], now: number): void {
    this.#beginTurn(now);
    followBans(this.#state, this.#state.bans, bans, now);
    this.#endTurn(now);
  }

  listBans(page: BanPage, now: number): Ban[] {
    return this.#state.bans.list(page, now);
  }

  /** Asks every client to come back after `reconnectAfterMs`, and closes its socket: before a planned end of the object. */
  drain(reconnectAfterMs: number, now: number): number {
    this.#beginTurn(now);
    const ended = drain(this.#state, reconnectAfterMs, now);
    this.#endTurn(now);
    return ended;
  }

  applySettings(settings: AppSettings, now: number): void {
    applySettings(this.#state, settings, now);
    this.#schedule(now);
  }

  /** What the app's directory, or who has sent a peer here, knows of the division of the app's own room. */
  followShards(history: ShardHistory, shards = this.#state.settings.shards): void {
    this.#state.sharding.history = history;
    this.#state.sharding.set(shards);
  }

  /** The part of the app's own room that a peer belongs to; undefined where this is no part of it. */
  homeOf(peer: PeerId): string | undefined {
    return this.#state.sharding.homeOf(peer);
  }

  /** Who has a session here, for the app's directory. */
  get peers(): Iterable<PeerId> {
    return this.#state.sessions.keys();
  }

  /** Whether the peer has a session with a socket just now. */
  isPresent(peer: PeerId): boolean {
    return this.#state.sessions.get(peer)?.link !== undefined;
  }

  /** Who is here: somebody with a socket, or only sessions whose clients may come back. */
  get occupancy(): Occupancy {
    const { sessions, links } = this.#state;
    if (sessions.size === 0) return "empty";
    return links.size > 0 ? "present" : "away";
  }

  /** Nobody is here, not even a guest, and nobody may come back. */
  get isUnused(): boolean {
    const { links, sessions, manager } = this.#state;
    return links.size === 0 && sessions.size === 0 && manager.getActiveConnectionCount() === 0;
  }

  listPeers(page: PeerPage): PeerList {
    return listPeers(this.#state, page);
  }

  /** Undefined for one that has no session here. */
  viewPeer(peer: PeerId): PeerView | undefined {
    const session = this.#state.sessions.get(peer);
    return session && viewPeer(this.#state, session);
  }

  /** Undefined for an unknown id. */
  connectionDetail(id: ConnectionId): ConnectionDetail | undefined {
    const connection = this.manager.getConnection(id);
    return connection && connectionDetail(this.#state, connection);
  }

  /** With `now` the month is today's; without it that of the last alarm or join. */
  statistics(now?: number): RoomStatistics {
    return roomStatistics(this.#state, now);
  }

  history(query: HistoryQuery, now: number): HistoryBucket[] {
    return this.#history.buckets(query, now);
  }

  /** ms of the minute in which the last thing happened that was counted, as it was on disk; undefined: nothing ever was. */
  get lastCounted(): number | undefined {
    return this.#persistence.lastCounted;
  }

  #beginTurn(now: number): void {
    this.#state.crossing.now = now;
    this.#history.turnBegins(now); // before anything counts
    this.manager.beginTurn(now);
  }

  #hear(link: Link, now: number): void {
    if (link.hear(now) && link.session?.isStored) keepSession(this.#state, link.session);
  }

  /** A failure ends the session of the message's sender, and nobody else's. */
  #failed(link: Link, error: unknown): void {
    this.#state.log({ level: "error", event: "internal_error", peer: String(link.peer), error: describeError(error) });
    refuse(this.#state, link, "internal", { frame: 0 }, "the relay failed on this message; it is logged there");
  }

  #endTurn(now: number): void {
    const { outbox, counters, observers } = this.#state;
    settle(this.#state, now);
    outbox.endTurn(now);
    // An empty room keeps nothing in memory that a flush would still have to save, and no alarm.
    const isEmpty = this.isUnused;
    if (isEmpty && counters.isDirty) this.flush();
    if (counters.isDirty) this.#persistence.flushInTime(now);
    else if (isEmpty) this.#clock.stop();
    // A clock that has gone back: else nothing would ring until it is as late as it was.
    if (this.#clock.isAhead(now) && !isEmpty) this.#schedule(now);
    for (const observer of observers) observer.turnEnded?.(now);
  }

  /** Looks at everything once, so that it is cheap to ask for less between alarms. */
  #schedule(now: number): void {
    this.#clock.looked(now, nextSweep(this.#state, now));
  }
}
