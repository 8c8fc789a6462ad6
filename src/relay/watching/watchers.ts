import {
  CloseCode,
  type ConnectionState,
  type PeerId,
  connectionStateName,
  endReasonName,
} from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";
import { viewConnection } from "../connection-view.ts";
import type { Ending } from "../manager.ts";
import type { PresenceChange, RoomObserver } from "../observing.ts";
import type { Room } from "../room.ts";
import type { WatchEvent } from "./events.ts";
import { MAX_EVENTS_PER_SECOND, type TextSocket, Watcher } from "./watcher.ts";

export const MAX_WATCHERS = 16;
/** Statistics are told no more often. */
export const STATISTICS_MS = 1_000;
/** One that has taken nothing in for so long is closed: what waits for it would keep the object from hibernating. */
const STALL_MS = 30_000;
/** One that has sent no keep-alive for so long makes place for another. Pages in the background send one a minute. */
const SILENT_MS = 150_000;

export interface WatchersOptions {
  readonly room: Pick<Room, "observe" | "statistics">;
  /** As operators know it. */
  readonly name: string;
  /** `ring` must be called at this time or soon after. Never more than a second ahead, and once at a time. */
  readonly wake: (at: number) => void;
}

type WithoutTime<Event> = Event extends unknown ? Omit<Event, "at"> : never;
/** What happens in the midst of a turn, where nobody says what time it is. */
type Happening = WithoutTime<Exclude<WatchEvent, { type: "statistics" | "skipped" }>>;

/**
 * Those who watch a room (events.ts). The room is observed only while there are any. What happens is told when its turn
 * ends; statistics at the end of the first turn after a second without, and then at most once a second, by a timer that is
 * set only where something has happened since: one that watches an idle room lets it sleep.
 */
export class Watchers implements RoomObserver {
  readonly #options: WatchersOptions;
  readonly #watchers = new Map<TextSocket, Watcher>();
  #stopObserving: (() => void) | undefined;
  /** Of this turn, as many as any watcher may be told. */
  #happenings: Happening[] = [];
  #omitted = 0;
  /** The statistics that were last told, and when they were last looked at. */
  #told = "";
  #lookedAt = -Infinity;
  #isWaking = false;

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#watchers.size;
  }

  /** Whether there is no place for one more. Those that have gone without a word make place. */
  isFull(now: number): boolean {
    if (this.#watchers.size < MAX_WATCHERS) return false;
    for (const watcher of this.#watchers.values()) {
      if (now - watcher.lastHeard >= SILENT_MS) this.#end(watcher, CloseCode.HeartbeatLost, "nothing was heard");
    }
    return this.#watchers.size >= MAX_WATCHERS;
  }

  /** One that has just come. It is told the statistics at once. */
  add(socket: TextSocket, now: number): void {
    const statistics = this.#statistics(now);
    if (this.#watchers.size === 0) {
      this.#told = statistics;
      this.#lookedAt = now;
    }
    this.restore(socket, now);
    socket.send(this.#statisticsEvent(statistics, now));
  }

  /** One that outlived the memory, and has been told before. */
  restore(socket: TextSocket, now: number): void {
    this.#watchers.set(socket, new Watcher(socket, now));
    this.#stopObserving ??= this.#options.room.observe(this);
  }

  /** Its socket is gone, or is of no more use. */
  remove(socket: TextSocket): void {
    if (!this.#watchers.delete(socket) || this.#watchers.size > 0) return;
    this.#stopObserving?.();
    this.#stopObserving = undefined;
    this.#happenings = [];
    this.#omitted = 0;
  }

  /** It has sent something that is not the keep-alive. */
  refuseMessage(socket: TextSocket): void {
    const watcher = this.#watchers.get(socket);
    if (watcher) this.#end(watcher, CloseCode.ProtocolError, 'a watcher sends nothing but "ping"');
  }

  endAll(code: number, reason: string): void {
    for (const watcher of this.#watchers.values()) this.#end(watcher, code, reason);
  }

  opened(connection: P2PConnection): void {
    this.#happened(() => ({ type: "opened", connection: viewConnection(connection) }));
  }

  stateChanged({ connectionId, state }: P2PConnection, previous: ConnectionState): void {
    this.#happened(() => ({
      type: "changed",
      connectionId: String(connectionId),
      previous: connectionStateName(previous),
      state: connectionStateName(state),
    }));
  }

  closed(connection: P2PConnection, { reason: code }: Ending): void {
    const reason = endReasonName(code);
    this.#happened(() => ({ type: "closed", connection: viewConnection(connection), reason, code }));
  }

  presenceChanged(peer: PeerId, change: PresenceChange): void {
    this.#happened(() => ({ type: "peer", peer: String(peer), change }));
  }

  turnEnded(now: number): void {
    if (this.#happenings.length > 0) this.#tellHappenings(now);
    if (this.#isWaking) return; // it is the timer's then, however late: both could tell within one second
    if (now - this.#lookedAt >= STATISTICS_MS || now < this.#lookedAt) this.#tellStatistics(now);
    else this.#wake(this.#lookedAt + STATISTICS_MS);
  }

  /** The time that was asked for has come. */
  ring(now: number): void {
    this.#isWaking = false;
    if (this.#watchers.size === 0) return;
    const soonest = this.#lookedAt + STATISTICS_MS;
    // A late timer may ring behind a turn that has told them.
    if (now >= soonest || now < this.#lookedAt) this.#tellStatistics(now);
    else this.#wake(soonest);
    for (const watcher of this.#watchers.values()) {
      if (now - watcher.fullSince >= STALL_MS) this.#end(watcher, CloseCode.Stalled, "what was sent was not taken in");
    }
  }

  #happened(happening: () => Happening): void {
    if (this.#happenings.length < MAX_EVENTS_PER_SECOND) this.#happenings.push(happening());
    else this.#omitted++;
  }

  #tellHappenings(at: number): void {
    const events = this.#happenings.map((happening) => JSON.stringify({ at, ...happening } satisfies WatchEvent));
    for (const watcher of this.#watchers.values()) watcher.tell(events, this.#omitted, at);
    this.#happenings = [];
    this.#omitted = 0;
  }

  #tellStatistics(now: number): void {
    this.#lookedAt = now;
    const statistics = this.#statistics(now);
    const isNews = statistics !== this.#told;
    this.#told = statistics;
    const event = this.#statisticsEvent(statistics, now);
    let isAnyBehind = false;
    for (const watcher of this.#watchers.values()) {
      watcher.tellStatistics(event, isNews, now);
      isAnyBehind ||= watcher.isBehind;
    }
    if (isAnyBehind) this.#wake(now + STATISTICS_MS);
  }

  #statistics(now: number): string {
    return JSON.stringify(this.#options.room.statistics(now));
  }

  #statisticsEvent(statistics: string, now: number): string {
    return `{"type":"statistics","at":${now},"room":${JSON.stringify(this.#options.name)},"statistics":${statistics}}`;
  }

  #wake(at: number): void {
    this.#isWaking = true;
    this.#options.wake(at);
  }

  #end(watcher: Watcher, code: number, reason: string): void {
    this.remove(watcher.socket);
    watcher.socket.close(code, reason);
  }
}
