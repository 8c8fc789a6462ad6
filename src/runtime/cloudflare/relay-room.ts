import { DurableObject } from "cloudflare:workers";
import { PING, PONG, type PeerId, SUBPROTOCOL } from "../../protocol/index.ts";
import { entryProblem } from "../../http/problem.ts";
import type { JoinRefusal } from "../../relay/limits/entry.ts";
import type { Link } from "../../relay/sessions/link.ts";
import {
  type OperationArguments,
  type OperationName,
  type OperationResult,
  operate,
} from "../../relay/operations/index.ts";
import type { Admission, TrunkSocket } from "../../relay/ports.ts";
import type { Survivor } from "../../relay/sessions/restoring.ts";
import { Following } from "../../relay/directory/following.ts";
import { type Announced, Announcing } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { AppRules, RoomReport } from "../../relay/directory/report.ts";
import { PEERS_MS, type Reported, Reporter } from "../../relay/directory/reporting.ts";
import { Retention } from "../../relay/retention.ts";
import { Room, type RoomOptions } from "../../relay/room.ts";
import { parseSettings } from "../../relay/settings.ts";
import { SendTimer } from "../send-timer.ts";
import { migrate } from "../../storage/migrations.ts";
import { SqlAuditLog } from "../../storage/sql-audit.ts";
import { SqlBanStore } from "../../storage/sql-bans.ts";
import { SqlFollowingStore } from "../../storage/sql-following.ts";
import { SqlRoomStore } from "../../storage/sql-room-store.ts";
import { readAdmission } from "./admission-header.ts";
import { MeasuredRoomStore, RoomAnalytics } from "./analytics.ts";
import { Checkpoints } from "./checkpoints.ts";
import { DurableSql } from "./durable-sql.ts";
import type { RelayEnv } from "./env.ts";
import { type Attachment, HibernatableSocket, closeQuietly } from "./hibernatable-socket.ts";
import { log } from "../log.ts";
import type { RoomAddress } from "../../http/gateway.ts";
import { parseRoomAddress } from "../room-address.ts";
import { DurableDirectory } from "./directory.ts";
import { readHint } from "./hint-header.ts";
import { objectsOf } from "./objects.ts";
import { ShardDoor } from "./shard-routing.ts";
import { Trunks, isTrunkRequest } from "./trunks.ts";
import { Watching, isWatchRequest } from "./watching.ts";

/** What a client's close event reports for `close(1000)` and for `close()`. */
const NORMAL_CLOSE = 1000;
const NO_CODE = 1005;

/** Sockets are found by their peer. */
function peerTag(peer: PeerId): string {
  return `peer:${peer}`;
}

interface Entry {
  readonly link: Link;
  readonly socket: HibernatableSocket;
}

/** What an event works on: the rules with all that outlived the memory, and what keeps their counters. */
interface Served {
  readonly room: Room;
  readonly checkpoints: Checkpoints;
  readonly sendTimer: SendTimer;
  readonly watching: Watching;
  readonly following: Following;
  readonly announcing: Announcing;
  readonly reporter: Reporter;
  readonly retention: Retention;
}

/** How often what was dialed is looked at, to be closed when nothing is said any more. */
const REST_LOOK_MS = 1_000;

/**
 * The Durable Object of one room: a shell that hands sockets, messages and alarms to the rules (relay/room.ts).
 * It may be evicted whenever nothing happens for ten seconds, with its sockets open; the constructor runs again on the
 * next event, and the room is rebuilt from SQL and from what each socket carries.
 */
