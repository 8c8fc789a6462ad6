/** 16 seats at four tables. Whoever sits there talks to both neighbours in all families, both ways, all the time. */
import {
  ConnectionState,
  type RelayClient,
  type RelayConnection,
  RelayError,
  connect,
} from "../../src/client/index.ts";
import { type SimulatedNetwork, simulateNetwork } from "../../src/client/simulator/index.ts";
import { TEST_APP, testTicket } from "../support/tickets.ts";
import { type FamilyPort, type Opened, familyPorts } from "./families.ts";
import { FAMILIES, type Family, type Flow, LANES, type Ledger, type Route, describe } from "./ledger.ts";
import type { Proxy } from "./proxy.ts";

/** Messages that may be under way in one flow; more would only wait. */
const MAX_UNDER_WAY = 400;
const FIRST_PEER = 76561197960287930n;
/** What the relay's clock may be made to jump by, either way, and the tickets be good all the same. */
const TICKET_AGE_MS = 30 * 60_000;
/** Nobody closes here but the ends of the campaign, so these codes mean that somebody broke the rules. */
const FAULTY_CLOSES: readonly number[] = [4001, 4002, 4004, 4006, 4007, 4010, 4011];
const REDIAL_MS = 250;
export const MILD = { loss: 1, lagMs: 5, jitterMs: 5, reorderPercent: 5, reorderMs: 10, duplicatePercent: 1 };

/** Seats in a ring: all in one room of the relay, or in two, so that every second connection goes from one to the other. */
export class Table {
  readonly index: number;
  /** The relay's rooms that its seats are in. */
  readonly rooms: readonly string[];
  readonly seats: Seat[] = [];
  /** Behind the simulator: its connections lose and reorder. */
  readonly isLossy: boolean;
  /** Those of its rooms in which nobody says anything, and to which nobody does, so that they may be evicted. */
  readonly silent = new Set<string>();

  constructor(index: number, rooms: number, isLossy: boolean) {
    this.index = index;
    this.rooms = Array.from({ length: rooms }, (_, room) => (rooms === 1 ? `r${index}` : `r${index}-${room}`));
    this.isLossy = isLossy;
  }

  /** Halves of the ring, not every second seat: then some connections stay within a room, and some do not. */
  homeOf(place: number, places: number): string {
    return this.rooms[Math.floor((place * this.rooms.length) / places)] ?? this.rooms[0]!;
  }

  in(room: string): Seat[] {
    return this.seats.filter((seat) => seat.room === room);
  }

  silence(rooms: readonly string[] = this.rooms): void {
    for (const room of rooms) this.silent.add(room);
  }
}

/** One end of a connection: what it has sent, and whether it was told when it was over. */
export interface End extends Opened {
  readonly seat: number;
  readonly other: Seat;
  /** The relay's, where this end is. */
  readonly room: string;
  readonly family: Family;
  readonly flows: readonly Flow[];
}

/** A place at a table: one peer id, and one client after another. */
export class Seat {
  readonly index: number;
  readonly table: Table;
  readonly home: string;
  /** The relay's room that its next client joins. */
  room: string;
  readonly proxy: Proxy;
  readonly ledger: Ledger;
  readonly network: SimulatedNetwork | undefined;
  /** Of all clients that have sat here. */
  readonly ends: End[] = [];
  readonly seen = { reconnecting: 0, resumed: 0, fresh: 0, ended: 0 };
  /** The client's own account of its last loss of a socket. */
  lastCause: unknown;
  /** Codes of what the relay has refused its clients. */
  readonly errors: string[] = [];
  /** Close codes of clients that have left. */
  readonly left: number[] = [];
  isLeaving = false;
  player: Player | undefined;

  constructor(index: number, table: Table, home: string, proxy: Proxy, ledger: Ledger, seed: number) {
    this.index = index;
    this.table = table;
    this.home = this.room = home;
    this.proxy = proxy;
    this.ledger = ledger;
    if (table.isLossy) this.network = simulateNetwork({ ...MILD, seed: seed + index * 2 });
  }

