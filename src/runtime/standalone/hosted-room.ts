import { CloseCode, type PeerId, type RoomName } from "../../protocol/index.ts";
import type { Following } from "../../relay/directory/following.ts";
import { type Announced, Announcing, type ListingStore } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { AppRules, ReportAnswer, RoomReport } from "../../relay/directory/report.ts";
import { PEERS_MS, Reporter } from "../../relay/directory/reporting.ts";
import type { JoinRefusal } from "../../relay/limits/entry.ts";
import {
  type OperationArguments,
  type OperationName,
  type OperationResult,
  operate,
} from "../../relay/operations/index.ts";
import type { Admission, Log, RelaySocket, TrunkSocket } from "../../relay/ports.ts";
import type { Link } from "../../relay/sessions/link.ts";
import type { TextSocket } from "../../relay/watching/watcher.ts";
import type { Watchers } from "../../relay/watching/watchers.ts";
import { SendTimer } from "../send-timer.ts";
import { watchersOf } from "../watchers-of.ts";
import { Retention } from "../../relay/retention.ts";
import { Room, type RoomOptions } from "../../relay/room.ts";

/** How long a room that nobody uses stays: somebody who is refused, and tries again, finds it open. */
const LINGER_MS = 10_000;
/** How often what was dialed is looked at, to be closed when nothing is said any more. */
const REST_LOOK_MS = 1_000;
/** After a failure: a room that cannot do what is due must not be asked in a loop. */
const RETRY_MS = 1_000;

/** What a room in this process has beside its rules. */
export interface RoomSurroundings {
  /** As in logs: `app/480/room/lobby`. */
  readonly name: string;
  readonly room: RoomName | undefined;
  readonly following: Following;
  readonly listings: ListingStore;
  /** Tells the directory how the room is. */
  readonly report: (report: RoomReport) => ReportAnswer;
  /** The rooms that these peers are in, "" for the app's own. */
  readonly locate: (peers: readonly PeerId[]) => (string | undefined)[];
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
  readonly #announcing: Announcing;
  readonly #reporter: Reporter;
  readonly #retention: Retention;
  readonly #log: Log;
  #lastUsed: number;
  #retryAt = -Infinity;
  #restTimer = false;
  #peersTimer = false;

  /** Whatever was due while nobody ran it is due at once. */
  constructor(options: Omit<RoomOptions, "settings">, surroundings: RoomSurroundings, now: number) {
    const { name, room: roomName, following, listings } = surroundings;
    this.#room = new Room({ ...options, settings: following.settings });
    this.#watchers = watchersOf(this.#room, name);
    this.#sendTimer = new SendTimer(this.#room);
    this.#surroundings = surroundings;
    this.#log = options.log;
    this.#lastUsed = now;
    this.#room.restore(undefined, [], now);
    const room = this.#room;
    const announcing = (this.#announcing = new Announcing(room, listings, now));
    this.#reporter = new Reporter({ room, name: roomName, following, announcing, reported: undefined, now });
    const isOwnRoom = roomName === undefined;
    const since = room.lastCounted ?? now;
    this.#retention = new Retention({ room, isOwnRoom, settings: () => following.settings, since });
    room.observe(this.#retention);
    room.observe(this.#reporter);
    following.restored(room, now);
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
    return this.#retention.clearAt;
  }

  /** Whether its storage may be deleted now, at `clearAt`: the directory has heard the last of it then. Else it is asked again later. */
  isCleared(now: number): boolean {
    if (!this.isUnused || !this.#retention.mayClear(now)) return false;
    const report = this.#reporter.takeLast(now);
    if (report === "busy") return false;
    try {
      if (report) this.#reporter.answered(this.#surroundings.report(report), now);
      return true;
    } catch (error) {
      this.#reporter.failed();
      this.#retention.postpone(now);
      this.#log({ level: "error", event: "clear_failed", error: String(error) });
      return false;
    }
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
    this.#reporter.ask(now);
    this.#report(now); // answered at once, so this is what holds
    return this.#room.refuseEntry(admission, this.#sockets.get(admission.peer) ?? 0, now);
  }

  countRefusal({ code }: JoinRefusal, now: number): void {
    this.#room.counters.joinRefused(code);
    if (this.#watchers.count > 0) this.#watchers.turnEnded(now);
  }

  join(socket: RelaySocket, admission: Admission, now: number): Link {
    const link = this.#room.join(socket, admission, now);
    this.#retention.turnEnded(now);
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
    const announced = this.#announcing.announce(peer, listing, now);
    this.#reporter.turnEnded(now);
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
    this.#setTimers(now);
    const wanted = this.#room.takeWanted();
    if (wanted.length > 0) this.#locate(wanted, now);
  }

  #locate(peers: readonly PeerId[], now: number): void {
    let rooms: readonly (string | undefined)[] = [];
    try {
      rooms = this.#surroundings.locate(peers);
    } catch (error) {
      this.#log({ level: "error", event: "locate_failed", error: String(error) });
    }
    this.#room.located(
      peers.map((peer, index) => [peer, rooms[index]] as const),
      now,
    );
    this.#turnEnded(now);
  }

  /** Of what no alarm is set for: trunks to be closed, and who is here to be told. */
  #setTimers(now: number): void {
    if (!this.#restTimer && this.#room.hasDialed) {
      this.#restTimer = true;
      this.#after(REST_LOOK_MS, (then) => {
        this.#restTimer = false;
        this.#room.restTrunks(then);
        this.#turnEnded(then);
      });
    }
    const { peersDueAt } = this.#reporter;
    if (this.#peersTimer || peersDueAt === Infinity) return;
    this.#peersTimer = true;
    this.#after(Math.max(0, Math.min(PEERS_MS, peersDueAt - now)), (then) => {
      this.#peersTimer = false;
      this.#reporter.turnEnded(then);
      this.#report(then);
      this.#setTimers(then);
    });
  }

  /** What fails in a timer would end the process, and all other rooms. */
  #after(delayMs: number, body: (now: number) => void): void {
    setTimeout(() => {
      try {
        body(Date.now());
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#log({ level: "error", event: "room_failed", error: text });
      }
    }, delayMs);
  }

  /** A directory that fails is not the peers' concern. */
  #report(now: number): void {
    const report = this.#reporter.take();
    if (!report) return;
    try {
      this.#reporter.answered(this.#surroundings.report(report), now);
    } catch (error) {
      this.#reporter.failed();
      this.#log({ level: "error", event: "report_failed", error: String(error) });
    }
  }

  #changed(): void {
    this.#surroundings.changed(this);
  }
}
