/** When a room says how it is: never for a packet, and with no timer or alarm of its own, which would keep it awake. */
import { ConnectionState, type PeerId, type RoomName } from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";
import type { PresenceChange, RoomObserver } from "../observing.ts";
import type { Occupancy, Room } from "../room.ts";
import type { RoomStatistics } from "../statistics.ts";
import { fingerprint, hashOf } from "./figures.ts";
import type { Announcing } from "./announcing.ts";
import type { Following } from "./following.ts";
import type { ReportAnswer, RoomReport } from "./report.ts";
import { packPeers } from "./whereabouts.ts";

/** At most so often, in a turn or with an alarm that is there for another reason, but for what must be told at once. */
export const REPORT_MS = 30_000;
/** A room in which nothing changes says so this often, while somebody is there (PRESENCE_MS in app-ledger.ts). */
export const SIGN_OF_LIFE_MS = 5 * 60_000;

/** Who is here is told at most so often while it changes, in an app that lets its rooms reach each other. */
export const PEERS_MS = 1_000;

/** Where the directory fails, twice as seldom each time, as often as so. */
const MAX_DOUBLINGS = 5;

/** Of the last report, what has to be known after an eviction. */
export interface Reported {
  /** ms */
  readonly at: number;
  readonly print: number;
  /** Of who was here, where that was ever told. */
  readonly peers?: number | undefined;
}

export interface ReporterOptions {
  /** As it was rebuilt: what it has counted so far was told before, unless the directory has never answered. */
  readonly room: Room;
  readonly name: RoomName | undefined;
  readonly following: Following;
  /** Undefined: the room is never in the lobby list. */
  readonly announcing?: Announcing | undefined;
  /** Undefined where it is not known. */
  readonly reported: Reported | undefined;
  readonly now: number;
}

interface Sent {
  readonly statistics: RoomStatistics;
  readonly version: number;
}

/**
 * At once are told: that the first peer has come, that none has a socket any more, that none may come back, and the first
 * connection of those who are here that is made: often it was asked for before the other peer came. One report is under way at a time, so that they arrive in order.
 */
export class Reporter implements RoomObserver {
  readonly #room: Room;
  readonly #name: RoomName | undefined;
  readonly #following: Following;
  readonly #announcing: Announcing | undefined;
  /** What the directory knows, as far as this can be told. */
  #before: RoomStatistics | undefined;
  #told: Occupancy | undefined;
  #hasConnected: boolean;
  #isUrgent = false;
  #reported: Reported;
  /** ms of the last look at whether there is something to say */
  #lookedAt: number;
  /** ms of the turn that is to be reported; undefined where none is. */
  #dueAt: number | undefined;
  #sent: Sent | undefined;
  /** Who is here may be others than the directory knows. */
  #hasMoved = true;
  /** ms of telling who is here. */
  #peersAt = -Infinity;
  /** Reports that failed since one was answered. */
  #failures = 0;

  constructor({ room, name, following, announcing, reported, now }: ReporterOptions) {
    this.#room = room;
    this.#name = name;
    this.#following = following;
    this.#announcing = announcing;
    this.#before = following.isKnown ? room.statistics(now) : undefined;
    // Without a word of when it last reported, the first turn tells.
    this.#told = reported ? room.occupancy : following.isKnown ? undefined : "empty";
    this.#hasConnected = reported !== undefined && room.occupancy !== "empty";
    this.#reported = reported ?? { at: -Infinity, print: Number.NaN };
    this.#lookedAt = this.#reported.at;
  }

  /** What should outlive an eviction. */
  get reported(): Reported {
    return this.#reported;
  }

