/** One function for each kind of fault. It ends when the fault is over, and says whether it has really happened. */
import { EndReason, RelayError } from "../../src/client/index.ts";
import type { FaultyRelay } from "./faulty-relay.ts";
import { MILD, type Seat, type Table } from "./players.ts";

export interface Scene {
  readonly relay: FaultyRelay;
  readonly tables: readonly Table[];
  readonly random: () => number;
  /** Nothing is under way any more between those who say nothing. */
  readonly drained: (table: Table) => Promise<void>;
}

export type SeatFault = (seat: Seat, scene: Scene) => Promise<boolean>;
/** `room`: the relay's, one of the table's. */
export type RoomFault = (room: string, table: Table, scene: Scene) => Promise<boolean>;
/** Between the two rooms of a table. */
export type TrunkFault = (table: Table, scene: Scene) => Promise<boolean>;
export type RelayFault = (scene: Scene) => Promise<boolean>;

/** The platform evicts after 10 s without an event, and a room that falls silent has two more alarms, 11 s and 21 s later. */
const SILENCE_MS = 36_000;
/** Above the 20 s of rule F4, below the 37.5 s after which a client takes its socket for dead. */
const LONG_STALL_MS = 27_000;
const STALLED = 4009;
const SUPERSEDED = 4003;
const CLOCK_JUMP_MS = 4 * 60_000;
const CLIENT_JUMP_MS = 60_000;
/** Long enough for a trunk to be dialed twice in vain, or three times, and to be given up (rule X7). */
const SHORT_OUTAGE_MS = 4_000;
const LONG_OUTAGE_MS = 36_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks until it is so. False when it takes too long. */
export async function until(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await pause(25)) if (isSo()) return true;
  return isSo();
}

/** A client whose socket is gone looks for another. Of several one is enough: others may have been without one before. */
function isNoticed(seats: readonly Seat[], timeoutMs: number): Promise<boolean> {
  const before = seats.map(({ seen }) => seen.reconnecting);
  return until(() => seats.some(({ seen }, index) => seen.reconnecting > (before[index] ?? 0)), timeoutMs);
}

/** How often each room of a table was built by now, and which are built again within a while. */
class Births {
  readonly #relay: FaultyRelay;
  readonly #rooms: readonly string[];
  readonly #generation: number;
  readonly #before: readonly number[];

  private constructor(relay: FaultyRelay, rooms: readonly string[], before: readonly number[]) {
    this.#relay = relay;
    this.#rooms = rooms;
    this.#generation = relay.generation;
    this.#before = before;
  }

  static async at({ rooms }: Table, relay: FaultyRelay): Promise<Births> {
    return new Births(relay, rooms, await countOf(relay, rooms));
  }

