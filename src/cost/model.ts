/** From one room that was measured to a game with many. Times in hours unless a name says otherwise. */
import { type Bill, type FreeTier, type Usage, freeTierOf, monthlyBill, plus, priceOf, times } from "./bill.ts";
import { OBJECT_MESSAGES_PER_SECOND, TURN, VPS } from "./prices.ts";

export const DAYS_PER_MONTH = 365 / 12;

/** What one room did while it was watched. */
export interface MeasuredRoom {
  readonly players: number;
  /** How long they played. */
  readonly seconds: number;
  /** Of the room's object and of the app's directory, in those seconds. */
  readonly playing: Usage;
  /** All that joining, connecting and leaving took, of all players together. */
  readonly comingAndGoing: Usage;
  /** Packets and their payload that arrived at players. */
  readonly packets: number;
  readonly payloadBytes: number;
  /** Of the room's database, when all had left. */
  readonly storedBytes: number;
  /** Messages that the room's object took in a second. */
  readonly messagesPerSecond: number;
}

export interface Game {
  /** Who play at the same time. */
  readonly players: number;
  /** For how many hours of each day they do. */
  readonly hoursPerDay: number;
  /** How long a player stays in a room. */
  readonly sessionMinutes: number;
}

export interface Estimate {
  readonly rooms: number;
  /** While they play, without what any plan includes. */
  readonly perHour: Bill;
  readonly per1000PlayerHours: number;
  readonly perGigabyteRelayed: number;
  /** With the plan's fee, less what it includes. */
  readonly perMonth: Bill & { readonly storage: number };
  readonly messagesPerPlayerSecond: number;
  /** Share of the messages that an object is meant to take; above 1 one room is too much for it. */
  readonly utilisation: number;
  readonly gigabytesPerMonth: number;
  /** `roomHours`: for how long it carries one room each day. */
  readonly freeTier: Pick<FreeTier, "endsBy"> & { readonly roomHours: number };
}

export function estimate(room: MeasuredRoom, game: Game): Estimate {
  const rooms = Math.ceil(game.players / room.players);
  const anHour = times(roomHour(room, game), rooms);
  const perHour = priceOf(anHour);
  const aDay = times(anHour, game.hoursPerDay);
  const gigabytesPerHour = (room.payloadBytes / room.seconds / 1e9) * 3600 * rooms;
  const stored = (rooms * room.storedBytes) / 1e9;
  const freeTier = freeTierOf(aDay);
  return {
    rooms,
    perHour,
    per1000PlayerHours: (perHour.total / (rooms * room.players)) * 1000,
    perGigabyteRelayed: perHour.total / gigabytesPerHour,
    perMonth: monthlyBill(times(aDay, DAYS_PER_MONTH), stored),
    messagesPerPlayerSecond: room.playing.messages / room.seconds / room.players,
    utilisation: room.messagesPerSecond / OBJECT_MESSAGES_PER_SECOND,
    gigabytesPerMonth: gigabytesPerHour * game.hoursPerDay * DAYS_PER_MONTH,
    freeTier: { endsBy: freeTier.endsBy, roomHours: freeTier.fits * rooms * game.hoursPerDay },
  };
}

/** One room that is full all the time, with players who come and go. */
function roomHour(room: MeasuredRoom, { sessionMinutes }: Game): Usage {
  const playing = times(room.playing, 3600 / room.seconds);
  return plus(playing, times(room.comingAndGoing, 60 / sessionMinutes));
}

export interface Alternatives {
  readonly turnPerMonth: number;
  readonly turnPerGigabyte: number;
  readonly machines: number;
  readonly machinesPerMonth: number;
}

/** The same packets over TURN, and over rented machines that run this relay. */
export function alternatives(room: MeasuredRoom, game: Game): Alternatives {
  const rooms = Math.ceil(game.players / room.players);
  const secondsPerMonth = game.hoursPerDay * 3600 * DAYS_PER_MONTH;
  const packetsPerSecond = (room.packets / room.seconds) * rooms;
  const bytesPerSecond = (room.payloadBytes / room.seconds) * rooms;
  const turnGigabytes = ((bytesPerSecond + packetsPerSecond * TURN.bytesPerPacket) * secondsPerMonth) / 1e9;
  const gigabytes = (bytesPerSecond * secondsPerMonth) / 1e9;
  const turnPerMonth = Math.max(0, turnGigabytes - TURN.includedGigabytesPerMonth) * TURN.perGigabyte;
  const machines = Math.max(1, Math.ceil(packetsPerSecond / VPS.packetsPerSecond));
  const beyond = Math.max(0, gigabytes - machines * VPS.includedGigabytesPerMonth);
  return {
    turnPerMonth,
    turnPerGigabyte: (turnGigabytes / gigabytes) * TURN.perGigabyte,
    machines,
    machinesPerMonth: machines * VPS.perMonth + beyond * VPS.perGigabyteBeyond,
  };
}
