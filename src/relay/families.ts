import {
  CONNECTION_TYPES,
  type ConnectionType,
  type ConnectionTypeName,
  connectionTypeName,
} from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";

export interface FamilyStatistics {
  /** Over the life of the room. */
  readonly opened: number;
  /** Just now, in any state. */
  readonly active: number;
  readonly packets: number;
  readonly bytes: number;
}

export type Families = Readonly<Record<ConnectionTypeName, FamilyStatistics>>;

type Counts = Record<keyof FamilyStatistics, number>;

/** What has come to members of groups, which need no connection; each copy is one packet (rule G7). */
export interface GroupStatistics {
  packets: number;
  bytes: number;
}

/** Numbers of each family in a packed row: opened, packets, bytes. There are four families, for good. */
const PER_FAMILY = 3;
const OF_FAMILIES = PER_FAMILY * CONNECTION_TYPES.length;

/**
 * What the connections of each type have carried. Of open ones that stands in their own records, and is added up when it is
 * asked for: a packet costs nothing here.
 *
 * On disk are sums over open and closed connections alike, so that what a connection carried is not lost when it is deleted
 * after the counters were saved; what the closed ones have of it is the rest (`settle`).
 */
export class FamilyCounters {
  /** `opened` of all, `packets` and `bytes` of those that are closed. */
  #past = CONNECTION_TYPES.map(none);
  readonly groups: GroupStatistics = { packets: 0, bytes: 0 };

  opened({ type }: P2PConnection): void {
    this.#of(type).opened++;
  }

  closed({ type, packetsRelayed, bytesRelayed }: P2PConnection): void {
    const past = this.#of(type);
    past.packets += packetsRelayed;
    past.bytes += bytesRelayed;
  }

  /** Connections opened, of all types. */
  get totalOpened(): number {
    return this.#past.reduce((sum, { opened }) => sum + opened, 0);
  }

  /** `open`: all that are. O(connections). */
  statistics(open: Iterable<P2PConnection>): Families {
    const sums = this.#sums(open);
    return Object.fromEntries(
      CONNECTION_TYPES.map((type, index) => [connectionTypeName(type), sums[index]]),
    ) as unknown as Families;
  }

  get size(): number {
    return OF_FAMILIES + 2;
  }

  /** Writes how many numbers there are, then the numbers, at `at`; returns where the next thing goes. */
  write(packed: Float64Array, at: number, open: Iterable<P2PConnection>): number {
    packed[at] = this.size;
    packed.set(
      this.#sums(open).flatMap(({ opened, packets, bytes }) => [opened, packets, bytes]),
      at + 1,
    );
    packed.set([this.groups.packets, this.groups.bytes], at + 1 + OF_FAMILIES);
    return at + 1 + this.size;
  }

  /** Reads what `write`, of this release or of one that counted less or more, has written. `settle` must follow. */
  read(packed: Float64Array, at: number): number {
    const stored = packed[at] ?? 0;
    const number = (index: number): number => (index < stored ? (packed[at + 1 + index] ?? 0) : 0);
    this.#past = CONNECTION_TYPES.map((_, index) => {
      const first = index * PER_FAMILY;
      return { opened: number(first), active: 0, packets: number(first + 1), bytes: number(first + 2) };
    });
    this.groups.packets = number(OF_FAMILIES);
    this.groups.bytes = number(OF_FAMILIES + 1);
    return at + 1 + stored;
  }

  /**
   * What was read included `open`, the connections that there still are. A row of a release that did not count families
   * has less than they carried: then they are all that is known.
   */
  settle(open: Iterable<P2PConnection>): void {
    for (const { type, packetsRelayed, bytesRelayed } of open) {
      const past = this.#of(type);
      past.active++;
      past.packets -= packetsRelayed;
      past.bytes -= bytesRelayed;
    }
    for (const past of this.#past) {
      past.opened = Math.max(past.opened, past.active);
      past.packets = Math.max(past.packets, 0);
      past.bytes = Math.max(past.bytes, 0);
      past.active = 0;
    }
  }

  #sums(open: Iterable<P2PConnection>): Counts[] {
    const sums = this.#past.map((past) => ({ ...past }));
    for (const { type, packetsRelayed, bytesRelayed } of open) {
      const sum = sums[type] as Counts;
      sum.active++;
      sum.packets += packetsRelayed;
      sum.bytes += bytesRelayed;
    }
    return sums;
  }

  #of(type: ConnectionType): Counts {
    return this.#past[type] as Counts;
  }
}

function none(): Counts {
  return { opened: 0, active: 0, packets: 0, bytes: 0 };
}
