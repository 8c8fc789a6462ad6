import { DurableObject } from "cloudflare:workers";
import type { RoomAddress } from "../../http/gateway.ts";
import { entryProblem } from "../../http/problem.ts";
import { PING, PONG, type PeerId } from "../../protocol/index.ts";
import type { Announced } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { AppRules, RoomReport } from "../../relay/directory/report.ts";
import type { Reporter } from "../../relay/directory/reporting.ts";
import type { JoinRefusal } from "../../relay/limits/entry.ts";
import {
  type OperationArguments,
  type OperationName,
  type OperationResult,
  operate,
} from "../../relay/operations/index.ts";
import type { LocationHint } from "../../relay/placement/location-hints.ts";
import type { Admission, TrunkSocket } from "../../relay/ports.ts";
import { migrate } from "../../storage/migrations.ts";
import { log } from "../log.ts";
import { parseRoomAddress } from "../room-address.ts";
import { RoomTimers } from "../room-timers.ts";
import { readAdmission } from "./admission-header.ts";
import { DurableSql } from "./durable-sql.ts";
import type { RelayEnv } from "./env.ts";
import { closeQuietly } from "./hibernatable-socket.ts";
import { readHint } from "./hint-header.ts";
import { objectsOf } from "./objects.ts";
import { OwnDirectory } from "./own-directory.ts";
import { PeerSockets } from "./peer-sockets.ts";
import { RoomAlarm } from "./room-alarm.ts";
import { RoomMaker } from "./room-maker.ts";
import { type Served, restoreServed } from "./served.ts";
import { ShardDoor } from "./shard-routing.ts";
import { Trunks, isTrunkRequest } from "./trunks.ts";
import { isWatchRequest } from "./watching.ts";

/** What a client's close event reports for `close(1000)` and for `close()`. */
const NORMAL_CLOSE = 1000;
const NO_CODE = 1005;

/**
 * The Durable Object of one room: a shell that hands sockets, messages and alarms to the rules (relay/room.ts).
 * It may be evicted whenever nothing happens for ten seconds, with its sockets open; the constructor runs again on the
 * next event, and the room is rebuilt from SQL and from what each socket carries.
 */
