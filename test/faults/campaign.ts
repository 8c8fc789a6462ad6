/** The campaign: sixteen peers talk, faults come, and in the end everything has to add up. */
import { seededRandom } from "../../src/client/simulator/index.ts";
import {
  type FaultName,
  RELAY_FAULTS,
  ROOM_FAULTS,
  type RelayFaultName,
  type RoomFaultName,
  SEAT_FAULTS,
  type Scene,
  type SeatFaultName,
  TRUNK_FAULTS,
  type TrunkFaultName,
  pause,
  until,
} from "./faults.ts";
import { FaultyRelay } from "./faulty-relay.ts";
import { disagreements, lookAtHalves } from "./halves.ts";
import { Ledger, describe as describeFlow } from "./ledger.ts";
import { type MemoryUse, type Verdict, balance, judge } from "./verdict.ts";
import { Seat, Table } from "./players.ts";
import { Proxy } from "./proxy.ts";
import { Report } from "./report.ts";

/** What happens to one table, or to somebody at it. */
export type TableFaultName = SeatFaultName | RoomFaultName | TrunkFaultName;

export interface CampaignPlan {
  readonly seed: number;
  /** Of the relay, that each table's seats are in: in one, or in two of an app that lets its rooms reach each other. */
  readonly rooms: 1 | 2;
  /** Reliable messages that have to arrive before it may end. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** That have to be confirmed. */
  readonly faults: number;
  /** What the relay's memory may be at the end, of what it was after the part before the last. */
  readonly maxGrowth: number;
  /** The relay is killed in the first only: afterwards its memory is watched. */
  readonly parts: readonly PartPlan[];
  log(line: string): void;
}

export interface PartPlan {
  /** At each table one after another, those of one entry at the same time on different seats. */
  readonly atTables: readonly (readonly TableFaultName[])[];
  /** All through the part. */
  readonly everywhere: readonly RelayFaultName[];
}

const TABLES = 4;
const SEATS = 4;
const TICK_MS = 25;
const SLEEP_MS = 60_000;
const ATTEMPTS = 3;
const RECOVERY_MS = 100_000;
const DRAIN_MS = 90_000;

export class Campaign implements Scene {
  readonly plan: CampaignPlan;
  readonly ledger: Ledger;
  readonly report = new Report();
  readonly tables: Table[] = [];
  readonly memory: MemoryUse[] = [];
  relay!: FaultyRelay;
  readonly #random: () => number;
  readonly #startedAt = Date.now();
  #messagesPerSecond: number;
  #isOver = false;

  constructor(plan: CampaignPlan) {
    this.plan = plan;
    this.ledger = new Ledger(plan.seed);
    this.#random = seededRandom(plan.seed);
    this.#messagesPerSecond = plan.messagesPerSecond;
  }

  get seats(): Seat[] {
    return this.tables.flatMap(({ seats }) => seats);
  }

  get messages(): number {
    return this.ledger.sum(({ received }) => received);
  }

  readonly random = (): number => this.#random();

  async run(): Promise<Verdict> {
    await using relay = await FaultyRelay.start({ crossRooms: this.plan.rooms - 1 });
    this.relay = relay;
    await this.#sitDown();
    const traffic = this.#talk();
    try {
      for (const part of this.plan.parts) {
        await this.#everybodyTalks();
        await this.#part(part);
        await this.#rest("everybody is here, and silent");
      }
      const halves = await lookAtHalves(this.tables, relay);
      await this.#catchUp();
      const books = balance(this);
      const after = await lookAtHalves(this.tables, relay);
      for (const what of disagreements(halves, after)) this.ledger.violated(what);
      await this.#leave();
      for (const line of relay.failures()) this.ledger.violated(`the relay's log: ${line}`);
      return judge(this, books);
    } finally {
      this.#isOver = true;
      await traffic;
      await Promise.all(this.seats.map(({ proxy }) => proxy.close()));
    }
  }

  /** Of no more use: the relay's process ends. */
  stop(): void {
    void this.relay?.kill();
  }

