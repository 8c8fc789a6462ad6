import { CloseCode, type PeerId, type RoomName } from "../../protocol/index.ts";
import type { Following } from "../../relay/directory/following.ts";
import type { Announced, ListingStore } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { AppRules } from "../../relay/directory/report.ts";
import type { JoinRefusal } from "../../relay/limits/entry.ts";
import {
  type OperationArguments,
  type OperationName,
  type OperationResult,
  operate,
} from "../../relay/operations/index.ts";
import type { Admission, RelaySocket, TrunkSocket } from "../../relay/ports.ts";
import type { Link } from "../../relay/sessions/link.ts";
import type { TextSocket } from "../../relay/watching/watcher.ts";
import type { Watchers } from "../../relay/watching/watchers.ts";
import { Room, type RoomOptions } from "../../relay/room.ts";
import { type RoomCompany, accompany } from "../room-company.ts";
import { RoomTimers } from "../room-timers.ts";
import { SendTimer } from "../send-timer.ts";
import { watchersOf } from "../watchers-of.ts";
import { type DirectoryPort, OwnDirectory } from "./own-directory.ts";

/** How long a room that nobody uses stays: somebody who is refused, and tries again, finds it open. */
const LINGER_MS = 10_000;
/** After a failure: a room that cannot do what is due must not be asked in a loop. */
const RETRY_MS = 1_000;

/** What a room in this process has beside its rules. */
export interface RoomSurroundings {
  /** As in logs: `app/480/room/lobby`. */
  readonly name: string;
  readonly room: RoomName | undefined;
  readonly following: Following;
  readonly listings: ListingStore;
  readonly directory: DirectoryPort;
  /** Called when `dueAt` may be another. */
  readonly changed: (hosted: HostedRoom) => void;
}

/** One room in this process: the rules, the sockets that it has, and when it must be looked at again. */
export class HostedRoom {
  readonly #room: Room;
  readonly #sendTimer: SendTimer;
  readonly #watchers: Watchers;
  /** Of each peer, those that are not gone: also closed ones whose other end has not answered (rule L5). */
  readonly #sockets = new Map<PeerId, number>();
  readonly #surroundings: RoomSurroundings;
  readonly #company: RoomCompany;
  readonly #directory: OwnDirectory;
  readonly #timers = new RoomTimers({ rest: () => this.#rest(Date.now()), peers: () => this.#tellPeers(Date.now()) });
  #lastUsed: number;
  #retryAt = -Infinity;

