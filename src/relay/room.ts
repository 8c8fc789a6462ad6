import {
  type AppId,
  CloseCode,
  type ConnectionId,
  ConnectionState,
  EndReason,
  type Handle,
  type PeerId,
  connectionTypeName,
} from "../protocol/index.ts";
import { AlarmClock } from "./alarm-clock.ts";
import type { AuditLog } from "./audit.ts";
import {
  type AppBan,
  type Ban,
  type BanKind,
  type BanPage,
  type BanStore,
  Bans,
  endBanned,
  endHeld,
} from "./limits/bans.ts";
import type { P2PConnection } from "./connection.ts";
import { type ConnectionDetail, connectionDetail } from "./connection-detail.ts";
import { RoomCounters } from "./counters.ts";
import { type JoinRefusal, bytesThisMonth, refuseEntry } from "./limits/entry.ts";
import { isOverrun } from "./flow/flow-control.ts";
import { Groups } from "./groups/group.ts";
import { Hosting, settleHosting } from "./hosting/hosting.ts";
import { readMessage, refuseText } from "./inbound.ts";
import { keepSession } from "./sessions/keeping.ts";
import type { HistoryBucket, HistoryQuery } from "./history/bucket.ts";
import { History } from "./history/history.ts";
import { Link } from "./sessions/link.ts";
import { type Ending, P2PRelayManager } from "./manager.ts";
import { tellClosed, tellState } from "./negotiation.ts";
import type { RoomObserver } from "./observing.ts";
import { Outbox, type OutboxLimits } from "./flow/outbox.ts";
import { type PeerList, type PeerPage, type PeerView, listPeers, viewPeer } from "./peer-view.ts";
import type {
  Admission,
  Log,
  RelaySocket,
  RoomStore,
  SavedLink,
  StoredConnection,
  TrunkPort,
  TrunkSocket,
} from "./ports.ts";
import { type Survivor, reattach, restoreStored } from "./sessions/restoring.ts";
import type { RoomState } from "./room-state.ts";
import { type Random, newMark, newSessionId, newToken } from "./sessions/secrets.ts";
import {
  closeStalled,
  endSession,
  expel,
  loseSocket,
  nextSweepTimes,
  settleSessions,
  sweepSessions,
} from "./sessions/sessions.ts";
import { type AppSettings, BATCH_LIMIT, TIMES, limitsFor } from "./settings.ts";
import { settleShards } from "./shards/moving.ts";
import { ALL_HANDLES, handlesOf } from "./shards/names.ts";
import { type ShardHistory, Sharding } from "./shards/sharding.ts";
import { type RoomStatistics, roomStatistics } from "./statistics.ts";
import { closeLink, refuse } from "./telling.ts";
import { addLink, dial } from "./trunk/links.ts";
import { type Located, located, seekAgain, seekNoMore, takeWanted } from "./trunk/locating.ts";
import { linkLost, loseLink, nextTrunkTime, sweepTrunks } from "./trunk/losing.ts";
import { readTrunk } from "./trunk/reading.ts";
import { hasDialed, restTrunks } from "./trunk/resting.ts";
import { newCrossing, trunkTo } from "./trunk/trunk.ts";

export type { RoomStatistics } from "./statistics.ts";

export type Occupancy = "empty" | "away" | "present";

export interface RoomOptions {
  readonly app: AppId;
  readonly settings: AppSettings;
  readonly store: RoomStore;
  readonly bans: BanStore;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly random: Random;
  /** The room's name in its app, "" for the app's own, and the way to the others; without it there is none. */
  readonly crossing?: { readonly name: string; readonly port: TrunkPort } | undefined;
}

/** A trunk that outlived the memory: accepted, since one that was dialed keeps the object from being evicted. */
export interface TrunkSurvivor {
  readonly socket: TrunkSocket;
  /** The other room. */
  readonly room: string;
}

/**
 * One room: the peers in it, the connections between them, and the rules of docs/protocol.md. A runtime feeds it
 * sockets, messages and alarms, each with the time, and looks at `alarmAt` afterwards; nothing here waits or schedules.
 */
