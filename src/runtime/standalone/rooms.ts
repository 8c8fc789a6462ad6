import type { ClientGeo, RoomAddress, RoomGateway } from "../../http/gateway.ts";
import { entryProblem, problem, tooManyWatchers } from "../../http/problem.ts";
import type { AppId, PeerId } from "../../protocol/index.ts";
import { type CarryOperation, type RoomAdmin, roomAdmin } from "../../relay/operations/index.ts";
import { describeError } from "../../relay/describe-error.ts";
import type { Announced } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { AppRules } from "../../relay/directory/report.ts";
import type { Admission, Log } from "../../relay/ports.ts";
import type { SettingsFor } from "../../relay/settings.ts";
import { isBlank } from "../../storage/blank-room.ts";
import { OWN_ROOM, homeOf, isPart } from "../../relay/shards/names.ts";
import { wholeRoomAdmin } from "../../relay/shards/whole-room.ts";
import { parseRoomAddress, roomIn, roomName } from "../room-address.ts";
import { DatabaseError, type RoomDatabases } from "./databases.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { LocalDirectory } from "./directory.ts";
import { hostRoom } from "./host-room.ts";
import type { HostedRoom } from "./hosted-room.ts";
import { PeerSocket } from "./peer-socket.ts";
import { RoomTrunks } from "./room-trunks.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { Later } from "./trunks.ts";
import type { Door, Upgraded } from "./upgraded.ts";
import { WatcherSocket } from "./watcher-socket.ts";

export interface RoomsOptions {
  readonly databases: RoomDatabases;
  readonly settingsFor: SettingsFor;
  readonly log: Log;
}

interface Open {
  readonly hosted: HostedRoom;
  readonly door: Door;
  readonly database: SqliteDatabase;
}

