/** What a day means for objects: messages against what one is meant to take, and what Cloudflare bills of it. */
import { type Usage, NOTHING, priceOf } from "../../src/cost/bill.ts";
import { OBJECT_MESSAGES_PER_SECOND, PRICES } from "../../src/cost/prices.ts";
import { DAY_MINUTES } from "./players.ts";
import { ROOM_SIZE } from "./rooms.ts";
import { type Day, type Strategy, STRATEGIES } from "./world.ts";

export interface Load {
  readonly strategy: Strategy;
  /** When most players are there. */
  readonly objectsAtPeak: number;
  /** If so many players as the whole day has were there at once. */
  readonly objectsForAllAtOnce: number;
  /** Messages in a second of the busiest object, and its share of what an object is meant to take. */
  readonly busiestPerSecond: number;
  readonly utilisation: number;
  /** Over the day. */
  readonly messagesFromPlayers: number;
  readonly messagesOverTrunks: number;
  readonly dollarsPerDay: number;
  readonly dollarsPer1000PlayerHours: number;
}

/** `perPlayerSecond`: messages, as they were counted on a relay. */
export function loadsOf(day: Day, players: number, perPlayerSecond: number): Load[] {
  return STRATEGIES.map((strategy) => loadOf(strategy, day, players, perPlayerSecond));
}

function loadOf(strategy: Strategy, day: Day, players: number, perPlayerSecond: number): Load {
  const { peak, playerMinutes } = day;
  const { objects, minutes, busiestPlayers } = objectsOf(strategy, day);
  const messagesFromPlayers = playerMinutes * 60 * perPlayerSecond;
  const messagesOverTrunks = strategy === "shard + trunk" ? day.trunkMinutes * 60 * perPlayerSecond : 0;
  const usage: Usage = {
    ...NOTHING,
    calls: players, // joins
    messages: messagesFromPlayers + messagesOverTrunks,
    gigabyteSeconds: minutes * 60 * PRICES.gigabytesPerObject,
  };
  const dollarsPerDay = priceOf(usage).total;
  return {
    strategy,
    objectsAtPeak: objects,
    objectsForAllAtOnce: strategy === "one object per app" ? 1 : Math.round((objects * players) / peak.players),
    busiestPerSecond: busiestPlayers * perPlayerSecond,
    utilisation: (busiestPlayers * perPlayerSecond) / OBJECT_MESSAGES_PER_SECOND,
    messagesFromPlayers,
    messagesOverTrunks,
    dollarsPerDay,
    dollarsPer1000PlayerHours: (dollarsPerDay / (playerMinutes / 60)) * 1000,
  };
}

/** A shard hears its own players, and over trunks those of the room's other shards: all of the room, as a room's object does. */
function objectsOf(strategy: Strategy, day: Day): { objects: number; minutes: number; busiestPlayers: number } {
  const { peak, roomMinutes, shardMinutes } = day;
  switch (strategy) {
    case "one object per app":
      return { objects: 1, minutes: DAY_MINUTES, busiestPlayers: peak.players };
    case "room at the first player":
      return { objects: sum(peak.rooms), minutes: roomMinutes, busiestPlayers: ROOM_SIZE };
    case "shard + trunk":
      return { objects: sum(peak.shards), minutes: shardMinutes, busiestPlayers: ROOM_SIZE };
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
