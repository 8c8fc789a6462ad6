/**
 * One day: players come, are put into rooms, and go. For each pair that meets in a room, how long a packet takes from one to
 * the other is counted for three ways of placing objects, all in the same day.
 */
import { type Random, seededRandom } from "../../src/client/simulator/index.ts";
import { EventQueue } from "./event-queue.ts";
import { readMatrix } from "./latency.ts";
import { ObjectCounts } from "./object-counts.ts";
import { AREAS, HINTS, PLACES } from "./places.ts";
import { type PlayerOptions, type Players, drawPlayers } from "./players.ts";
import { type GameRoom, Lobby } from "./rooms.ts";
import { type Latencies, Tally } from "./tally.ts";
import { Ways } from "./ways.ts";

export interface WorldOptions extends PlayerOptions {
  readonly seed: number;
  /** Of matches, each between half and one and a half of it. */
  readonly meanMatchMinutes: number;
  /** Of the players: who play with people from anywhere, and not of their area. */
  readonly worldwideShare: number;
}

export const STRATEGIES = ["one object per app", "room at the first player", "shard + trunk"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Day {
  /** Where the one object per app is: the nearest to all players on average, which is the best that can befall it. */
  readonly appHint: string;
  readonly latency: Readonly<Record<Strategy, Latencies>>;
  readonly peak: {
    readonly atMinute: number;
    readonly players: number;
    /** By hint. */
    readonly rooms: readonly number[];
    readonly shards: readonly number[];
  };
  readonly playerMinutes: number;
  readonly roomMinutes: number;
  readonly shardMinutes: number;
  /** Player-minutes times the other shards of the player's room: what has to cross a trunk. */
  readonly trunkMinutes: number;
  readonly roomsOpened: number;
}

export function simulateDay(options: WorldOptions): Day {
  return new World(options).run();
}

class World {
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #players: Players;
  readonly #ways: Ways;
  readonly #lobby = new Lobby();
  /** By player, while there. */
  readonly #roomOf: (GameRoom | undefined)[] = [];
  readonly #tallies = STRATEGIES.map(() => new Tally());
  readonly #rooms = new ObjectCounts();
  readonly #shards = new ObjectCounts();
  readonly #appHint: number;
  #present = 0;
  #playerMinutes = 0;
  #trunkPairs = 0;
  #trunkMinutes = 0;
  #lastAt = 0;
  #roomsOpened = 0;
  #peak = { atMinute: 0, players: 0, rooms: [] as readonly number[], shards: [] as readonly number[] };

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#players = drawPlayers(options, this.#random);
    this.#ways = new Ways(readMatrix(), this.#players);
    this.#appHint = this.#ways.middle();
  }

  run(): Day {
    const queue = new EventQueue();
    const { arriveAt, patienceMinutes } = this.#players;
    // An event is a player's number when it comes, and the number's complement when it goes.
    arriveAt.forEach((at, player) => queue.add(at, player));
    for (let now = queue.nextAt, event = queue.take(); event !== undefined; now = queue.nextAt, event = queue.take()) {
      this.#pass(now);
      if (event < 0) this.#leave(~event, now);
      else {
        const { endsAt } = this.#come(event, now);
        queue.add(Math.min(endsAt, now + patienceMinutes[event]!), ~event);
      }
    }
    return this.#summary();
  }

  #pass(now: number): void {
    const minutes = now - this.#lastAt;
    this.#playerMinutes += this.#present * minutes;
    this.#trunkMinutes += this.#trunkPairs * minutes;
    this.#lastAt = now;
  }

  #come(player: number, now: number): GameRoom {
    const room = this.#roomFor(player, now);
    for (const other of room.members) this.#meet(room, player, other);
    this.#changeMembers(room, now, () => room.members.push(player));
    this.#roomOf[player] = room;
    this.#present++;
    if (this.#present > this.#peak.players) {
      const [rooms, shards] = [this.#rooms.byHint, this.#shards.byHint];
      this.#peak = { atMinute: now, players: this.#present, rooms, shards };
    }
    return room;
  }

  #roomFor(player: number, now: number): GameRoom {
    const isWorldwide = this.#random() < this.#options.worldwideShare;
    const place = this.#players.place[player]!;
    const pool = isWorldwide ? "world" : PLACES[place]!.area;
    const found = this.#lobby.find(pool, now);
    if (found) return found;
    const endsAt = now + this.#options.meanMatchMinutes * (0.5 + this.#random());
    const room: GameRoom = { createdAt: now, endsAt, hint: this.#ways.hintOf(player), isWorldwide, members: [] };
    this.#lobby.opened(pool, room);
    this.#rooms.change(now, room.hint, 1);
    this.#roomsOpened++;
    return room;
  }

  #meet(room: GameRoom, a: number, b: number): void {
    const ways = this.#ways;
    const found = [ways.through(this.#appHint, a, b), ways.through(room.hint, a, b), ways.overTrunk(a, b)];
    const areas = this.#areas(a, b);
    this.#tallies.forEach((tally, strategy) => tally.add(found[strategy]!, room, areas));
  }

  #areas(a: number, b: number): string {
    const index = (player: number): number => AREA_OF[this.#players.place[player]!]!;
    const [first, second] = [Math.min(index(a), index(b)), Math.max(index(a), index(b))];
    return AREA_PAIRS[first * AREAS.length + second]!;
  }

  #leave(player: number, now: number): void {
    const room = this.#roomOf[player]!;
    this.#roomOf[player] = undefined;
    this.#changeMembers(room, now, () => room.members.splice(room.members.indexOf(player), 1));
    this.#present--;
    if (room.members.length === 0) this.#rooms.change(now, room.hint, -1);
  }

  /** A room's shards are the objects that are nearest to somebody in it. */
  #changeMembers(room: GameRoom, now: number, change: () => void): void {
    const before = this.#shardsOf(room);
    this.#trunkPairs -= room.members.length * Math.max(0, before.size - 1);
    change();
    const after = this.#shardsOf(room);
    this.#trunkPairs += room.members.length * Math.max(0, after.size - 1);
    for (const hint of before) if (!after.has(hint)) this.#shards.change(now, hint, -1);
    for (const hint of after) if (!before.has(hint)) this.#shards.change(now, hint, 1);
  }

  #shardsOf({ members }: GameRoom): Set<number> {
    return new Set(members.map((player) => this.#ways.hintOf(player)));
  }

  #summary(): Day {
    const latency = STRATEGIES.map((strategy, i) => [strategy, this.#tallies[i]!.summary()] as const);
    return {
      appHint: HINTS[this.#appHint]!.name,
      latency: Object.fromEntries(latency) as Record<Strategy, Latencies>,
      peak: this.#peak,
      playerMinutes: this.#playerMinutes,
      roomMinutes: this.#rooms.minutes(this.#lastAt),
      shardMinutes: this.#shards.minutes(this.#lastAt),
      trunkMinutes: this.#trunkMinutes,
      roomsOpened: this.#roomsOpened,
    };
  }
}

const AREA_OF = PLACES.map(({ area }) => AREAS.indexOf(area));
/** By the areas' numbers, the smaller times the count of areas plus the larger. */
const AREA_PAIRS = AREAS.flatMap((a) => AREAS.map((b) => (a === b ? a : `${a} – ${b}`)));