export class RelayRoom extends DurableObject<RelayEnv> {
  readonly sql: DurableSql;
  readonly #address: RoomAddress;
  readonly #maker: RoomMaker;
  readonly #peers: PeerSockets;
  readonly #trunks: Trunks;
  readonly #door: ShardDoor;
  readonly #directory: OwnDirectory;
  readonly #alarm: RoomAlarm;
  readonly #timers = new RoomTimers({
    rest: () => this.#event(() => this.#afterwards(({ room }) => room.restTrunks(Date.now()))),
    peers: () => this.#event(() => this.#afterwards(({ reporter }) => reporter.turnEnded(Date.now()))),
  });
  /** Made by the request that has constructed this instance, which no other event has met. */
  #isNew: boolean;
  /** There are no tables any more. */
  #isCleared = false;
  /** Undefined until everything that outlived the memory has been read. */
  #served: Served | undefined;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    const { name } = ctx.id;
    const address = (this.#address = parseRoomAddress(name));
    const sql = (this.sql = new DurableSql(ctx.storage));
    this.#door = new ShardDoor(address);
    this.#peers = new PeerSockets(ctx);
    const trunks = (this.#trunks = new Trunks(ctx, objectsOf(env), {
      message: (socket, bytes) => this.#event(() => this.#receiveTrunk(socket, bytes)),
      closed: (socket) => this.#event(() => this.#trunkClosed(socket)),
    }));
    const analytics = () => this.env.ANALYTICS;
    const statistics = () => this.#served?.room.statistics();
    this.#maker = new RoomMaker({ sql, address, name, settings: env.APP_SETTINGS, trunks, analytics, statistics });
    const { from, to } = migrate(sql);
    if (from !== to) log({ level: "info", event: "migrated", room: name, from, to });
    this.#isNew = from === 0;
    this.#directory = new OwnDirectory(objectsOf(env), address, name);
    this.#alarm = new RoomAlarm(ctx.storage, sql);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    // oxlint-disable-next-line no-floating-promises -- the platform holds all events back until it is done
    void ctx.blockConcurrencyWhile(async () => this.#alarm.load());
  }

  /** The WebSocket upgrade of a peer or a watcher that the worker has let in, or of another room. */
  override async fetch(request: Request): Promise<Response> {
    const now = Date.now();
    const served = this.#beginIn(readHint(request.headers), now);
    const response = this.#upgrade(request, served, now);
    await this.#end();
    return response;
  }

  override webSocketMessage(ws: WebSocket, message: ArrayBuffer | string): void | Promise<void> {
    const now = Date.now();
    const { room, checkpoints, watching } = this.#begin(now, ws);
    const trunk = this.#trunks.socketOf(ws);
    if (trunk) return typeof message === "string" ? undefined : this.#receiveTrunk(trunk, new Uint8Array(message));
    const entry = this.#peers.entryOf(room, ws, now);
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
    this.#alarm.gone(); // it has fired, also where the room cannot be restored
    const { room, retention } = this.#begin(now);
    if (retention.isDue(now)) return this.#clear(now);
    room.alarm(now);
    await this.#end();
  }

  /** For a plain request that asks why its upgrade was refused. */
  async refusal(admission: Admission, hint?: LocationHint): Promise<JoinRefusal | undefined> {
    const now = Date.now();
    const { room, reporter } = this.#beginIn(hint, now);
    const refusal = room.refuseEntry(admission, this.#peers.countOf(admission.peer), now);
    if (refusal?.isEverywhere) reporter.ask(now);
    await this.#end();
    return refusal;
  }

  /** Where it was created, as far as that is known. */
  async region(hint?: LocationHint): Promise<string | undefined> {
    const { region } = this.#beginIn(hint, Date.now()).following;
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

  /**
   * Every event begins here: the room as it was before an eviction. One that cannot be read fails the event, and the
   * next, which tries anew: a room with only half of it would be saved over what is on disk.
   * `closing`: the socket of a close event, which the platform no longer lists.
   */
  #begin(now: number, closing?: WebSocket): Served {
    if (this.#isCleared) migrate(this.sql);
    const isNew = this.#isNew || this.#isCleared;
    this.#isNew = this.#isCleared = false;
    this.#served ??= this.#restore(now, closing, isNew);
    return this.#served;
  }

  /** The same for who asks for a room that there may not have been. `hint`: where it is created then. */
  #beginIn(hint: LocationHint | undefined, now: number): Served {
    const isNew = this.#isNew;
    const served = this.#begin(now);
    if (isNew) served.following.createdIn(hint);
    return served;
  }

  #restore(now: number, closing: WebSocket | undefined, isNew: boolean): Served {
    const remains = {
      ctx: this.ctx,
      address: this.#address,
      maker: this.#maker,
      peers: this.#peers,
      trunks: this.#trunks,
    };
    return restoreServed(remains, now, closing, isNew);
  }

  /** And here it ends: what the room wants of the platform is looked at. */
  #end(): void | Promise<void> {
    const { room, sendTimer, reporter, retention } = this.#served as Served; // every event begins with #begin
    sendTimer.turnEnded();
    this.#timers.set(room, reporter);
    const wanted = room.takeWanted();
    if (wanted.length > 0) this.ctx.waitUntil(this.#locate(wanted));
    const report = reporter.take();
    if (report) this.ctx.waitUntil(this.#report(reporter, report));
    return this.#alarm.follow(room, retention);
  }

  #upgrade(request: Request, served: Served, now: number): Response {
    if (isWatchRequest(request)) return served.watching.accept(now);
    if (!isTrunkRequest(request)) return this.#joinHere(request.headers, served, now);
    const { socket, from, response } = this.#trunks.accept(request);
    served.room.trunkOpened(socket, from, now);
    return response;
  }

  /** Unless the peer belongs to another part of the app's own room. */
  #joinHere(headers: Headers, served: Served, now: number): Response {
    const { room, following, reporter } = served;
    const admission = readAdmission(headers);
    const { answer, isNews } = this.#door.check(headers, admission.peer, room, following);
    if (isNews) reporter.ask(now);
    return answer ?? this.#join(admission, served, now);
  }

  #join(admission: Admission, { room, watching, reporter, retention }: Served, now: number): Response {
    const refusal = room.refuseEntry(admission, this.#peers.countOf(admission.peer), now);
    if (refusal) {
      room.counters.joinRefused(refusal.code);
      watching.changed(now);
      if (refusal.isEverywhere) reporter.ask(now);
      return entryProblem(refusal);
    }
    const response = this.#peers.accept(room, admission, now);
    retention.turnEnded(now);
    return response;
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
    const entry = this.#peers.entryOf(room, ws, now);
    this.#peers.delete(ws);
    if (entry) {
      room.socketClosed(entry.link, now, isFarewell);
      entry.link.save(); // as over: an error event and a close event may both come
    }
    checkpoints.move(this.#peers.carrier, now);
    await this.#end();
  }

  #receiveTrunk(socket: TrunkSocket, bytes: Uint8Array): void | Promise<void> {
    const now = Date.now();
    const { room, checkpoints } = this.#begin(now);
    room.receiveTrunk(socket, bytes, now);
    const { carrier } = this.#peers;
    if (carrier) checkpoints.touch(carrier, now);
    return this.#end();
  }

  #trunkClosed(socket: TrunkSocket): void | Promise<void> {
    const now = Date.now();
    this.#begin(now).room.trunkClosed(socket, now);
    return this.#end();
  }

  async #locate(peers: readonly PeerId[]): Promise<void> {
    const answer = await this.#directory.locate(peers);
    await this.#afterwards(({ room }) => room.located(answer, Date.now()));
  }

  /** Nobody waits for it, and the platform keeps the object for as long as it is under way. Its answer is a turn. */
  async #report(reporter: Reporter, report: RoomReport): Promise<void> {
    this.#peers.carrier?.saveReported(reporter.reported);
    await this.#directory.report(reporter, report);
    await this.#end();
  }

  /**
   * Nobody has been here for long: the directory hears the last of the room, and then nothing is left of it. Whoever comes
   * meanwhile finds it as it was.
   */
  async #clear(now: number): Promise<void> {
    const { room, retention, reporter } = this.#served as Served;
    const isTold = this.ctx.getWebSockets().length === 0 && (await this.#directory.reportLast(reporter, now));
    // What was dialed keeps this instance, which would go on without the tables; it is closed in a few seconds.
    if (!isTold || !room.isUnused || room.hasDialed) {
      if (room.isUnused) retention.postpone(now);
      return this.#end();
    }
    this.#served = undefined;
    this.#isCleared = true;
    await this.ctx.blockConcurrencyWhile(async () => this.ctx.storage.deleteAll()); // with the alarm, if there is one
    this.#alarm.gone();
    log({ level: "info", event: "storage_cleared", room: this.ctx.id.name });
  }

  /** After a wait: where the room was cleared meanwhile, nothing is left to be done. */
  #afterwards(body: (served: Served) => void): void | Promise<void> {
    if (!this.#served) return undefined;
    body(this.#served);
    return this.#end();
  }

  /** What comes of a timer, or of a socket that was dialed, is no event of the platform's, and ends in nobody's hands. */
  #event(body: () => void | Promise<void>): void {
    this.ctx.waitUntil(
      (async () => {
        try {
          await body();
        } catch (error) {
          const room = this.ctx.id.name;
          log({ level: "error", event: "room_failed", room, overloaded: false, error: String(error) });
        }
      })(),
    );
  }
}