  /** Whatever was due while nobody ran it is due at once. */
  constructor(options: Omit<RoomOptions, "settings">, surroundings: RoomSurroundings, now: number) {
    const { name, room: roomName, following, listings, directory } = surroundings;
    const room = (this.#room = new Room({ ...options, settings: following.settings }));
    this.#watchers = watchersOf(room, name);
    this.#sendTimer = new SendTimer(room);
    this.#surroundings = surroundings;
    this.#directory = new OwnDirectory(directory, options.log);
    this.#lastUsed = now;
    room.restore(undefined, [], now);
    const since = room.lastCounted ?? now;
    this.#company = accompany({ room, name: roomName, following, listings, reported: undefined, since }, now);
  }

  /** ms at which `ring` must be called. */
  get dueAt(): number {
    const due = this.isUnused ? this.#lastUsed + LINGER_MS : this.#room.alarmAt;
    return Math.max(due, this.#retryAt);
  }

  /** Nobody is here or may come back, and nothing is due: all that there is to know of it can be on disk. */
  get isUnused(): boolean {
    return this.#sockets.size === 0 && this.#watchers.count === 0 && this.#room.alarmAt === Infinity;
  }

  /** ms at which its storage is to be cleared, should nobody use it until then. */
  get clearAt(): number {
    return this.#company.retention.clearAt;
  }

  /** Whether its storage may be deleted now, at `clearAt`: the directory has heard the last of it then. Else it is asked again later. */
  isCleared(now: number): boolean {
    const { reporter, retention } = this.#company;
    if (!this.isUnused || !retention.mayClear(now)) return false;
    const report = reporter.takeLast(now);
    if (report === "busy") return false;
    if (!report || this.#directory.reportLast(reporter, report, now)) return true;
    retention.postpone(now);
    return false;
  }

  isOver(now: number): boolean {
    return this.isUnused && now >= this.#lastUsed + LINGER_MS;
  }

  /** Does what is due. */
  ring(now: number): void {
    this.#retryAt = now + RETRY_MS;
    if (this.#room.alarmAt <= now) this.#room.alarm(now);
    this.#reachOut(now);
    this.#retryAt = -Infinity;
  }

  refuseEntry(admission: Admission, now: number): JoinRefusal | undefined {
    this.#lastUsed = now;
    const refusal = this.#room.refuseEntry(admission, this.#sockets.get(admission.peer) ?? 0, now);
    if (!refusal?.isEverywhere) return refusal;
    this.#company.reporter.ask(now);
    this.#report(now); // answered at once, so this is what holds
    return this.#room.refuseEntry(admission, this.#sockets.get(admission.peer) ?? 0, now);
  }

  countRefusal({ code }: JoinRefusal, now: number): void {
    this.#room.counters.joinRefused(code);
    if (this.#watchers.count > 0) this.#watchers.turnEnded(now);
  }

  join(socket: RelaySocket, admission: Admission, now: number): Link {
    const link = this.#room.join(socket, admission, now);
    this.#company.retention.turnEnded(now);
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

  /** Whether one more may watch. */
  hasTooManyWatchers(now: number): boolean {
    this.#lastUsed = now;
    return this.#watchers.isFull(now);
  }

  watch(socket: TextSocket, now: number): void {
    // Several may have been let in before the first of them was here.
    if (this.#watchers.isFull(now)) socket.close(CloseCode.RateLimited, "too many watch this room");
    else this.#watchers.add(socket, now);
  }

  /** It has said what no watcher says. */
  refuseWatcher(socket: TextSocket): void {
    this.#watchers.refuseMessage(socket);
  }

  unwatch(socket: TextSocket, now: number): void {
    this.#watchers.remove(socket);
    this.#lastUsed = now;
    this.#changed();
  }

  /** The process ends. */
  dismissWatchers(): void {
    this.#watchers.endAll(CloseCode.Restarting, "the relay is restarting");
  }

  /** Another room of this process has dialed. */
  trunkOpened(socket: TrunkSocket, from: string): void {
    const now = Date.now();
    this.#room.trunkOpened(socket, from, now);
    this.#turnEnded(now);
  }

  receiveTrunk(socket: TrunkSocket, bytes: Uint8Array): void {
    const now = Date.now();
    this.#room.receiveTrunk(socket, bytes, now);
    this.#turnEnded(now);
  }

  trunkClosed(socket: TrunkSocket): void {
    const now = Date.now();
    this.#room.trunkClosed(socket, now);
    this.#turnEnded(now);
  }

  /** For an operator. */
  operate<Name extends OperationName>(name: Name, rest: OperationArguments<Name>, now: number): OperationResult<Name> {
    const result = operate(this.#room, now, name, rest);
    this.#turnEnded(now);
    return result;
  }

  /** For a peer whose ticket lets it: what the lobby list shows of this room; undefined takes it out. */
  announce(peer: PeerId, listing: Listing | undefined, now: number): Announced {
    const { announcing, reporter } = this.#company;
    const announced = announcing.announce(peer, listing, now);
    reporter.turnEnded(now);
    this.#turnEnded(now);
    return announced;
  }

  /** The app's directory tells what operators have set. */
  follow(news: AppRules, now: number): void {
    this.#surroundings.following.told(this.#room, news, now);
    this.#changed();
  }

  /** Everything that is known of it is on disk afterwards. */
  flush(): void {
    if (this.#room.counters.hasNews) this.#room.flush();
  }

  /** After each event, and the one place where a room may ask for another look. */
  #turnEnded(now: number): void {
    this.#lastUsed = now;
    this.#sendTimer.turnEnded();
    this.#reachOut(now);
    this.#changed();
  }

  /** To the directory: how the room is, and what it wants to know. */
  #reachOut(now: number): void {
    this.#report(now);
    this.#timers.set(this.#room, this.#company.reporter);
    const wanted = this.#room.takeWanted();
    if (wanted.length === 0) return;
    this.#room.located(this.#directory.locate(wanted), now);
    this.#turnEnded(now);
  }

  #report(now: number): void {
    this.#directory.report(this.#company.reporter, now);
  }

  /** Trunks on which nothing is said are to be closed. */
  #rest(now: number): void {
    this.#room.restTrunks(now);
    this.#turnEnded(now);
  }

  /** Who is here is to be told. */
  #tellPeers(now: number): void {
    this.#company.reporter.turnEnded(now);
    this.#report(now);
    this.#timers.set(this.#room, this.#company.reporter);
  }

  #changed(): void {
    this.#surroundings.changed(this);
  }
}
