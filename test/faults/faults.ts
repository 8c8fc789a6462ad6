/** One function for each kind of fault. It ends when the fault is over, and says whether it has really happened. */
import { RelayError } from "../../src/client/index.ts";
import type { FaultyRelay } from "./faulty-relay.ts";
import { MILD, type Room, type Seat } from "./players.ts";

export interface Scene {
  readonly relay: FaultyRelay;
  readonly rooms: readonly Room[];
  readonly random: () => number;
  /** Nothing sent in the room is under way any more. */
  readonly drained: (room: Room) => Promise<void>;
}

export type SeatFault = (seat: Seat, scene: Scene) => Promise<boolean>;
export type RoomFault = (room: Room, scene: Scene) => Promise<boolean>;
export type RelayFault = (scene: Scene) => Promise<boolean>;

/** The platform evicts after 10 s without an event, and a room that falls silent has two more alarms, 11 s and 21 s later. */
const SILENCE_MS = 36_000;
/** Above the 20 s of rule F4, below the 37.5 s after which a client takes its socket for dead. */
const LONG_STALL_MS = 27_000;
const STALLED = 4009;
const SUPERSEDED = 4003;
const CLOCK_JUMP_MS = 4 * 60_000;
const CLIENT_JUMP_MS = 60_000;

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

/** The room's object was gone, and there is another one. */
async function isBornAgain(relay: FaultyRelay, room: string, births: number): Promise<boolean> {
  for (let look = 0; look < 100; look++, await pause(100)) if ((await relay.births(room)) > births) return true;
  return false;
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
} satisfies Record<string, SeatFault>;

export const ROOM_FAULTS = {
  "object aborted": async ({ name, seats }, { relay }) => {
    const { generation } = relay;
    const births = await relay.births(name);
    const noticed = isNoticed(seats, 10_000);
    await relay.abort(name);
    const isBorn = await isBornAgain(relay, name, births);
    return (await noticed) && relay.generation === generation && isBorn;
  },

  "object drained": async ({ name, seats }, { relay, random }) => {
    const noticed = isNoticed(seats, 10_000);
    await relay.drain(name, Math.floor(random() * 1_000));
    return noticed;
  },

  "evicted by hibernation": async (room, { relay, drained }) => {
    const { generation } = relay;
    const births = await relay.births(room.name);
    room.isSilent = true;
    await drained(room);
    const sockets = room.seats.map(({ seen }) => seen.reconnecting);
    await pause(SILENCE_MS);
    room.isSilent = false;
    const isBorn = await isBornAgain(relay, room.name, births);
    const areSocketsOld = room.seats.every(({ seen }, index) => seen.reconnecting === sockets[index]);
    return relay.generation === generation && areSocketsOld && isBorn;
  },
} satisfies Record<string, RoomFault>;

export const RELAY_FAULTS = {
  "relay killed": async ({ relay, rooms, random }) => {
    const noticed = isNoticed(
      rooms.flatMap(({ seats }) => seats),
      10_000,
    );
    await relay.kill();
    await pause(random() * 1_000);
    await relay.restart();
    return noticed;
  },

  "relay's clock jumps": async ({ relay, rooms, random }) => {
    // Back to the right time, or away from it, either way.
    const { clockOffset } = relay;
    const by = clockOffset === 0 ? CLOCK_JUMP_MS * (random() < 0.5 ? 1 : -1) : -clockOffset;
    await relay.moveClock(
      by,
      rooms.map(({ name }) => name),
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
export type RelayFaultName = keyof typeof RELAY_FAULTS;
export type FaultName = SeatFaultName | RoomFaultName | RelayFaultName;