  get peer(): bigint {
    return FIRST_PEER + BigInt(this.index);
  }

  get next(): Seat {
    const { seats } = this.table;
    return seats[(seats.indexOf(this) + 1) % seats.length] ?? this;
  }

  /** Neither says anything to the other just now. */
  isSilentTo(other: Seat): boolean {
    return this.table.silent.has(this.room) || this.table.silent.has(other.room);
  }

  /** Joins, which ends whoever sits here already (rule S4). */
  async join(): Promise<Player> {
    const client = await connect({
      url: this.proxy.url,
      app: TEST_APP,
      room: this.room,
      ticket: () => testTicket({ peer: this.peer, now: Date.now() - TICKET_AGE_MS, expiresInSeconds: 7200 }),
      timeoutMs: 20_000,
      ...(this.network && { WebSocket: this.network.WebSocket, isLossy: true }),
    });
    const player = new Player(this, client);
    this.player?.readAll();
    this.player = player;
    return player;
  }

  /** Leaves as one who does not come back, and comes to another room. */
  async move(room: string): Promise<void> {
    this.isLeaving = true;
    try {
      await this.player?.client.close();
      this.player?.tick(0, () => 0);
      this.room = room;
      await this.join();
    } finally {
      this.isLeaving = false;
    }
  }

  /** Whether every route from and to this seat has carried something that was sent after `marks` was taken. */
  hasProgressed(marks: ReadonlyMap<string, number>): boolean {
    return this.#routes().every((route) => this.#isBeyond(route, marks.get(key(route)) ?? 0));
  }

  /** How much has been sent on each route from and to this seat. */
  mark(marks: Map<string, number>): void {
    for (const route of this.#routes()) {
      const flow = this.ledger.newest(route);
      marks.set(key(route), flow ? flow.base + flow.sent : 0);
    }
  }

  /** For who waits for progress in vain. */
  stuck(marks: ReadonlyMap<string, number>): string[] {
    return this.#routes()
      .filter((route) => !this.#isBeyond(route, marks.get(key(route)) ?? 0))
      .map((route) => `${key(route)}: ${describe(this.ledger.newest(route))}`);
  }

  #isBeyond(route: Route, mark: number): boolean {
    const flow = this.ledger.newest(route);
    return flow !== undefined && flow.base + flow.received > mark;
  }

  /** Those on which something may be said. */
  #routes(): Route[] {
    const { seats } = this.table;
    const all = seats.filter((other) => other.next === this || this.next === other);
    const neighbours = all.filter((other) => !this.isSilentTo(other));
    return neighbours.flatMap((other) => [...routes(this.index, other.index), ...routes(other.index, this.index)]);
  }
}

function key({ from, to, family, lane }: Route): string {
  return `${family} ${lane} ${from}>${to}`;
}

function routes(from: number, to: number): Route[] {
  return FAMILIES.flatMap((family) =>
    Array.from({ length: LANES[family] }, (_, lane) => ({ from, to, family, lane, isReliable: true })),
  );
}

/** One client on a seat, with its four families. */
export class Player {
  readonly client: RelayClient;
  readonly #seat: Seat;
  readonly #ports: Readonly<Record<Family, FamilyPort>>;
  /** Those that are not cleared away. */
  readonly #ends = new Set<End>();
  readonly #dialed = new Map<Family, RelayConnection>();
  #dialAfter = 0;

