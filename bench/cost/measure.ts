/** Two rooms of the same game on one relay, tick by tick the same: our clients in one, naive ones in the other. */
import { type Usage, minus, plus } from "../../src/cost/bill.ts";
import type { MeasuredRoom } from "../../src/cost/model.ts";
import { seededRandom } from "../../src/client/simulator/index.ts";
import { MeteredRelay, type Readings, roomObject, usageOf } from "./metered-relay.ts";
import { TableOfPlayers } from "./table-of-players.ts";

export interface Scenario {
  readonly players: number;
  readonly ticksPerSecond: number;
  /** Bytes of a packet; each player sends one to everybody else in each tick. */
  readonly payload: number;
  readonly seconds: number;
}

export interface Measured {
  readonly room: MeasuredRoom;
  /** Share of the time played in which the object could not have hibernated. */
  readonly awakeShare: number;
  /** Messages by three countings that must agree: the platform's, the relay's, the clients'. */
  readonly counted: { readonly platform: number; readonly relay: number; readonly clients: number };
}

export interface Comparison {
  readonly scenario: Scenario;
  readonly ours: Measured;
  readonly naive: Measured;
}

/** Each with an app of its own, and so with a directory of its own. */
const OURS = { app: 480, room: "ours", isNaive: false };
const NAIVE = { app: 481, room: "naive", isNaive: true };
type Side = typeof OURS;

/** For the room to write down what has happened. */
const SETTLE_MS = 1_000;
/** For what is under way when the play ends, at most. What players say in the silence afterwards is no part of it. */
const LAND_MS = 5_000;
/** More would measure this process, which has all the players twice. */
export const MAX_PACKETS_PER_SECOND = 10_000;

export function packetsPerSecond({ players, ticksPerSecond }: Scenario): number {
  return players * (players - 1) * ticksPerSecond;
}

export async function measure(scenario: Scenario): Promise<Comparison> {
  await using relay = await MeteredRelay.start();
  const [ours, naive] = await Promise.all([gather(relay, OURS, scenario), gather(relay, NAIVE, scenario)]);
  await pause(SETTLE_MS);
  const before = await look(relay, ours, naive);
  await play([ours, naive], scenario);
  await land([ours, naive], packetsPerSecond(scenario) * scenario.seconds);
  const after = await look(relay, ours, naive);
  await Promise.all([ours.leave(), naive.leave()]);
  await pause(SETTLE_MS);
  const end = await look(relay, ours, naive);
  // When all have left nothing is under way any more.
  const counted = { ours: await count(relay, OURS, ours), naive: await count(relay, NAIVE, naive) };
  const spans = { before, after, end };
  return {
    scenario,
    ours: { ...measured(scenario, OURS, spans, 0), counted: counted.ours },
    naive: { ...measured(scenario, NAIVE, spans, 1), counted: counted.naive },
  };
}

function gather(relay: MeteredRelay, side: Side, { players, payload }: Scenario): Promise<TableOfPlayers> {
  return TableOfPlayers.gather({ ...side, url: relay.url, players, payload });
}

interface Look {
  readonly at: number;
  readonly readings: Readings;
  readonly tables: readonly { readonly packets: number; readonly payloadBytes: number }[];
}

async function look(relay: MeteredRelay, ...tables: readonly TableOfPlayers[]): Promise<Look> {
  const readings = await relay.read([OURS, NAIVE]);
  return { at: Date.now(), readings, tables: tables.map(({ packets, payloadBytes }) => ({ packets, payloadBytes })) };
}

/** Every player ticks at a moment of its own; its two selves in the same turn. */
async function play(tables: readonly TableOfPlayers[], scenario: Scenario): Promise<void> {
  const { players, ticksPerSecond, seconds } = scenario;
  const random = seededRandom(1);
  const period = 1_000 / ticksPerSecond;
  const ticks = Math.round(seconds * ticksPerSecond);
  const phases = Array.from({ length: players }, () => random() * period);
  await Promise.all(
    phases.map(async (phase, place) => {
      const beginning = performance.now() + phase;
      for (let tick = 0; tick < ticks; tick++) {
        await pause(Math.max(0, beginning + tick * period - performance.now()));
        for (const table of tables) table.send(place);
      }
    }),
  );
}

/** Until all has arrived. What never does is seen in the count of packets. */
async function land(tables: readonly TableOfPlayers[], packets: number): Promise<void> {
  for (const deadline = Date.now() + LAND_MS; Date.now() < deadline;) {
    if (tables.every((table) => table.packets >= packets)) return;
    await pause(10);
  }
}

async function count(relay: MeteredRelay, side: Side, table: TableOfPlayers): Promise<Measured["counted"]> {
  const clients = table.sent.count;
  const { [roomObject(side.app, side.room)]: reading } = await relay.read([side]);
  const inRelay = await relay.messagesCounted(side.app, side.room);
  return { platform: reading?.messages ?? 0, relay: inRelay, clients };
}

type Spans = Readonly<Record<"before" | "after" | "end", Look>>;

function measured(scenario: Scenario, { app, room }: Side, spans: Spans, index: number): Omit<Measured, "counted"> {
  const { before, after, end } = spans;
  const at = (span: Look): Usage => usageOf(span.readings, app, room);
  const playing = minus(at(after), at(before));
  const own = roomObject(app, room);
  const awakeMs = (span: Look): number => span.readings[own]?.awakeMs ?? 0;
  const [first, last] = [before.tables[index], after.tables[index]];
  return {
    awakeShare: (awakeMs(after) - awakeMs(before)) / (after.at - before.at),
    room: {
      players: scenario.players,
      seconds: scenario.seconds,
      playing,
      comingAndGoing: plus(at(before), minus(at(end), at(after))),
      packets: (last?.packets ?? 0) - (first?.packets ?? 0),
      payloadBytes: (last?.payloadBytes ?? 0) - (first?.payloadBytes ?? 0),
      storedBytes: end.readings[own]?.storedBytes ?? 0,
      messagesPerSecond: playing.messages / scenario.seconds,
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