export class RelayRoom extends DurableObject<RelayEnv> {
  readonly sql: DurableSql;
  readonly #address: RoomAddress;
  readonly #newRoom: (following: Following) => Room;
  readonly #store: SqlFollowingStore;
  readonly #newFollowing: () => Following;
  readonly #links = new Map<WebSocket, Entry>();
  readonly #trunks: Trunks;
  readonly #door: ShardDoor;
  #restTimer = false;
  #peersTimer = false;
  #scheduledAlarm: number | null = null;
  /** Made by the request that has constructed this instance, which no other event has met. */
  #isNew: boolean;
  /** There are no tables any more. */
  #isCleared = false;
  /** Undefined until everything that outlived the memory has been read. */
  #served: Served | undefined;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.#address = parseRoomAddress(ctx.id.name);
    const { app, room = "" } = this.#address;
    this.#door = new ShardDoor(this.#address);
    this.#trunks = new Trunks(ctx, objectsOf(env), {
      message: (socket, bytes) => this.#event(() => this.#receiveTrunk(socket, bytes)),
      closed: (socket) => this.#event(() => this.#trunkClosed(socket)),
    });
    const settings = parseSettings(env.APP_SETTINGS);
    if (!settings.ok) throw new Error(settings.message);
    this.sql = new DurableSql(ctx.storage);
    const { from, to } = migrate(this.sql);
    if (from !== to) log({ level: "info", event: "migrated", room: ctx.id.name, from, to });
    this.#isNew = from === 0;
    const following = (this.#store = new SqlFollowingStore(this.sql));
    const options: Omit<RoomOptions, "settings" | "store"> = {
      app,
      bans: new SqlBanStore(this.sql),
      audit: new SqlAuditLog(this.sql),
      log: (entry) => log({ ...entry, room: ctx.id.name }),
      random: (size) => crypto.getRandomValues(new Uint8Array(size)),
      crossing: { name: room, port: this.#trunks },
    };
    this.#newFollowing = () => new Following(following, (overrides) => settings.settingsFor(app, overrides));
    this.#newRoom = (followed) => {
      return new Room({ ...options, settings: followed.settings, store: this.#newStore(followed) });
    };
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    // oxlint-disable-next-line no-floating-promises -- the platform holds all events back until it is done
    void ctx.blockConcurrencyWhile(async () => {
      this.#scheduledAlarm = await ctx.storage.getAlarm();
    });
  }

  #newStore(following: Following): SqlRoomStore {
    const { ANALYTICS } = this.env;
    if (!ANALYTICS) return new SqlRoomStore(this.sql);
    const { app, room = "" } = this.#address;
    const analytics = new RoomAnalytics(ANALYTICS, { app, room, region: () => following.region ?? "" });
    return new MeasuredRoomStore(this.sql, analytics, () => this.#served?.room.statistics());
  }

  /** The WebSocket upgrade of a peer or a watcher that the worker has let in. */
  override async fetch(request: Request): Promise<Response> {
    const now = Date.now();
    const isNew = this.#isNew;
    const { room, watching, following, reporter, retention } = this.#begin(now);
    if (isNew) following.createdIn(readHint(request.headers));
    if (isTrunkRequest(request)) {
      const { socket, from, response } = this.#trunks.accept(request);
      room.trunkOpened(socket, from, now);
      await this.#end();
      return response;
    }
    if (isWatchRequest(request)) {
      const response = watching.accept(now);
      await this.#end();
      return response;
    }
    const admission = readAdmission(request.headers);
    const sentOn = this.#door.check(request.headers, admission.peer, room, following);
    if (sentOn.isNews) reporter.ask(now);
    if (sentOn.answer) {
      await this.#end();
      return sentOn.answer;
    }
    const refusal = room.refuseEntry(admission, this.#socketsOf(admission.peer), now);
    if (refusal) {
      room.counters.joinRefused(refusal.code);
      watching.changed(now);
      if (refusal.isEverywhere) reporter.ask(now);
      await this.#end();
      return entryProblem(refusal);
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [peerTag(admission.peer)]);
    const socket = new HibernatableSocket(this.ctx, server);
    this.#links.set(server, { link: room.join(socket, admission, now), socket });
    retention.turnEnded(now);
    await this.#end();
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": SUBPROTOCOL },
    });
  }

  override webSocketMessage(ws: WebSocket, message: ArrayBuffer | string): void | Promise<void> {
    const now = Date.now();
    const { room, checkpoints, watching } = this.#begin(now, ws);
    const trunk = this.#trunks.socketOf(ws);
    if (trunk) return typeof message === "string" ? undefined : this.#receiveTrunk(trunk, new Uint8Array(message));
    const entry = this.#entryOf(room, ws, now);
    if (!entry) return watching.message(ws);
    if (typeof message === "string") room.receiveText(entry.link, now);
    else room.receive(entry.link, new Uint8Array(message), now);
    checkpoints.touch(entry.socket, now);
    return this.#end();
  }

  override async webSocketClose(ws: WebSocket, code: number, reason: string): Promise<void> {
    try {
      await this.#socketGone(ws, code === NORMAL_CLOSE || code === NO_CODE);
    } finally {
      closeQuietly(ws, code, reason); // answered also by a room that cannot be restored
    }
  }

  override async webSocketError(ws: WebSocket, error: unknown): Promise<void> {
    log({ level: "warn", event: "socket_error", room: this.ctx.id.name, error: String(error) });
    try {
      await this.#socketGone(ws);
    } finally {
      closeQuietly(ws, 1006, "");
    }
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    this.#scheduledAlarm = null; // it has fired, also where the room cannot be restored
    const { room, retention } = this.#begin(now);
    if (retention.isDue(now)) return this.#clear(now);
    room.alarm(now);
    await this.#end();
  }

  /** For a plain request that asks why its upgrade was refused. */
  async refusal(admission: Admission): Promise<JoinRefusal | undefined> {
    const now = Date.now();
    const { room, reporter } = this.#begin(now);
    const refusal = room.refuseEntry(admission, this.#socketsOf(admission.peer), now);
    if (refusal?.isEverywhere) reporter.ask(now);
    await this.#end();
    return refusal;
  }

  /** Where it was created, as far as that is known. */
  async region(): Promise<string | undefined> {
    const { region } = this.#begin(Date.now()).following;
    await this.#end();
    return region;
  }

  /** For a peer whose ticket lets it: what the lobby list shows of this room; undefined takes it out. */
  async announce(peer: PeerId, listing: Listing | undefined): Promise<Announced> {
    const now = Date.now();
    const { announcing, reporter } = this.#begin(now);
    const announced = announcing.announce(peer, listing, now);
    reporter.turnEnded(now);
    await this.#end();
    return announced;
  }

  /** For an operator. */
  async operate<Name extends OperationName>(
    name: Name,
    rest: OperationArguments<Name>,
  ): Promise<OperationResult<Name>> {
    const now = Date.now();
    const result = operate(this.#begin(now).room, now, name, rest);
    await this.#end();
    return result;
  }

  /** The same of the app's own room, with how many parts it has, or had. */
  async operateOwn<Name extends OperationName>(
    name: Name,
    rest: OperationArguments<Name>,
  ): Promise<{ readonly result: OperationResult<Name>; readonly parts: number }> {
    const { shards, most } = this.#begin(Date.now()).following.plan;
    return { result: await this.operate(name, rest), parts: Math.max(shards, most) };
  }

  /** The app's directory tells what operators have set. */
  async follow(news: AppRules): Promise<void> {
    const now = Date.now();
    const { room, following } = this.#begin(now);
    following.told(room, news, now);
    await this.#end();
  }

  /** Also those that the relay has closed, and whose other end has not answered. */
  #socketsOf(peer: PeerId): number {
    return this.ctx.getWebSockets(peerTag(peer)).length;
  }

  /**
   * Every event begins here: the room as it was before an eviction. One that cannot be read fails the event, and the
   * next, which tries anew: a room with only half of it would be saved over what is on disk.
   * `closing`: in a close event the platform no longer lists the socket, which may carry the newest checkpoint.
   */
  #begin(now: number, closing?: WebSocket): Served {
    if (this.#isCleared) migrate(this.sql);
    const isNew = this.#isNew || this.#isCleared;
    this.#isNew = this.#isCleared = false;
    this.#served ??= this.#restore(now, closing, isNew);
    return this.#served;
  }

  #restore(now: number, closing: WebSocket | undefined, isNew: boolean): Served {
    const sockets = new Set(this.ctx.getWebSockets());
    if (closing) sockets.add(closing);
    const attachments: Attachment[] = [];
    const survivors: (Survivor & { readonly ws: WebSocket; readonly socket: HibernatableSocket })[] = [];
    for (const ws of sockets) {
      const socket = new HibernatableSocket(this.ctx, ws);
      const attachment = socket.wake();
      if (!attachment?.link) continue; // a watcher's, or another room's
      attachments.push(attachment);
      survivors.push({ ws, socket, saved: attachment.link });
    }
    const following = this.#newFollowing();
    const room = this.#newRoom(following);
    const watching = new Watching(this.ctx, room, now);
    const checkpoints = new Checkpoints(room);
    const links = room.restore(checkpoints.newest(attachments), survivors, now, this.#trunks.survivors());
    this.#links.clear(); // of an attempt that failed
    survivors.forEach(({ ws, socket }, index) => {
      const link = links[index];
      if (link) this.#links.set(ws, { link, socket });
    });
    const reported = newestReport(attachments);
    const announcing = new Announcing(room, this.#store, now);
    const reporter = new Reporter({ room, name: this.#address.room, following, announcing, reported, now });
    const isOwnRoom = this.#address.room === undefined;
    // Nothing was ever counted in it: then its alarm is for this alone, and tells the time.
    const since = isNew ? now : (room.lastCounted ?? 0);
    const retention = new Retention({ room, isOwnRoom, settings: () => following.settings, since });
    room.observe(retention);
    room.observe(reporter);
    following.restored(room, now);
    const sendTimer = new SendTimer(room);
    return { room, checkpoints, sendTimer, following, announcing, reporter, retention, watching };
  }

  /**
   * The link of an event's socket. When several sockets close in a sleeping room, the first close event rebuilds it, and
   * the platform lists the others no longer: theirs is taken up here, unless the peer has a newer session by now.
   */
  #entryOf(room: Room, ws: WebSocket, now: number): Entry | undefined {
    const entry = this.#links.get(ws);
    if (entry) return entry;
    const socket = new HibernatableSocket(this.ctx, ws);
    const saved = socket.wake()?.link;
    if (!saved || room.isPresent(saved.admission.peer)) return undefined;
    const late = { link: room.rejoin(socket, saved, now), socket };
    this.#links.set(ws, late);
    return late;
  }

  /** `isFarewell`: closed by its client, as one who does not come back (rule S5). */
  async #socketGone(ws: WebSocket, isFarewell = false): Promise<void> {
    const now = Date.now();
    const { room, checkpoints, watching } = this.#begin(now, ws);
    if (watching.has(ws)) return watching.gone(ws);
    const trunk = this.#trunks.socketOf(ws);
    if (trunk) {
      this.#trunks.gone(ws);
      return this.#trunkClosed(trunk);
    }
    const entry = this.#entryOf(room, ws, now);
    this.#links.delete(ws);
    if (entry) {
      room.socketClosed(entry.link, now, isFarewell);
      entry.link.save(); // as over: an error event and a close event may both come
    }
    checkpoints.move(this.#links.values().next().value?.socket, now);
    await this.#end();
  }

  /** What comes of a socket that was dialed is no event of the platform's, and ends in nobody's hands. */
  #event(body: () => void | Promise<void>): void {
    this.ctx.waitUntil(
      (async () => {
        try {
          await body();
        } catch (error) {
          log({
            level: "error",
            event: "room_failed",
            room: this.ctx.id.name,
            overloaded: false,
            error: String(error),
          });
        }
      })(),
    );
  }

  #receiveTrunk(socket: TrunkSocket, bytes: Uint8Array): void | Promise<void> {
    const now = Date.now();
    const { room, checkpoints } = this.#begin(now);
    room.receiveTrunk(socket, bytes, now);
    const carrier = this.#links.values().next().value?.socket;
    if (carrier) checkpoints.touch(carrier, now);
    return this.#end();
  }

  #trunkClosed(socket: TrunkSocket): void | Promise<void> {
    const now = Date.now();
    this.#begin(now).room.trunkClosed(socket, now);
    return this.#end();
  }

  async #locate(peers: readonly PeerId[]): Promise<void> {
    let rooms: readonly (string | undefined)[] = [];
    try {
      rooms = await new DurableDirectory(objectsOf(this.env)).locate(this.#address.app, peers);
    } catch (error) {
      log({ level: "error", event: "locate_failed", room: this.ctx.id.name, error: String(error) });
    }
    const answer = peers.map((peer, index) => [peer, rooms[index]] as const);
    await this.#afterwards(({ room }) => room.located(answer, Date.now()));
  }

  /** After a wait: where the room was cleared meanwhile, nothing is left to be done. */
  #afterwards(body: (served: Served) => void): void | Promise<void> {
    if (!this.#served) return undefined;
    body(this.#served);
    return this.#end();
  }

  /** Timers of a second at most, and only while there is something of the kind: an object with one does not hibernate. */
  #setTimers(room: Room, reporter: Reporter): void {
    if (!this.#restTimer && room.hasDialed) {
      this.#restTimer = true;
      setTimeout(() => {
        this.#restTimer = false;
        this.#event(() => this.#afterwards((served) => served.room.restTrunks(Date.now())));
      }, REST_LOOK_MS);
    }
    const { peersDueAt } = reporter;
    if (this.#peersTimer || peersDueAt === Infinity) return;
    this.#peersTimer = true;
    setTimeout(
      () => {
        this.#peersTimer = false;
        this.#event(() => this.#afterwards((served) => served.reporter.turnEnded(Date.now())));
      },
      Math.max(0, Math.min(PEERS_MS, peersDueAt - Date.now())),
    );
  }

  /** Nobody waits for it, and the platform keeps the object for as long as it is under way. Its answer is a turn. */
  async #report(reporter: Reporter, report: RoomReport): Promise<void> {
    this.#links.values().next().value?.socket.saveReported(reporter.reported);
    try {
      const directory = objectsOf(this.env).directoryOf(this.#address);
      reporter.answered(await directory.report(report), Date.now());
    } catch (error) {
      reporter.failed();
      log({ level: "error", event: "report_failed", room: this.ctx.id.name, error: String(error) });
    }
    await this.#end();
  }

  /**
   * Moves the alarm when something is due earlier, and removes it when nothing is. Each set is billed as a row, so one
   * that may come too early stays.
   */
  #end(): void | Promise<void> {
    const { room, sendTimer, reporter, retention } = this.#served as Served; // every event begins with #begin
    sendTimer.turnEnded();
    this.#setTimers(room, reporter);
    const wanted = room.takeWanted();
    if (wanted.length > 0) this.ctx.waitUntil(this.#locate(wanted));
    const report = reporter.take();
    if (report) this.ctx.waitUntil(this.#report(reporter, report));
    const { alarmAt } = room;
    if (alarmAt === Infinity && retention.clearAt !== Infinity) {
      // Set once, when the last has left: it is for nothing else then, and what was set for others would wake the room.
      if (this.#scheduledAlarm !== null && !retention.takeNews()) return undefined;
      return this.#setAlarm(retention.clearAt);
    }
    if (alarmAt === Infinity) {
      if (this.#scheduledAlarm === null) return undefined;
      this.#scheduledAlarm = null;
      this.sql.rowsWritten++;
      return this.ctx.storage.deleteAlarm();
    }
    if (this.#scheduledAlarm !== null && alarmAt >= this.#scheduledAlarm) return undefined;
    return this.#setAlarm(alarmAt);
  }

  #setAlarm(at: number): Promise<void> {
    this.#scheduledAlarm = at;
    this.sql.rowsWritten++;
    return this.ctx.storage.setAlarm(at);
  }

  /**
   * Nobody has been here for long: the directory hears the last of the room, and then nothing is left of it. Whoever comes
   * meanwhile finds it as it was.
   */
  async #clear(now: number): Promise<void> {
    const { room, retention } = this.#served as Served;
    const isTold = this.ctx.getWebSockets().length === 0 && (await this.#reportLast(now));
    // What was dialed keeps this instance, which would go on without the tables; it is closed in a few seconds.
    if (!isTold || !room.isUnused || room.hasDialed) {
      if (room.isUnused) retention.postpone(now);
      return this.#end();
    }
    this.#served = undefined;
    this.#isCleared = true;
    await this.ctx.blockConcurrencyWhile(async () => this.ctx.storage.deleteAll()); // with the alarm, if there is one
    log({ level: "info", event: "storage_cleared", room: this.ctx.id.name });
  }

  /** Whether the directory has heard it, or need not. */
  async #reportLast(now: number): Promise<boolean> {
    const { reporter } = this.#served as Served;
    const report = reporter.takeLast(now);
    if (!report || report === "busy") return !report;
    try {
      reporter.answered(await objectsOf(this.env).directoryOf(this.#address).report(report), now);
      return true;
    } catch (error) {
      reporter.failed();
      log({ level: "error", event: "clear_failed", room: this.ctx.id.name, error: String(error) });
      return false;
    }
  }
}

/** The last that sockets know of; none where the one that carried it has closed. */
function newestReport(attachments: readonly Attachment[]): Reported | undefined {
  let newest: Reported | undefined;
  for (const { reported } of attachments) if (reported && !(newest && newest.at >= reported.at)) newest = reported;
  return newest;
}
