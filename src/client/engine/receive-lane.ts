import { DataFlag, type DataHeader } from "../../protocol/index.ts";
import { Assembly } from "./assembly.ts";
import { advance, distance } from "./sequence.ts";

/** Unreliable messages that are this many numbers late are not told apart from repetitions any more, and dropped. */
const REMEMBERED = 1024;

/** A segment that came before the one that is expected next. */
export interface EarlySegment {
  readonly flags: number;
  readonly number: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** What is known of one lane of the other end. */
export class ReceiveLane {
  /** The next segment in order. */
  expected: number;
  isAckPending = false;
  readonly early = new Map<number, EarlySegment>();
  readonly assembly = new Assembly();
  /** The highest numbers that were seen. */
  #number: number;
  #sequence: number;
  /** Message numbers that were skipped since the last segment: its own gap is no further loss. */
  #skipped = 0;
  /** 1 for each unreliable message that was delivered, by its number modulo the length. */
  readonly #delivered = new Uint8Array(REMEMBERED);

  constructor(firstNumber: number) {
    this.expected = firstNumber;
    this.#number = this.#sequence = advance(firstNumber, -1);
  }

  /** Frames that should have come before this one and had not; -1 when it is itself late or repeated. */
  missedBefore({ flags, number, sequence }: DataHeader): number {
    const isReliable = (flags & DataFlag.Reliable) !== 0;
    const numbers = distance(number, this.#number);
    const segments = isReliable ? distance(sequence, this.#sequence) : 0;
    if (numbers > 0) this.#advanceTo(number, numbers);
    if (isReliable ? segments <= 0 : numbers <= 0) return -1;
    let missed = Math.max(0, numbers - 1);
    this.#skipped += missed;
    if (isReliable) {
      this.#sequence = sequence;
      missed += Math.max(0, segments - 1 - this.#skipped);
      this.#skipped = 0;
    }
    return missed;
  }

  /** False for an unreliable message that was delivered before, or so late that this is not known. */
  isFirst(number: number): boolean {
    if (distance(this.#number, number) >= REMEMBERED || this.#delivered[number % REMEMBERED]) return false;
    this.#delivered[number % REMEMBERED] = 1;
    return true;
  }

  /** The segment that is expected next, if it has come already. */
  takeEarly(): EarlySegment | undefined {
    const segment = this.early.get(this.expected);
    if (segment) this.early.delete(this.expected);
    return segment;
  }

  /** Bits for the segments behind the one that is expected next. */
  selective(): number {
    let bits = 0;
    if (this.early.size > 0)
      for (let i = 0; i < 32; i++) if (this.early.has(advance(this.expected, 1 + i))) bits |= 1 << i;
    return bits >>> 0;
  }

  #advanceTo(number: number, by: number): void {
    if (by >= REMEMBERED) this.#delivered.fill(0);
    else for (let i = 0; i < by; i++) this.#delivered[advance(number, -i) % REMEMBERED] = 0;
    this.#number = number;
  }
}