/** All rooms of this process. They are opened by whoever asks for them, and closed when nobody uses them any more. */
export class Rooms implements RoomGateway {
  readonly directory: LocalDirectory;
  readonly #options: RoomsOptions;
  readonly #open = new Map<string, Open>();
  /** Rooms that are closed, and when their storage is to be cleared: ms by name. */
  readonly #kept = new Map<string, number>();
  readonly #admitted = new WeakMap<Request, Upgraded>();
  readonly #timer = new DeadlineTimer(() => this.#ring(Date.now()));
  readonly #trunks = new RoomTrunks({
    enter: (name) => this.#enter(name).hosted,
    laterIn: (name) => this.#laterIn(name),
  });
  #isDraining = false;

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.directory = new LocalDirectory({
      database: options.databases.openDirectory(),
      shardsOf: (app) => options.settingsFor(app).shards,
      tell: (app, news) => this.#tell(app, news),
    });
  }

  /** Rooms that were left with something to do, such as sessions to give up, do it without being asked for. Throws DatabaseError. */
  restore(): void {
    for (const name of this.#options.databases.names()) {
      // One by one: a relay may have had more rooms than a process may have open files.
      if (this.#enter(name).hosted.isUnused) this.#leave(name);
    }
  }

  async join(address: RoomAddress, admission: Admission, request: Request, _geo: ClientGeo): Promise<Response> {
    const name = roomName(this.#partOf(address, admission.peer));
    return this.#answer(name, ({ hosted, door }) => {
      const now = Date.now();
      const refusal = hosted.refuseEntry(admission, now);
      if (refusal) {
        hosted.countRefusal(refusal, now);
        return entryProblem(refusal);
      }
      // Only the runtime can upgrade: it takes the peer from here, and throws this answer away.
      this.#admitted.set(request, new PeerSocket(admission, door));
      return new Response(null, { status: 204 });
    });
  }

  /** The peer or the watcher that this request was let in for. */
  takeAdmitted(request: Request): Upgraded | undefined {
    const upgraded = this.#admitted.get(request);
    this.#admitted.delete(request);
    return upgraded;
  }

  async refusal(address: RoomAddress, admission: Admission): Promise<Response | undefined> {
    return this.#answer(roomName(this.#partOf(address, admission.peer)), ({ hosted }) => {
      const refusal = hosted.refuseEntry(admission, Date.now());
      return refusal && entryProblem(refusal);
    });
  }

  async watch(address: RoomAddress, request: Request): Promise<Response> {
    return this.#answer(roomName(address), ({ hosted, door }) => {
      if (hosted.hasTooManyWatchers(Date.now())) return tooManyWatchers();
      this.#admitted.set(request, new WatcherSocket(door));
      return new Response(null, { status: 204 });
    });
  }

  /** All rooms are where this process is, and it does not know where that is. */
  async region(): Promise<undefined> {
    return undefined;
  }

  async announce(address: RoomAddress, peer: PeerId, listing: Listing | undefined): Promise<Announced> {
    return this.#enter(roomName(address)).hosted.announce(peer, listing, Date.now());
  }

  admin(address: RoomAddress): RoomAdmin {
    const { app } = address;
    // Entered anew for each: the room may have been closed since the last.
    const carryTo = (at: RoomAddress): CarryOperation => {
      return async (name, rest) => this.#enter(roomName(at)).hosted.operate(name, rest, Date.now());
    };
    if (address.room !== undefined) return roomAdmin(carryTo(address));
    return wholeRoomAdmin({
      own: async (name, rest) => ({
        result: await carryTo(address)(name, rest),
        parts: this.directory.planOf(app).most,
      }),
      part: async (room, name, rest) => carryTo({ app, room })(name, rest),
    });
  }

  /** Of the app's own room, where that is divided: the part that the peer belongs to. */
  #partOf({ app, room }: RoomAddress, peer: PeerId): RoomAddress {
    return { app, room: room ?? roomIn(homeOf(peer, this.directory.planOf(app).shards)) };
  }

  /** Asks every client to come back, and writes down what is known. No one is let in any more. */
  drain(reconnectAfterMs: number): number {
    this.#isDraining = true;
    let ended = 0;
    for (const [name, { hosted }] of this.#open) {
      if (hosted.isUnused) continue; // nothing to note in its audit log
      this.#isolated(name, () => {
        ended += hosted.operate("drain", [reconnectAfterMs, "relay"], Date.now());
        hosted.dismissWatchers();
        hosted.flush();
      });
    }
    return ended;
  }

  /** The last word: nothing may be asked of it afterwards. */
  close(): void {
    this.#timer.stop();
    for (const name of this.#open.keys()) this.#isolated(name, () => this.#leave(name));
    this.directory.close();
    this.#options.databases.close();
  }

  #answer<T>(name: string, body: (open: Open) => T): T | Response {
    if (this.#isDraining) return problem("room_overloaded", "the relay is restarting; try again in a few seconds");
    try {
      return body(this.#enter(name));
    } catch (error) {
      this.#options.log({ level: "error", event: "room_failed", room: name, error: describeError(error) });
      return problem("internal_error", "the room failed on this request; it is logged there");
    }
  }

  #enter(name: string): Open {
    const known = this.#open.get(name);
    if (known) return known;
    const { databases } = this.#options;
    const database = databases.open(name);
    try {
      const log: Log = (entry) => this.#options.log({ ...entry, room: name });
      const hosted = this.#host(name, database, log);
      const open = { hosted, database, door: this.#doorOf(name, log) };
      this.#open.set(name, open);
      this.#kept.delete(name);
      this.#catchUp(name, hosted);
      this.#timer.wake(hosted.dueAt);
      return open;
    } catch (error) {
      databases.release(database);
      throw new DatabaseError(`Cannot serve ${databases.place(name)}: ${describeError(error)}`, { cause: error });
    }
  }

  /** A part of a room that is divided is asked for sessions by the first peer that comes: it must know since when. */
  #catchUp(name: string, hosted: HostedRoom): void {
    const { app, room } = parseRoomAddress(name);
    if (!isPart(room ?? OWN_ROOM)) return;
    const rules = this.directory.rulesOf(app);
    if (rules.sharding) hosted.follow(rules, Date.now());
  }

  /** Made here, where no request is in sight: what a peer holds on to, it holds for as long as it stays. */
  #doorOf(name: string, log: Log): Door {
    return { log, enter: () => this.#enter(name).hosted };
  }

  #host(name: string, database: SqliteDatabase, log: Log): HostedRoom {
    return hostRoom({
      name,
      database,
      log,
      settingsFor: this.#options.settingsFor,
      directory: this.directory,
      dial: (from, to) => this.#trunks.dial(name, from, to),
      changed: ({ dueAt }) => this.#timer.wake(dueAt),
    });
  }

  /** Operators have changed an app's settings: its rooms that are open follow at once. */
  #tell(app: AppId, news: AppRules): void {
    for (const [name, { hosted }] of this.#open) {
      if (parseRoomAddress(name).app === app) this.#isolated(name, () => hosted.follow(news, Date.now()));
    }
  }

  #laterIn(name: string): Later {
    return (event) => queueMicrotask(() => this.#isolated(name, event));
  }

  #leave(name: string): void {
    this.#trunks.closeAll(name);
    const open = this.#open.get(name);
    if (!open) return;
    this.#open.delete(name);
    open.hosted.flush();
    const { databases } = this.#options;
    // Else whoever may ask for rooms could fill the disk with names.
    if (isBlank(open.database)) return databases.discard(name, open.database);
    databases.release(open.database);
    const { clearAt } = open.hosted;
    if (clearAt === Infinity) return;
    this.#kept.set(name, clearAt);
    this.#timer.wake(clearAt);
  }

  /** Of rooms that nobody has been in for as long as their app keeps them. */
  #clearStorage(now: number): void {
    for (const [name, clearAt] of this.#kept) {
      if (clearAt > now) continue;
      this.#kept.delete(name);
      this.#isolated(name, () => {
        const { hosted, database } = this.#enter(name);
        if (!hosted.isCleared(now)) return; // it is closed again in a while, as any
        this.#open.delete(name);
        this.#options.databases.discard(name, database);
        this.#options.log({ level: "info", event: "storage_cleared", room: name });
      });
    }
  }

  /** Whatever is due, in all rooms: they have no more deadlines than one a second (relay/alarm-clock.ts). */
  #ring(now: number): void {
    this.#clearStorage(now);
    let next = Infinity;
    for (const at of this.#kept.values()) next = Math.min(next, at);
    for (const [name, { hosted }] of this.#open) {
      if (hosted.dueAt <= now) {
        this.#isolated(name, () => {
          hosted.ring(now);
          if (hosted.isOver(now)) this.#leave(name);
        });
      }
      if (this.#open.has(name)) next = Math.min(next, hosted.dueAt);
    }
    this.#timer.wake(next);
  }

  /** A room that fails is alone with it. */
  #isolated(name: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#options.log({ level: "error", event: "room_failed", room: name, error: describeError(error) });
    }
  }
}