  /** The objects of these rooms were gone, and there are others; the table's other room is as it was. */
  async areOnlyOf(rooms: readonly string[]): Promise<boolean> {
    for (let look = 0; look < 100; look++, await pause(100)) {
      const now = await countOf(this.#relay, this.#rooms);
      const born = this.#rooms.filter((_, index) => (now[index] ?? 0) > (this.#before[index] ?? 0));
      if (!rooms.every((room) => born.includes(room))) continue;
      return born.length === rooms.length && this.#relay.generation === this.#generation;
    }
    return false;
  }
}

function countOf(relay: FaultyRelay, rooms: readonly string[]): Promise<number[]> {
  return Promise.all(rooms.map((room) => relay.births(room)));
}

async function evicted(rooms: readonly string[], table: Table, { relay, drained }: Scene): Promise<boolean> {
  const births = await Births.at(table, relay);
  const seats = table.seats.filter(({ room }) => rooms.includes(room));
  table.silence(rooms);
  try {
    await drained(table);
    const sockets = seats.map(({ seen }) => seen.reconnecting);
    await pause(SILENCE_MS);
    table.silent.clear();
    const areOnlyThese = await births.areOnlyOf(rooms);
    return areOnlyThese && seats.every(({ seen }, index) => seen.reconnecting === sockets[index]);
  } finally {
    table.silent.clear();
  }
}

async function aborted(rooms: readonly string[], table: Table, { relay }: Scene): Promise<boolean> {
  const births = await Births.at(table, relay);
  const noticed = Promise.all(rooms.map((room) => isNoticed(table.in(room), 10_000)));
  await relay.abort(...rooms);
  const areOnlyThese = await births.areOnlyOf(rooms);
  return (await noticed).every(Boolean) && areOnlyThese;
}

/** What was under way on the trunk is lost, and for so long there is no other. True when there was one, and is again. */
async function cut({ rooms }: Table, relay: FaultyRelay, outageMs: number): Promise<boolean> {
  const { generation } = relay;
  const sockets = await relay.cutTrunks(rooms, outageMs);
  await pause(outageMs);
  const before = await relay.trunks(rooms);
  let isBack = false;
  for (let look = 0; look < 200 && !isBack; look++, await pause(100)) {
    const now = await relay.trunks(rooms);
    isBack = now.messagesIn > before.messagesIn;
  }
  return sockets > 0 && isBack && relay.generation === generation;
}

/** Ends of connections that were told that the other end could not be reached any more. */
function endsLost({ seats }: Table): number {
  return seats.flatMap(({ ends }) => ends).filter(({ connection }) => connection.ending?.reason === EndReason.PeerLost)
    .length;
}

export const SEAT_FAULTS = {
  "socket cut": async (seat) => {
    const noticed = isNoticed([seat], 5_000);
    return seat.proxy.cut() > 0 && noticed;
  },

  "socket left by reconnect()": async (seat) => {
    const noticed = isNoticed([seat], 5_000);
    seat.player?.client.reconnect();
    return noticed;
  },

  "half-open, the application notices": async (seat, { random }) => {
    const frozen = seat.proxy.freeze();
    await pause(500 + random() * 1_500);
    const noticed = isNoticed([seat], 5_000);
    seat.player?.client.reconnect();
    const isSeen = await noticed;
    setTimeout(() => seat.proxy.thaw(), 3_000);
    return isSeen && frozen > 0;
  },

  "half-open, found by silence": async (seat) => {
    const noticed = isNoticed([seat], 60_000);
    const frozen = seat.proxy.freeze();
    const isSeen = await noticed;
    seat.proxy.thaw();
    return isSeen && frozen > 0;
  },

  "slow reader, below 20 s": async (seat, { random }) => {
    const received = (): number => seat.ledger.sum((flow) => (flow.to === seat.index ? flow.received : 0));
    seat.proxy.stall();
    await pause(500); // what was on its way
    const before = received();
    await pause(2_000 + random() * 4_000);
    const isStalled = received() === before;
    seat.proxy.unstall();
    return isStalled;
  },

  "slow reader, above 20 s": async (seat) => {
    const { reconnecting } = seat.seen;
    seat.proxy.stall();
    await pause(LONG_STALL_MS);
    seat.proxy.unstall();
    const isNoticedNow = await until(() => seat.seen.reconnecting > reconnecting, 10_000);
    return isNoticedNow && seat.lastCause instanceof RelayError && seat.lastCause.closeCode === STALLED;
  },

  "second login": async (seat) => {
    const older = seat.player;
    if (!older) return false;
    await seat.join();
    const ended = await Promise.race([older.client.closed, pause(10_000)]);
    // One that was without a socket just then would take the seat back when it is there again.
    if (!ended) await older.client.close();
    older.tick(0, () => 0);
    return ended?.code === SUPERSEDED;
  },

  "reordered by the simulator": async (seat) => {
    const links = seat.network ? [seat.network.outbound.link, seat.network.inbound.link] : [];
    const count = (): number => links.reduce((sum, { counters }) => sum + counters.reordered, 0);
    const before = count();
    const rough = { ...MILD, reorderPercent: 40, reorderMs: 40, jitterMs: 20, duplicatePercent: 5, loss: 5 };
    for (const link of links) link.conditions = { ...link.conditions, ...rough };
    await pause(3_000);
    for (const link of links) link.conditions = { ...link.conditions, ...MILD };
    return count() > before + 10;
  },

  "moves to the other room and back": async (seat, { random }) => {
    const { home, table } = seat;
    const other = table.rooms.find((room) => room !== home);
    if (!other) return false;
    if (seat.isLeaving) throw new Error("somebody is just sitting down there");
    const before = seat.ends.length;
    try {
      await seat.move(other);
      // Whether found there by its neighbours or not: it may be gone again before.
      await pause(500 + random() * 4_000);
    } finally {
      await seat.move(home);
    }
    return until(() => seat.ends.length > before, 20_000);
  },
} satisfies Record<string, SeatFault>;

export const ROOM_FAULTS = {
  "object aborted": (room, table, scene) => aborted([room], table, scene),

  "object drained": async (room, table, { relay, random }) => {
    const noticed = isNoticed(table.in(room), 10_000);
    await relay.drain(room, Math.floor(random() * 1_000));
    return noticed;
  },

  "evicted by hibernation": (room, table, scene) => evicted([room], table, scene),
} satisfies Record<string, RoomFault>;

export const TRUNK_FAULTS = {
  "trunk cut": (table, { relay }) => cut(table, relay, 0),

  "no trunk for 4 s": (table, { relay }) => cut(table, relay, SHORT_OUTAGE_MS),

  "no trunk for 36 s": async (table, { relay }) => {
    const before = endsLost(table);
    const isCut = await cut(table, relay, LONG_OUTAGE_MS);
    return isCut && endsLost(table) > before;
  },

  "both objects aborted": (table, scene) => aborted(table.rooms, table, scene),

  "both evicted by hibernation": (table, scene) => evicted(table.rooms, table, scene),
} satisfies Record<string, TrunkFault>;

export const RELAY_FAULTS = {
  "relay killed": async ({ relay, tables, random }) => {
    const noticed = isNoticed(
      tables.flatMap(({ seats }) => seats),
      10_000,
    );
    await relay.kill();
    await pause(random() * 1_000);
    await relay.restart();
    return noticed;
  },

  "relay's clock jumps": async ({ relay, tables, random }) => {
    // Back to the right time, or away from it, either way.
    const { clockOffset } = relay;
    const by = clockOffset === 0 ? CLOCK_JUMP_MS * (random() < 0.5 ? 1 : -1) : -clockOffset;
    await relay.moveClock(
      by,
      tables.flatMap(({ rooms }) => rooms),
    );
    return relay.clockOffset === clockOffset + by;
  },

  "clients' clock jumps": async () => {
    const before = performance.now();
    const now = performance.now.bind(performance);
    performance.now = () => now() + CLIENT_JUMP_MS;
    return performance.now() - before >= CLIENT_JUMP_MS;
  },
} satisfies Record<string, RelayFault>;

export type SeatFaultName = keyof typeof SEAT_FAULTS;
export type RoomFaultName = keyof typeof ROOM_FAULTS;
export type TrunkFaultName = keyof typeof TRUNK_FAULTS;
export type RelayFaultName = keyof typeof RELAY_FAULTS;
export type FaultName = SeatFaultName | RoomFaultName | TrunkFaultName | RelayFaultName;