  readonly drained = async (table: Table): Promise<void> => {
    const isDrained = (): boolean => this.#underWay(table).length === 0;
    if (await until(isDrained, DRAIN_MS)) return;
    for (const what of this.#underWay(table)) this.ledger.violated(`not delivered: ${what}`);
  };

  /** What the ends that are open, and silent, have sent and nobody received. */
  #underWay({ seats }: Table): string[] {
    const silent = seats.flatMap((seat) => seat.ends.filter(({ other }) => seat.isSilentTo(other)));
    const open = silent.filter(({ connection }) => !connection.ending);
    return open.flatMap(({ flows }) =>
      flows.filter(({ isReliable, sent, received }) => isReliable && received < sent).map(describeFlow),
    );
  }

  async #sitDown(): Promise<void> {
    for (let index = 0; index < TABLES; index++) {
      const table = new Table(index, this.plan.rooms, index === TABLES - 1);
      this.tables.push(table);
      for (let i = 0; i < SEATS; i++) {
        const proxy = await Proxy.to(this.relay.url);
        const home = table.homeOf(i, SEATS);
        table.seats.push(new Seat(index * SEATS + i, table, home, proxy, this.ledger, this.plan.seed));
      }
    }
    await Promise.all(this.seats.map((seat) => seat.join()));
  }

  /** The one loop in which everything is sent and read. */
  async #talk(): Promise<void> {
    const random = seededRandom(this.plan.seed + 1);
    let last = performance.now();
    while (!this.#isOver) {
      await pause(TICK_MS);
      const now = performance.now();
      const elapsed = Math.min(now - last, 4 * TICK_MS); // a clock that jumps makes nobody talkative
      last = now;
      const flows = this.seats.length * 16 + 1;
      const perFlow = (this.#messagesPerSecond * elapsed) / 1_000 / flows;
      for (const seat of this.seats) this.#keepSeat(seat, perFlow, random);
    }
  }

  #keepSeat(seat: Seat, perFlow: number, random: () => number): void {
    const { player } = seat;
    if (!player) return;
    player.tick(perFlow, random);
    if (player.client.status !== "closed" || seat.isLeaving) return;
    seat.isLeaving = true; // until somebody sits here again
    void seat
      .join()
      .catch((error: unknown) => this.ledger.notes.push(`seat ${seat.index} could not join: ${String(error)}`))
      .finally(() => (seat.isLeaving = false));
  }

  async #everybodyTalks(): Promise<void> {
    for (const { silent } of this.tables) silent.clear();
    await this.#recover("talk", this.seats);
    await pause(3_000);
  }

  async #part({ atTables, everywhere }: PartPlan): Promise<void> {
    const atEachTable = this.tables.map((table) => this.#atTable(table, atTables));
    let areTablesDone = false;
    void Promise.all(atEachTable).then(() => (areTablesDone = true));
    for (const kind of everywhere) {
      const gap = 1_000 + this.random() * 4_000;
      await Promise.race([pause(areTablesDone ? 0 : gap), pause(gap)]);
      // A clock that jumps, or a relay that is new, would wake a room that is to fall asleep.
      await until(() => this.tables.every(({ silent }) => silent.size === 0), SLEEP_MS);
      await this.#inject(kind, this.seats, () => RELAY_FAULTS[kind](this));
    }
    await Promise.all(atEachTable);
  }

  /** Each table has its own order of the same faults. */
  async #atTable(table: Table, groups: PartPlan["atTables"]): Promise<void> {
    const random = seededRandom(this.plan.seed + 100 + table.index);
    for (const group of shuffled(groups, random)) {
      const seats = shuffled(table.seats, random);
      const room = seats[0]?.home ?? "";
      await Promise.all(group.map((kind, index) => this.#injectAt(table, kind, room, seats[index % seats.length])));
      await pause(random() * 500);
    }
  }

  #injectAt(table: Table, kind: TableFaultName, room: string, seat: Seat | undefined): Promise<void> {
    if (isRoomFault(kind)) return this.#inject(kind, table.seats, () => ROOM_FAULTS[kind](room, table, this));
    if (isTrunkFault(kind)) return this.#inject(kind, table.seats, () => TRUNK_FAULTS[kind](table, this));
    // Only there is a simulator; elsewhere a cut is what is most like it.
    const possible = kind === "reordered by the simulator" && !table.isLossy ? "socket cut" : kind;
    return seat ? this.#inject(possible, [seat], () => SEAT_FAULTS[possible](seat, this)) : Promise.resolve();
  }

  async #inject(kind: FaultName, seats: readonly Seat[], fault: () => Promise<boolean>): Promise<void> {
    const outcomes = this.report.of(kind);
    const before = total(seats);
    if (await this.#isConfirmed(kind, fault)) outcomes.confirmed++;
    else
      this.ledger.notes.push(`${this.#clock()} ${kind} at ${seats.map(({ index }) => index).join()} is not confirmed`);
    outcomes.injected++;
    outcomes.recoveries.push(await this.#recover(kind, seats));
    const after = total(seats);
    outcomes.resumed += after.resumed - before.resumed;
    outcomes.fresh += after.fresh - before.fresh;
    outcomes.ended += after.ended - before.ended;
  }

  /** What a fault asks of the relay fails where another one has just killed it: then it has not happened yet. */
  async #isConfirmed(kind: FaultName, fault: () => Promise<boolean>): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return await fault();
      } catch (error) {
        this.ledger.notes.push(`${this.#clock()} ${kind} has to be tried again: ${String(error)}`);
        await pause(2_000);
      }
    }
    return false;
  }

  /** ms until all that these seats send and are sent has moved on. */
  async #recover(kind: string, seats: readonly Seat[]): Promise<number> {
    const marks = new Map<string, number>();
    const since = Date.now();
    for (const seat of seats) seat.mark(marks);
    if (!(await until(() => seats.every((seat) => seat.hasProgressed(marks)), RECOVERY_MS))) {
      const stuck = seats.flatMap((seat) => seat.stuck(marks));
      this.ledger.violated(`${this.#clock()} no recovery from ${kind}: ${stuck.slice(0, 4).join("; ")}`);
    }
    return Date.now() - since;
  }

  /** Everything arrives, nobody speaks, and memory is looked at. */
  async #rest(when: string): Promise<void> {
    for (const table of this.tables) table.silence();
    await Promise.all(this.tables.map((table) => this.drained(table)));
    await pause(3_000);
    this.memory.push({ when, mebibytes: await this.relay.memory(), generation: this.relay.generation });
    this.plan.log(
      `${this.#clock()} ${this.messages} messages, ${this.report.confirmed} faults, ${this.memory.at(-1)?.mebibytes.toFixed(1)} MiB`,
    );
  }

  async #catchUp(): Promise<void> {
    for (const { silent } of this.tables) silent.clear();
    this.#messagesPerSecond = 20_000;
    await until(() => this.messages >= this.plan.messages, this.plan.messages / 4);
    for (const table of this.tables) table.silence();
    await Promise.all(this.tables.map((table) => this.drained(table)));
  }

  async #leave(): Promise<void> {
    for (const seat of this.seats) seat.isLeaving = true;
    await Promise.all(this.seats.map(({ player }) => player?.client.close()));
    await pause(1_000);
    for (const name of this.tables.flatMap(({ rooms }) => rooms)) {
      const { activeConnections, peers, away } = await this.relay.statistics(name);
      if (activeConnections + peers + away === 0) continue;
      this.ledger.violated(`room ${name} is not empty: ${activeConnections} connections, ${peers} peers, ${away} away`);
    }
    await pause(12_000); // an empty room is evicted
    const mebibytes = await this.relay.memory();
    this.memory.push({ when: "everybody has left", mebibytes, generation: this.relay.generation });
  }

  #clock(): string {
    return `[${((Date.now() - this.#startedAt) / 1_000).toFixed(1)} s]`;
  }
}

function isRoomFault(kind: TableFaultName): kind is RoomFaultName {
  return kind in ROOM_FAULTS;
}

function isTrunkFault(kind: TableFaultName): kind is TrunkFaultName {
  return kind in TRUNK_FAULTS;
}

function total(seats: readonly Seat[]): Seat["seen"] {
  const sum = { reconnecting: 0, resumed: 0, fresh: 0, ended: 0 };
  for (const { seen } of seats) for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += seen[name];
  return sum;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
