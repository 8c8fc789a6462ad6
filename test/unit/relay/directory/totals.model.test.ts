/**
 * An app's totals against what its rooms counted: rooms that report as they do in a runtime (Reporter, Following, the
 * ledger over SQLite), over an unreliable way, and that are evicted, die, lose what they had not flushed, have their storage
 * cleared, and fall silent until they are forgotten. fast-check shrinks what tells the two apart, and prints its seed.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RoomName } from "../../../../src/protocol/index.ts";
import { AppLedger } from "../../../../src/relay/directory/app-ledger.ts";
import type { AppRules } from "../../../../src/relay/directory/report.ts";
import { Following, type FollowingRecord } from "../../../../src/relay/directory/following.ts";
import { type Reported, Reporter } from "../../../../src/relay/directory/reporting.ts";
import type { Room } from "../../../../src/relay/room.ts";
import { DEFAULT_SETTINGS } from "../../../../src/relay/settings.ts";
import { migrate } from "../../../../src/storage/migrations.ts";
import { DIRECTORY_STEPS, SqlLedgerStore } from "../../../../src/storage/sql-directory.ts";
import { NodeSql } from "../../../support/node-sql.ts";
import { APP, START } from "../../../support/room.ts";
import { statisticsOf } from "./statistics.ts";

const MINUTE = 60_000;
const MONTH = 31 * 24 * 60 * MINUTE;

class SimulatedRoom {
  readonly name: RoomName | undefined;
  readonly #directory: SimulatedDirectory;
  counted = 0;
  flushed = 0;
  peers = 0;
  life = 0;
  /** What of each life has reached the directory. */
  readonly heard: number[] = [];
  reporter: Reporter;
  following!: Following;
  #record: FollowingRecord;

  constructor(directory: SimulatedDirectory, name: string) {
    this.#directory = directory;
    this.name = name === "" ? undefined : (name as RoomName);
    this.#record = this.#born();
    this.reporter = this.wake(undefined);
  }

  /** As the rules see it; all that is asked of it. */
  get #room(): Room {
    const room = {
      statistics: () => statisticsOf(this.counted, { peers: this.peers }),
      applySettings: () => {},
      followBans: () => {},
    };
    const occupancy = { get: () => (this.peers > 0 ? "present" : "empty") };
    return Object.defineProperty(room, "occupancy", occupancy) as unknown as Room;
  }

  wake(reported: Reported | undefined): Reporter {
    const load = () => this.#record;
    const save = (heard: AppRules) => void (this.#record = { ...this.#record, ...heard });
    this.following = new Following({ load, save }, () => DEFAULT_SETTINGS);
    const { now } = this.#directory;
    const { name, following } = this;
    this.reporter = new Reporter({ room: this.#room, name, following, reported, now });
    return this.reporter;
  }

  /** Its sockets are gone, and what was not flushed. */
  crash(): void {
    this.counted = this.flushed;
    this.peers = 0;
    this.wake(undefined);
  }

  clear(): void {
    this.life++;
    this.counted = this.flushed = this.peers = 0;
    this.#record = this.#born();
    this.wake(undefined);
  }

  turn(outcome: "arrives" | "is lost" | "is not answered"): void {
    const { now, ledger } = this.#directory;
    this.reporter.turnEnded(now);
    const report = this.reporter.take();
    if (!report) return;
    if (outcome === "is lost") return this.reporter.failed();
    const answer = ledger.report(structuredClone(report), now);
    this.heard[this.life] = Math.max(this.heard[this.life] ?? 0, report.statistics.totalPackets);
    if (outcome === "arrives") this.reporter.answered(answer, now);
    else this.reporter.failed();
  }

  /** Whether all that it had counted was heard of, and it knows of that. Who is there has an alarm by then. */
  beSilent(hasTurn: boolean): boolean {
    if (this.peers > 0 || hasTurn) this.turn("arrives");
    const heard = this.heard[this.life];
    return this.counted === (heard ?? 0) && this.following.isKnown === (heard !== undefined);
  }

  #born(): FollowingRecord {
    return { life: `${this.name} ${this.life}`, version: null, overrides: {}, bans: [], region: null };
  }
}

class SimulatedDirectory {
  now = START;
  /** A room that is forgotten by the directory while the two know different things of it may be counted a little too low or high. */
  isExact = true;
  readonly #sql = new NodeSql();
  ledger: AppLedger;
  readonly rooms: readonly SimulatedRoom[];

  constructor() {
    migrate(this.#sql, DIRECTORY_STEPS);
    this.ledger = this.open();
    this.rooms = ["", "a", "b"].map((name) => new SimulatedRoom(this, name));
  }

  /** Another instance, which has only the disk. */
  open(): AppLedger {
    this.ledger = new AppLedger(APP, new SqlLedgerStore(this.#sql, APP));
    return this.ledger;
  }

  passMonth(hasTurn: boolean): void {
    this.now += 45_000;
    const areHeard = this.rooms.map((room) => room.beSilent(hasTurn));
    if (areHeard.includes(false)) this.isExact = false;
    this.now += MONTH;
    for (const room of this.rooms) {
      room.peers = 0;
      room.wake(undefined);
    }
  }

  get heard(): number {
    return this.rooms.flatMap(({ heard }) => heard).reduce((all, one) => all + one, 0);
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("relays"), count: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("arrives"), count: fc.nat(3) }) },
  ...["is lost", "is not answered", "flushes", "crashes", "clears", "evicts", "directory"].map((what) => {
    return { weight: 1, arbitrary: fc.record({ what: fc.constant(what), count: fc.nat(3) }) };
  }),
  { weight: 3, arbitrary: fc.record({ what: fc.constant("passes"), count: fc.constantFrom(1, 10, 40_000) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("passes a month"), count: fc.nat(3) }) },
);

function play(directory: SimulatedDirectory, room: SimulatedRoom, what: string, count: number): void {
  switch (what) {
    case "relays":
      room.counted += count;
      return;
    case "arrives":
    case "is lost":
    case "is not answered":
      room.peers = count;
      return room.turn(what);
    case "flushes":
      room.flushed = room.counted;
      return;
    case "crashes":
      return room.crash();
    case "clears":
      return room.clear();
    case "evicts":
      return void room.wake(count > 0 ? room.reporter.reported : undefined);
    case "directory":
      return void directory.open();
    case "passes":
      directory.now += count * 1_000;
      return;
    case "passes a month":
      return directory.passMonth(count > 0);
  }
}

test("whatever happens to rooms and reports: totals are what rooms had counted, and never fall", () => {
  const run = fc.property(fc.array(fc.tuple(fc.nat(2), step), { maxLength: 60 }), (steps) => {
    const directory = new SimulatedDirectory();
    let last = 0;
    for (const [index, { what, count }] of steps) {
      play(directory, directory.rooms[index]!, what, count);
      const { statistics } = directory.ledger.totals(directory.now);
      const { totalPackets, totalBytes, drops } = statistics;
      expect(totalPackets).toBeGreaterThanOrEqual(last);
      if (directory.isExact) expect(totalPackets).toBe(directory.heard);
      expect({ totalBytes, dropped: drops.rate_limited }).toEqual({
        totalBytes: 10 * totalPackets,
        dropped: 2 * totalPackets,
      });
      last = totalPackets;
    }
  });
  fc.assert(run, { numRuns: 1_500 });
}, 60_000);