export class Room {
  readonly audit: AuditLog;
  readonly #state: RoomState;
  readonly #bans: Bans;
  /** Rows of connections that are over, which the store failed to delete: the next flush tries again. */
  readonly #undeleted = new Set<Handle>();
  readonly #clock = new AlarmClock();
  readonly #history: History;
  /** Since a crash, and not on disk: before a handle is given out it must be, or a second crash skips to the same ones. */
  #hasSkippedHandles = false;
  /** ms of the first change that is not on disk; Infinity while all is. */
  #dirtySince = Infinity;
  #lastCounted: number | undefined;

  constructor(options: RoomOptions) {
    const { app, settings, store, log } = options;
    this.#bans = new Bans(options.bans);
    this.audit = options.audit;
    const { name = "", port } = options.crossing ?? {};
    const manager = new P2PRelayManager({
      handles: port ? handlesOf(name) : ALL_HANDLES,
      idleTimeoutMs: settings.idleTimeoutMs,
      log,
      events: {
        opened: (connection) => this.#opened(connection),
        stateChanged: (connection, previous) => this.#stateChanged(connection, previous),
        refusalChanged: (connection) => store.updateConnection(connection),
        closed: (connection, ending) => this.#closed(connection, ending),
      },
    });
    this.#state = {
      app,
      settings,
      manager,
      store,
      log,
      observers: [],
      counters: new RoomCounters(),
      outbox: new Outbox({
        maxBatch: BATCH_LIMIT,
        ...outboxLimits(settings),
        newMark: () => newMark(options.random),
      }),
      sessions: new Map(),
      present: 0,
      links: new Set(),
      stalling: new Set(),
      failed: [],
      missing: new Set(),
      groups: new Groups(),
      hosting: new Hosting(),
      newSessionId: () => newSessionId(options.random),
      newToken: () => newToken(options.random),
      sharding: new Sharding(name, port !== undefined, settings.shards),
      crossing: newCrossing(name, port),
      dial: (trunk) => dial(this.#state, trunk),
      wake: (at) => this.#clock.wake(at),
    };
    this.#history = new History(this.#state, () => this.flush());
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
    this.#hasSkippedHandles = restoreStored(this.#state, checkpoint, survivors, now);
    this.#lastCounted = this.#state.counters.running.at || undefined;
    for (const { socket, room } of trunks) this.#acceptTrunk(socket, room, false);
    this.#history.restored(now);
    const links = survivors.map(({ socket, saved }) => this.rejoin(socket, saved, now));
    for (const { session } of links) if (session) session.awayUntil = Infinity;
    settleSessions(this.#state, now);
    survivors.forEach(({ saved }, index) => {
      // What waited for it is gone, and what it owes is not known any more: it begins anew, on a new socket (F4).
      const link = links[index];
      if (link?.isOpen && saved.state === "open" && saved.isHolding) closeStalled(this.#state, link, now);
    });
    if (this.#state.hosting.isUnsettled) settleHosting(this.#state, now);
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
    return refuseEntry(this.#state, this.#bans, admission, sockets, now);
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
    const link = Link.restore(socket, saved, limitsFor(this.#state.settings, saved.admission.rateClass));
    if (link.state === "over") return link;
    this.#state.links.add(link);
    if (saved.state === "open") reattach(this.#state, link, saved);
    this.#clock.wake(Math.max(now, link.isOpen ? link.lastHeard + TIMES.ghostMs : link.since + TIMES.helloMs));
    return link;
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

  /** Another room of the app has dialed this one. */
  trunkOpened(socket: TrunkSocket, from: string, now: number): void {
    this.#beginTurn(now);
    this.#acceptTrunk(socket, from, true);
    this.#endTurn(now);
  }

  /** A message from another room. Its bytes are the room's own from now on. */
  receiveTrunk(socket: TrunkSocket, bytes: Uint8Array, now: number): void {
    this.#beginTurn(now);
    this.#state.counters.trunkReceived(bytes.length);
    const link = this.#state.crossing.links.get(socket);
    if (!link?.use) return;
    link.lastMessage = now;
    try {
      readTrunk(this.#state, link, link.use.trunk, bytes, now);
    } catch (error) {
      this.#state.log({ level: "error", event: "internal_error", peer: "trunk", error: describe(error) });
      loseLink(this.#state, link, "the room failed");
    }
    this.#endTurn(now);
  }

  /** The socket of a trunk is gone, or has never opened. */
  trunkClosed(socket: TrunkSocket, now: number): void {
    this.#beginTurn(now);
    const link = this.#state.crossing.links.get(socket);
    if (link) linkLost(this.#state, link);
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

  /** Who has a session here, for the app's directory. */
  get peers(): Iterable<PeerId> {
    return this.#state.sessions.keys();
  }

  /** Whether peers of other rooms may connect to those here. */
  get isCrossing(): boolean {
    return this.#state.crossing.port !== undefined && this.#state.settings.crossRooms !== 0;
  }

  /** The socket is gone, whoever closed it. `isFarewell`: the client closed it as one who does not come back (rule S5). */
  socketClosed(link: Link, now: number, isFarewell = false): void {
    this.#beginTurn(now);
    loseSocket(this.#state, link, now, "socket_closed", isFarewell);
    this.#endTurn(now);
  }

  /** Asks every client to come back after `reconnectAfterMs`, and closes its socket: before a planned end of the object. */
  drain(reconnectAfterMs: number, now: number): number {
    this.#beginTurn(now);
    const open = [...this.#state.links].filter(({ isOpen }) => isOpen);
    for (const link of open) {
      closeLink(this.#state, link, CloseCode.Restarting, "the relay is restarting", reconnectAfterMs);
      loseSocket(this.#state, link, now, "drained");
    }
    this.#state.log({ level: "info", event: "drained", sockets: open.length, reconnectAfterMs });
    this.#endTurn(now);
    return open.length;
  }

  /** Sends what has waited for company long enough. */
  sendDue(now: number): void {
    this.#state.outbox.sendDue(now);
  }

  /** Does what is due: stale connections, ghosts, guests without a hello, the counter flush. */
  alarm(now: number): void {
    this.#beginTurn(now);
    const { manager, counters } = this.#state;
    bytesThisMonth(this.#state, now);
    const second = Math.floor(now / TIMES.promptMs) * TIMES.promptMs;
    manager.cleanupStaleConnections(second);
    sweepSessions(this.#state, second);
    sweepTrunks(this.#state);
    seekAgain(this.#state);
    this.#dirtySince = -Infinity; // the object is awake, so what there is to flush is flushed now
    this.#endTurn(now);
    if (!counters.isDirty) this.#dirtySince = Infinity;
    this.#schedule(now);
  }

  /** Writes all counters as one row, with what is due of the history. When the store fails they stay dirty, for the next. */
  flush(): void {
    const { store, counters, manager } = this.#state;
    this.#dirtySince = Infinity; // where the store fails, the next attempt is as far off
    try {
      for (const handle of this.#undeleted) {
        store.deleteConnection(handle);
        this.#undeleted.delete(handle);
      }
      this.#history.save((rows) => counters.flush(manager, (packed) => store.saveCounters(packed, rows)));
    } catch (error) {
      this.#logStoreFailure(error);
    }
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
    const found = expel(this.#state, peer, CloseCode.Kicked, EndReason.PeerKicked, "kicked");
    if (found) this.#state.log({ level: "info", event: "kicked", peer: String(peer) });
    this.#endTurn(now);
    return found;
  }

  /** Keeps a peer, an address or a ticket out, and ends the sockets that it has here. Undefined: too many bans. */
  ban(ban: Omit<Ban, "created">, now: number): { ban: Ban; ended: number } | undefined {
    this.#beginTurn(now);
    const kept = { ...ban, created: now };
    if (!this.#bans.add(kept, now)) return undefined;
    const ended = endBanned(this.#state, kept);
    const until = ban.until ?? "for good";
    this.#state.log({ level: "info", event: "banned", ...namedBan(ban.kind, ban.subject), until, ended });
    this.#endTurn(now);
    return { ban: kept, ended };
  }

  /** False when there is no such ban. */
  unban(kind: BanKind, subject: string, now: number): boolean {
    const found = this.#bans.remove(kind, subject, now);
    if (found) this.#state.log({ level: "info", event: "unbanned", ...namedBan(kind, subject) });
    return found;
  }

  /** What operators have banned from all rooms of the app replaces what they had. Ends the sockets that it meets here. */
  followBans(bans: readonly AppBan[], now: number): void {
    this.#beginTurn(now);
    this.#bans.follow(bans);
    const ended = bans.length === 0 ? 0 : endHeld(this.#state, this.#bans, now);
    if (ended > 0) this.#state.log({ level: "info", event: "banned_everywhere", ended });
    this.#endTurn(now);
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

  listBans(page: BanPage, now: number): Ban[] {
    return this.#bans.list(page, now);
  }

  listPeers(page: PeerPage): PeerList {
    return listPeers(this.#state, page);
  }

  /** Undefined for one that has no session here. */
  viewPeer(peer: PeerId): PeerView | undefined {
    const session = this.#state.sessions.get(peer);
    return session && viewPeer(this.#state, session);
  }

  /** With `now` the month is today's; without it that of the last alarm or join. */
  statistics(now?: number): RoomStatistics {
    return roomStatistics(this.#state, now);
  }

  /**
   * Other settings from now on, for those too who are here: nobody is sent away by it. Clients keep the limits of their
   * welcome until their next one, so a lower limit refuses what they send beyond it.
   */
  applySettings(settings: AppSettings, now: number): void {
    this.#state.settings = settings;
    this.#state.sharding.set(settings.shards);
    this.#state.manager.setIdleTimeout(settings.idleTimeoutMs);
    this.#state.outbox.setLimits(outboxLimits(settings));
    for (const link of this.#state.links) link.limit(limitsFor(settings, link.admission.rateClass), now);
    const { hosting } = this.#state;
    if (hosting.dueAt !== Infinity) hosting.dueAt = now; // a host is away: how long it may be is looked at anew
    this.#schedule(now);
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

  /** ms of the minute in which the last thing happened that was counted, as it was on disk; undefined: nothing ever was. */
  get lastCounted(): number | undefined {
    return this.#lastCounted;
  }

  /** Undefined for an unknown id. */
  connectionDetail(id: ConnectionId): ConnectionDetail | undefined {
    const connection = this.manager.getConnection(id);
    return connection && connectionDetail(this.#state, connection);
  }

  history(query: HistoryQuery, now: number): HistoryBucket[] {
    return this.#history.buckets(query, now);
  }

  /** Whether the peer has a session with a socket just now. */
  isPresent(peer: PeerId): boolean {
    return this.#state.sessions.get(peer)?.link !== undefined;
  }

  /** `isNew`: and not one that was open while the object was evicted. */
  #acceptTrunk(socket: TrunkSocket, from: string, isNew: boolean): void {
    const trunk = trunkTo(this.#state.crossing, from);
    const link = addLink(this.#state, trunk, socket);
    if (link.use) link.use.owesList = isNew;
    // The other room has dialed anew, so it has lost what it dialed before.
    const older = trunk.accepted;
    trunk.accepted = link;
    trunk.lostAt = undefined;
    trunk.retryAt = Infinity;
    if (older) loseLink(this.#state, older, "dialed anew");
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
    this.#state.log({ level: "error", event: "internal_error", peer: String(link.peer), error: describe(error) });
    refuse(this.#state, link, "internal", { frame: 0 }, "the relay failed on this message; it is logged there");
  }

  #endTurn(now: number): void {
    const { outbox, counters } = this.#state;
    const { failed, stalling, missing, observers, hosting } = this.#state;
    if (failed.length > 0) this.#endFailedSessions();
    if (stalling.size > 0) this.#watchStalling(now);
    if (missing.size > 0) this.#keepMissing();
    if (this.#state.sharding.isUnsettled) settleShards(this.#state, now);
    if (hosting.isUnsettled) settleHosting(this.#state, now);
    outbox.endTurn(now);
    // An empty room keeps nothing in memory that a flush would still have to save, and no alarm.
    const isEmpty = this.isUnused;
    if (isEmpty && counters.isDirty) this.flush();
    if (counters.isDirty) this.#flushInTime(now);
    else if (isEmpty) this.#clock.stop();
    // A clock that has gone back: else nothing would ring until it is as late as it was.
    if (this.#clock.isAhead(now) && !isEmpty) this.#schedule(now);
    for (const observer of observers) observer.turnEnded?.(now);
  }

  /**
   * A busy room flushes in one of its turns, and one that has fallen silent with the next look for ghosts: an alarm for it
   * alone would wake the object, or keep it awake.
   */
  #flushInTime(now: number): void {
    if (now - this.#dirtySince >= TIMES.flushMs) this.flush();
    if (!this.#state.counters.isDirty) return;
    this.#dirtySince = Math.min(this.#dirtySince, now);
    this.#clock.wake(this.#dirtySince + TIMES.quietFlushMs);
  }

  #endFailedSessions(): void {
    for (let link = this.#state.failed.pop(); link; link = this.#state.failed.pop()) {
      if (link.session && !link.session.link) endSession(this.#state, link.session, "protocol_error");
    }
  }

  /** A thousand connections may end at once for a client that is away: one row, not a thousand. */
  #keepMissing(): void {
    const { missing, sessions } = this.#state;
    for (const session of missing) if (sessions.get(session.peer) === session) keepSession(this.#state, session);
    missing.clear();
  }

  /** Clients that do not take in what they are sent: for how long, and whether it has become too much (rule F4). */
  #watchStalling(now: number): void {
    for (const link of this.#state.stalling) {
      if (!link.backlog) continue;
      if (isOverrun(this.#state, link)) {
        if (link.use) loseLink(this.#state, link, "stalled");
        else closeStalled(this.#state, link, now);
      } else if (link.backlog.since < 0) {
        link.backlog.since = now;
        this.#clock.wake(now + TIMES.stallMs);
      }
    }
  }

  #opened(connection: P2PConnection): void {
    const { store, counters, manager, log } = this.#state;
    this.#keep(connection.fromPeerId);
    if (this.#hasSkippedHandles) {
      this.flush();
      this.#hasSkippedHandles = counters.isDirty;
    }
    store.insertConnection(connection satisfies StoredConnection);
    counters.opened(connection);
    counters.running.note({ connections: manager.getActiveConnectionCount() });
    log({
      level: "info",
      event: "connection_opened",
      connection: String(connection.connectionId),
      from: String(connection.fromPeerId),
      to: String(connection.toPeerId),
      app: connection.appId,
      type: connectionTypeName(connection.type),
      virtualPort: connection.virtualPort,
      channel: connection.channel,
    });
    for (const observer of this.#state.observers) observer.opened?.(connection);
  }

  #stateChanged(connection: P2PConnection, previous: ConnectionState): void {
    if (connection.state === ConnectionState.Connected) this.#keep(connection.toPeerId);
    this.#state.store.updateConnection(connection);
    this.#state.counters.connectionChanged(connection);
    seekNoMore(this.#state, connection);
    tellState(this.#state, connection, previous);
    for (const observer of this.#state.observers) observer.stateChanged?.(connection, previous);
  }

  /** A peer that has a connection can come back to it. */
  #keep(peer: PeerId): void {
    const session = this.#state.sessions.get(peer);
    if (session && !session.isStored) keepSession(this.#state, session);
  }

  /** Never throws: half of a peer's connections must not stay because one row did. */
  #closed(connection: P2PConnection, ending: Ending): void {
    try {
      this.#state.store.deleteConnection(connection.handle);
    } catch (error) {
      this.#undeleted.add(connection.handle);
      this.#logStoreFailure(error);
    }
    this.#state.counters.closed(connection);
    seekNoMore(this.#state, connection);
    tellClosed(this.#state, connection, ending);
    for (const observer of this.#state.observers) observer.closed?.(connection, ending);
  }

  #logStoreFailure(error: unknown): void {
    this.#state.log({ level: "error", event: "store_failed", error: describe(error) });
  }

  /** Looks at everything once, so that it is cheap to ask for less between alarms. */
  #schedule(now: number): void {
    const { manager, counters } = this.#state;
    const { deadline, idle } = manager.nextDue();
    const { prompt, ghost } = nextSweepTimes(this.#state);
    const flush = counters.isDirty ? now + TIMES.quietFlushMs : Infinity;
    // What may wait is looked for no oftener than at the cleanup's pace.
    const patient = Math.max(Math.min(idle, ghost), now + TIMES.cleanupMs);
    const trunk = nextTrunkTime(this.#state);
    this.#clock.looked(now, Math.min(deadline, prompt, patient, flush, trunk));
  }
}

function outboxLimits({ maxQueuedBytes, coalesceMs }: AppSettings): OutboxLimits {
  return { maxQueued: maxQueuedBytes, coalesceMs };
}

/** An address, or a ticket's id, is nothing for a log. */
function namedBan(kind: BanKind, subject: string): { kind: BanKind; peer?: string } {
  return kind === "peer" ? { kind, peer: subject } : { kind };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
