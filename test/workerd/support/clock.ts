import { runDurableObjectAlarm } from "cloudflare:test";
import { vi } from "vitest";
import type { TestPeer } from "./peer.ts";
import { type RoomStub, alarmOf } from "./room.ts";

/** Far enough ahead that no alarm set by a test fires by itself while the test runs. */
const AHEAD_MS = 24 * 3_600_000;
/** A peer that is to stay says something this often. */
const STIR_MS = 15_000;

/**
 * The time that the worker and its objects see: they run in the isolate of the tests, so a faked Date is theirs too.
 * Only Date: timers stay real, and so does the time of the platform's own alarms and automatic answers.
 */
export class Clock {
  constructor() {
    const start = Math.ceil(Date.now() / 1000) * 1000 + AHEAD_MS;
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(start);
  }

  get now(): number {
    return Date.now();
  }

  set(time: number): void {
    vi.setSystemTime(time);
  }

  [Symbol.dispose](): void {
    vi.useRealTimers();
  }

  /** Lets time pass in one room: its alarm goes off when it is due, and never otherwise. Returns how often it did. */
  async pass(ms: number, stub: RoomStub, alive: readonly TestPeer[] = []): Promise<number> {
    const end = this.now + ms;
    let alarms = 0;
    for (let nextStir = this.now + STIR_MS; ;) {
      const due = (await alarmOf(stub)) ?? Infinity;
      const next = Math.min(due, end, alive.length > 0 ? nextStir : Infinity);
      this.set(Math.max(next, this.now));
      if (due <= this.now) {
        if (await runDurableObjectAlarm(stub)) alarms++;
      } else if (this.now >= nextStir && alive.length > 0) {
        await this.#stir(alive);
        nextStir += STIR_MS;
      } else if (this.now >= end) return alarms;
    }
  }

  async #stir(alive: readonly TestPeer[]): Promise<void> {
    for (const peer of alive) peer.stir();
    await Promise.all(alive.map((peer) => peer.fence()));
  }
}
