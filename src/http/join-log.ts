/** A line for each join, and for refused ones as many as somebody can read: a flood of them is a number. */
import type { PeerId } from "../protocol/index.ts";
import type { Log } from "../relay/ports.ts";
import type { ClientGeo, RoomAddress } from "./gateway.ts";
import { type ProblemCode, problemCode } from "./problem.ts";
import { roomName } from "./room-name.ts";

/** Of each reason. */
export const REFUSALS_LOGGED_PER_MINUTE = 10;
const MINUTE_MS = 60_000;

/** What became of a request to join, and as much of who asked as it came to be known before it was refused. */
export interface JoinAttempt {
  readonly response: Response;
  readonly address?: RoomAddress;
  readonly peer?: PeerId;
  /** Asked for only where nothing but the room can refuse any more. */
  readonly geo?: ClientGeo;
}

/**
 * Of this isolate, or process. Nothing wakes it: the sum of a minute is logged with the first join after it, refused or
 * not. What a room has refused is counted in its statistics as well, exactly.
 */
export class JoinLog {
  readonly #log: Log;
  readonly #refused = new Map<ProblemCode, number>();
  #minute = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  ended({ response, address, peer, geo }: JoinAttempt, now: number): void {
    this.#sumUp(Math.floor(now / MINUTE_MS));
    const reason = problemCode(response);
    const where = { ...(address && { room: roomName(address) }), ...(peer !== undefined && { peer: String(peer) }) };
    if (reason === undefined) {
      this.#log({ level: "info", event: "join", ...where, colo: geo?.colo, country: geo?.country });
    } else if (this.#count(reason) <= REFUSALS_LOGGED_PER_MINUTE) {
      this.#log({ level: "info", event: "join_refused", reason, ...where });
    }
  }

  #count(reason: ProblemCode): number {
    const count = (this.#refused.get(reason) ?? 0) + 1;
    this.#refused.set(reason, count);
    return count;
  }

  #sumUp(minute: number): void {
    if (minute === this.#minute) return;
    this.#minute = minute;
    for (const [reason, count] of this.#refused) {
      const unlogged = count - REFUSALS_LOGGED_PER_MINUTE;
      if (unlogged > 0) this.#log({ level: "warn", event: "joins_refused", reason, count, unlogged });
    }
    this.#refused.clear();
  }
}
