/** A watcher in plain Node, and a room with one: it does what a runtime does with the timer that the rules ask for. */
import type { ConnectionView } from "../../../../src/relay/connection-view.ts";
import type { Room } from "../../../../src/relay/room.ts";
import type { AppSettings } from "../../../../src/relay/settings.ts";
import type { WatchEvent } from "../../../../src/relay/watching/events.ts";
import type { TextSocket } from "../../../../src/relay/watching/watcher.ts";
import { Watchers } from "../../../../src/relay/watching/watchers.ts";
import { TestRoom } from "../../../support/room.ts";

export type EventOf<Type extends WatchEvent["type"]> = Extract<WatchEvent, { type: Type }>;

export class Spectator implements TextSocket {
  readonly events: WatchEvent[] = [];
  buffered: number | undefined = 0;
  keepAlive = 0;
  closed: { code: number; reason: string } | undefined;

  send(text: string): void {
    if (this.closed) throw new Error("The rules sent on a socket that they had closed");
    this.events.push(JSON.parse(text) as WatchEvent);
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  bufferedAmount(): number | undefined {
    return this.buffered;
  }

  lastKeepAlive(): number {
    return this.keepAlive;
  }

  of<Type extends WatchEvent["type"]>(type: Type): EventOf<Type>[] {
    return this.events.filter((event): event is EventOf<Type> => event.type === type);
  }

  take(): WatchEvent[] {
    return this.events.splice(0);
  }
}

/** What does not change by packets alone. */
export function identityOf({ packetsRelayed: _p, bytesRelayed: _b, lastActivity: _l, ...view }: ConnectionView) {
  return view;
}

export class WatchedRoom {
  readonly room: TestRoom;
  watchers!: Watchers;
  /** When the timer is to ring, as it was asked for: each once. */
  wakeAt = Infinity;
  rings = 0;
  readonly #here = new Set<Spectator>();

  constructor(settings: Partial<AppSettings> = {}) {
    this.room = new TestRoom({ settings, onRoom: (room) => this.#serve(room) });
  }

  watch(spectator = new Spectator()): Spectator {
    this.watchers.add(spectator, this.room.now);
    this.#here.add(spectator);
    return spectator;
  }

  leave(spectator: Spectator): void {
    this.watchers.remove(spectator);
    this.#here.delete(spectator);
  }

  /** Lets time pass, with what falls into it. */
  advance(ms: number): void {
    const until = this.room.now + ms;
    while (this.wakeAt <= until) {
      this.room.advance(Math.max(0, this.wakeAt - this.room.now));
      if (this.wakeAt > this.room.now) continue;
      this.wakeAt = Infinity;
      this.rings++;
      this.watchers.ring(this.room.now);
    }
    this.room.advance(until - this.room.now);
  }

  /** The object loses its memory, and is woken by an alarm. */
  evict(): void {
    this.room.evict();
    this.room.ring();
  }

  #serve(room: Room): void {
    this.wakeAt = Infinity; // a timer goes with the memory
    this.watchers = new Watchers({
      room,
      name: "app/480",
      wake: (at) => {
        if (this.wakeAt !== Infinity) throw new Error("The rules asked for a second timer");
        if (at > this.room.now + 1_000) throw new Error("The rules asked for a timer of more than a second");
        this.wakeAt = at;
      },
    });
    for (const spectator of this.#here ?? []) if (!spectator.closed) this.watchers.restore(spectator, this.room.now);
  }
}