  constructor(seat: Seat, client: RelayClient) {
    this.#seat = seat;
    this.client = client;
    this.#ports = familyPorts(client, {
      accepted: (family, opened) => this.#opened(family, opened),
      received: (family, lane, data) => seat.ledger.check(data, { to: seat.index, family, lane }),
    });
    this.#watch();
  }

  /** Sends about `perFlow` messages on everything that is open, after reading, and dials what is not. */
  tick(perFlow: number, random: () => number): void {
    this.readAll();
    for (const end of [...this.#ends]) if (end.connection.ending) this.#discard(end);
    if (this.client.status === "closed") return;
    this.#dial();
    for (const end of this.#ends) {
      if (this.#seat.isSilentTo(end.other)) continue;
      for (const flow of end.flows) this.#send(end, flow, Math.floor(perFlow * 2 * random() + random()));
    }
  }

  readAll(): void {
    for (const family of FAMILIES) this.#ports[family].read();
  }

  #watch(): void {
    const { client } = this;
    const seat = this.#seat;
    client.addEventListener("reconnecting", ({ detail }) => {
      if (detail.attempt !== 1) return;
      seat.seen.reconnecting++;
      seat.lastCause = detail.cause;
    });
    client.addEventListener(
      "reconnected",
      ({ detail }) => void (detail.isResumed ? seat.seen.resumed++ : seat.seen.fresh++),
    );
    client.addEventListener("error", ({ detail: { code, message } }) => {
      seat.errors.push(code);
      if (code === "protocol_violation" || code === "internal") seat.ledger.violated(`seat ${seat.index}: ${message}`);
    });
    void client.closed.then(({ code, reason, cause }) => {
      seat.left.push(code);
      if (FAULTY_CLOSES.includes(code)) seat.ledger.violated(`seat ${seat.index} was closed with ${code} ${reason}`);
      // A client that comes back too late, or is refused, ends as one: worth knowing, and told.
      if (code !== 1000 && code !== 4003)
        seat.ledger.notes.push(`seat ${seat.index} left with ${code} ${reason} ${causeText(cause)}`);
    });
  }

  /** To the next seat, in each family in which there is nothing. */
  #dial(): void {
    if (performance.now() < this.#dialAfter) return;
    for (const family of FAMILIES) {
      const before = this.#dialed.get(family);
      if (before && !before.ending) continue;
      const opened = this.#ports[family].dial(this.#seat.next.peer);
      this.#dialAfter = performance.now() + REDIAL_MS;
      if (!opened) continue;
      this.#dialed.set(family, opened.connection);
      this.#opened(family, opened);
    }
  }

  #opened(family: Family, opened: Opened): void {
    const seat = this.#seat;
    const other = seat.table.seats.find(({ peer }) => peer === opened.connection.peer);
    if (!other || [...this.#ends].some(({ connection }) => connection === opened.connection)) return;
    const route = { from: seat.index, to: other.index, family };
    const lanes = Array.from({ length: LANES[family] }, (_, lane) => ({ ...route, lane, isReliable: true }));
    const all = [...lanes, { ...route, lane: 0, isReliable: false }];
    const flows = all.map((each) => seat.ledger.open(each, seat.table.isLossy));
    const end: End = { ...opened, seat: seat.index, other, room: seat.room, family, flows };
    this.#ends.add(end);
    seat.ends.push(end);
  }

  #send(end: End, flow: Flow, count: number): void {
    const { ledger } = this.#seat;
    // Before it is connected, some families make all reliable; then the two flows of a lane could not be told apart.
    if (!flow.isReliable && end.connection.state !== ConnectionState.Connected) return;
    for (let i = 0; i < count && !end.connection.ending; i++) {
      if (flow.isReliable && flow.sent - flow.received >= MAX_UNDER_WAY) return;
      if (!this.#ports[end.family].send(end, ledger.next(flow), flow.lane, flow.isReliable)) return;
      flow.sent++;
    }
  }

  #discard(end: End): void {
    this.#ends.delete(end);
    this.#seat.seen.ended++;
    const missing = this.#ports[end.family].discard(end);
    if (missing) this.#seat.ledger.violated(`seat ${this.#seat.index}: ${missing}`);
  }
}

function causeText(cause: unknown): string {
  return cause instanceof RelayError ? `${cause.code} ${cause.message}` : String(cause ?? "");
}