  stateChanged({ state }: P2PConnection): void {
    if (this.#hasConnected || state !== ConnectionState.Connected) return;
    this.#hasConnected = true;
    this.#isUrgent = true;
  }

  presenceChanged(_peer: PeerId, change: PresenceChange): void {
    if (change === "joined" || change === "left") this.#hasMoved = true;
  }

  /** ms at which `turnEnded` must be called, should no turn end before: who is here has to be told. Infinity for never. */
  get peersDueAt(): number {
    // A directory that has more to do than it can must not be asked by all rooms every second.
    const pause = PEERS_MS * 2 ** Math.min(this.#failures, MAX_DOUBLINGS);
    return this.#hasMoved && this.#room.isCrossing ? this.#peersAt + pause : Infinity;
  }

  turnEnded(now: number): void {
    const { occupancy } = this.#room;
    this.#peersAt = Math.min(this.#peersAt, now); // a clock that has gone back
    if (occupancy !== this.#told) this.#occupied(occupancy);
    if (this.#announcing?.takeNews()) this.#isUrgent = true;
    if (this.peersDueAt <= now) this.#dueAt = now;
    // A clock that has gone back: else it would be silent until it is as late as it was.
    if (this.#isUrgent || now - this.#lookedAt >= REPORT_MS || now < this.#lookedAt) this.#dueAt = now;
  }

  /** The report that is due, to be sent at once; none while another is under way. Ask after each turn, and each answer. */
  take(): RoomReport | undefined {
    const now = this.#dueAt;
    if (now === undefined || this.#sent) return undefined;
    this.#dueAt = undefined;
    this.#lookedAt = now;
    const statistics = this.#room.statistics(now);
    const print = fingerprint(statistics);
    const peers = this.#movedPeers(now);
    if (!this.#isWorthIt(print, now) && !peers) return undefined;
    this.#isUrgent = false;
    this.#reported = { ...this.#reported, at: now, print, ...(peers && { peers: peers.print }) };
    const { life, version, region } = this.#following;
    this.#sent = { statistics, version };
    const listing = this.#announcing?.listing;
    const news = peers && { peerIds: peers.bytes };
    return { room: this.#name, at: now, region, listing, statistics, life, before: this.#before, version, ...news };
  }

  /** Somebody is kept out by what the directory once said: whether it still says so is asked, at most every 30 s. */
  ask(now: number): void {
    if (now - this.#reported.at < REPORT_MS) return;
    this.#isUrgent = true;
    this.#dueAt = now;
  }

  /**
   * The last word of a room whose storage is to be cleared, to be answered like others. Undefined where the directory
   * knows nothing of it; "busy" while another report is under way.
   */
  takeLast(now: number): RoomReport | undefined | "busy" {
    if (this.#sent) return "busy";
    if (!this.#following.isKnown) return undefined;
    this.#isUrgent = true;
    this.#dueAt = now;
    const report = this.take();
    return report && { ...report, isLast: true };
  }

  /** Who is here, where the directory does not know it. */
  #movedPeers(now: number): { readonly bytes: Uint8Array; readonly print: number } | undefined {
    if (!this.#hasMoved || !this.#room.isCrossing) return undefined;
    this.#hasMoved = false;
    const bytes = packPeers([...this.#room.peers].toSorted((a, b) => (a < b ? -1 : 1)));
    const print = hashOf(bytes);
    if (print === this.#reported.peers) return undefined;
    this.#peersAt = now;
    return { bytes, print };
  }

  answered(answer: ReportAnswer, now: number): void {
    const { statistics, version } = this.#sent as Sent;
    this.#sent = undefined;
    this.#failures = 0;
    this.#before = statistics;
    this.#following.answered(this.#room, answer, version, now);
  }

  /** Whether it arrived is not known. What it said is said again with the next. */
  failed(): void {
    this.#sent = undefined;
    this.#failures++;
    this.#reported = { at: this.#reported.at, print: Number.NaN };
    this.#hasMoved = true;
  }

  #occupied(occupancy: Occupancy): void {
    this.#told = occupancy;
    this.#isUrgent = true;
    if (occupancy !== "empty") return;
    this.#hasConnected = false;
    this.#announcing?.emptied();
  }

  #isWorthIt(print: number, now: number): boolean {
    if (this.#isUrgent) return true;
    const isEmpty = this.#room.occupancy === "empty";
    // Asked for by operators and strangers only: there is nothing to know of it.
    if (isEmpty && !this.#following.isKnown) return false;
    if (print !== this.#reported.print) return true;
    const age = now - this.#reported.at;
    return !isEmpty && (age >= SIGN_OF_LIFE_MS || age < 0);
  }
}
