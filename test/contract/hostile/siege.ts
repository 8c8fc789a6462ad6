/** A relay with two bystanders in it, and what must be true of both after each attack. */
import { expect } from "vitest";
import type { DropReason, ErrorName } from "../../../src/protocol/index.ts";
import type { JoinRefusalCode } from "../../../src/relay/limits/refusals.ts";
import type { RoomStatistics } from "../../../src/relay/room.ts";
import { isHealthy } from "../../../scripts/local-relay.ts";
import { peakRss, rssOf } from "../../support/rss.ts";
import { RunningRelay } from "../../support/running-relay.ts";
import { Attacker, type AttackerOptions } from "./attacker.ts";
import { Bystanders } from "./bystanders.ts";

/**
 * MiB by which the relay's process may grow while it is attacked. What the rules let one peer occupy is its backlog
 * (2 × maxQueuedBytes at the most, F2) and one message of 1 MiB with its copies (4 MiB, D4); the rest is garbage that V8 has
 * not collected yet: its young generation alone is up to 16 MiB, twice that while it is scavenged.
 */
export const GROWTH_MIB = 32;

/** Short, so that a test sees what is left behind after it. */
const GRACE_MS = 1_000;
const WAIT_MS = 20_000;

export interface Moved {
  readonly refusals?: Partial<Record<ErrorName, number>>;
  readonly drops?: Partial<Record<DropReason, number>>;
  readonly joinRefusals?: Partial<Record<JoinRefusalCode, number>>;
}

export class Siege implements AsyncDisposable {
  readonly relay: RunningRelay;
  readonly bystanders: Bystanders;
  readonly #attackers: Attacker[] = [];
  #nextPeer = 6_660_000n;

  private constructor(relay: RunningRelay, bystanders: Bystanders) {
    this.relay = relay;
    this.bystanders = bystanders;
  }

  static async start(settings: Readonly<Record<string, unknown>> = {}, apps: object = {}): Promise<Siege> {
    const all = { default: { joinsPerMinute: 0, graceMs: GRACE_MS, ...settings }, ...apps };
    const relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify(all) });
    return new Siege(relay, await Bystanders.join(relay.url));
  }

  newPeer(): bigint {
    return this.#nextPeer++;
  }

  /** A good ticket, a hello, and bad intentions. */
  async attacker(options: AttackerOptions & { peer?: bigint } = {}): Promise<Attacker> {
    return this.own(await Attacker.join(this.relay.url, options.peer ?? this.newPeer(), options));
  }

  /** Upgraded or refused, without a hello. */
  async knock(options: AttackerOptions & { peer?: bigint } = {}): Promise<Attacker> {
    return this.own(await Attacker.knock(this.relay.url, options.peer ?? this.newPeer(), options));
  }

  /** A bare TCP connection. */
  dial(): Attacker {
    return this.own(Attacker.dial(this.relay.url));
  }

  /** Cut off when the attack is over. */
  own(attacker: Attacker): Attacker {
    this.#attackers.push(attacker);
    return attacker;
  }

  statistics(room?: string): Promise<RoomStatistics> {
    return this.relay.admin(`/apps/480${room === undefined ? "" : `/rooms/${room}`}/statistics`);
  }

  /**
   * Runs an attack. Afterwards: each counter of `moved` has moved by at least so much, the relay is up and has not grown,
   * the bystanders have missed nothing, and the attackers, once cut off, have left nothing behind.
   */
  async withstand(moved: Moved, attack: () => Promise<void>, growth = GROWTH_MIB): Promise<void> {
    const before = await this.statistics();
    const rss = rssOf(this.relay.pid);
    const sent = this.bystanders.sent;
    let peak: number;
    try {
      peak = await peakRss(this.relay.pid, attack);
      await this.#check(before, moved, sent);
    } finally {
      for (const attacker of this.#attackers.splice(0)) attacker.destroy();
    }
    await this.#nothingLeft();
    if (process.env["SIEGE_RSS"]) console.log(`${expect.getState().currentTestName}: +${(peak - rss).toFixed(1)} MiB`);
    expect(peak - rss, `RSS grew from ${rss.toFixed(0)} MiB`).toBeLessThan(growth);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bystanders.leave();
    await this.relay[Symbol.asyncDispose]();
  }

  async #check(before: RoomStatistics, moved: Moved, sent: number): Promise<void> {
    expect(await isHealthy(this.relay.url)).toBe(true);
    // At least a few messages of them were under way during the attack, however short it was.
    await this.#until("traffic", async () => this.bystanders.sent >= sent + 20);
    await this.bystanders.check();
    const after = await this.statistics();
    for (const kind of ["refusals", "drops", "joinRefusals"] as const) {
      const counts = (statistics: RoomStatistics) => statistics[kind] as Readonly<Record<string, number>>;
      for (const [name, least] of Object.entries(moved[kind] ?? {})) {
        expect(counts(after)[name]! - counts(before)[name]!, `${kind}.${name}`).toBeGreaterThanOrEqual(least);
      }
    }
  }

  async #nothingLeft(): Promise<void> {
    await this.#until("end of all that the attackers had", async () => {
      const { peers, away, activeConnections } = await this.statistics();
      return peers === 2 && away === 0 && activeConnections === 1;
    });
  }

  async #until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline;) {
      if (await isTrue()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no ${what} within ${WAIT_MS} ms: ${JSON.stringify(await this.statistics())}`);
  }
}
