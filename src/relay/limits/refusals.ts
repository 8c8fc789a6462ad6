/** The names under which refusals are counted. Both lists are an order on disk (counters.ts): they grow at their end. */
import type { ErrorName } from "../../protocol/index.ts";

/** Frames: every name of ERRORS (protocol/error-codes.ts), in the order in which they came to be. */
export const REFUSALS = [
  "malformed_frame",
  "truncated_batch",
  "unknown_frame",
  "unexpected_frame",
  "text_message",
  "hello_expected",
  "hello_repeated",
  "unsupported_version",
  "batch_too_large",
  "internal",
  "hello_timeout",
  "flooding",
  "unknown_handle",
  "not_connected",
  "payload_too_large",
  "connect_to_self",
  "invalid_argument",
  "illegal_state",
  "too_many_connections",
  "rate_limited",
  "unknown_mark",
  "unknown_group",
  "too_many_groups",
  "group_full",
] as const satisfies readonly ErrorName[];

/** Joins: why a room lets a peer not in (L3). */
export const JOIN_REFUSALS = [
  "room_full",
  "budget_exhausted",
  "peer_banned",
  "address_banned",
  "ticket_revoked",
  "too_many_sockets",
] as const;
export type JoinRefusalCode = (typeof JOIN_REFUSALS)[number];

export type Refusals = Readonly<Record<ErrorName, number>>;
export type JoinRefusals = Readonly<Record<JoinRefusalCode, number>>;

/** Counts by name, kept in the order of a list. */
export class Tally<Name extends string> {
  readonly #counts: Map<Name, number>;

  constructor(names: readonly Name[]) {
    this.#counts = new Map(names.map((name) => [name, 0]));
  }

  get size(): number {
    return this.#counts.size;
  }

  add(name: Name, amount = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount);
  }

  record(): Readonly<Record<Name, number>> {
    return Object.fromEntries(this.#counts) as Record<Name, number>;
  }

  /** Writes how many counts there are, then the counts, at `at`; returns where the next thing goes. */
  write(packed: Float64Array, at: number): number {
    packed[at] = this.#counts.size;
    packed.set([...this.#counts.values()], at + 1);
    return at + 1 + this.#counts.size;
  }

  /** Reads what `write`, of this release or of one with fewer or more names, has written. */
  read(packed: Float64Array, at: number): number {
    const stored = packed[at] ?? 0;
    let index = 0;
    for (const name of this.#counts.keys()) {
      this.#counts.set(name, index < stored ? (packed[at + 1 + index] ?? 0) : 0);
      index++;
    }
    return at + 1 + stored;
  }
}
