import { PROBE_UNKNOWN, type Probe, probeSize, writeProbe } from "../../protocol/index.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { type Random, seededRandom } from "./random.ts";

/** As Steam does: every 5 to 7 s, so that the probes of many connections drift apart. */
const INTERVAL_MS = 5000;
const INTERVAL_SPREAD_MS = 2000;
/** A question waits for its time only among traffic: one on its own, seconds later, would wake a relay that sleeps. */
const TRAFFIC_MS = 1000;
/** While something hangs on the answer. */
const URGENT_INTERVAL_MS = 500;
/**
 * Where data has left within this time more will soon: what is due waits as long for a message to share. A message costs the
 * relay, and whoever pays for it, the same whatever is in it.
 */
const COMPANY_MS = 100;
/** `held` on the wire. */
const HELD_PER_MS = 10;
/** Under way at the same time. */
const MAX_QUESTIONS = 10;
const QUALITY_SCALE = 10_000;
/** Weight of a new measurement in the ping. */
const SMOOTHING = 1 / 4;

/** -1 for unknown. */
export function qualityOnWire(quality: number): number {
  return quality < 0 ? PROBE_UNKNOWN : Math.round(quality * QUALITY_SCALE);
}

/** A question that is under way. */
interface Question {
  readonly stamp: number;
  readonly at: number;
  readonly batch: number;
}

/** What a probe tells the other end, and what it is to find out. */
export interface LocalView {
  readonly handle: number;
  /** 0 to 1; -1 unknown. */
  readonly quality: number;
  /** The last batch that left. */
  readonly batch: number;
}

/** The other end's question, which is to be answered. */
interface Owed {
  readonly stamp: number;
  readonly at: number;
}

/** What an answer told. */
export interface Answered {
  readonly rtt: number;
  /** On an ordered transport, everything that left in a batch up to this one has arrived or is lost. */
  readonly batch: number;
}

/** Round trips and the other end's view, measured only while there is traffic: an idle connection costs nothing. */
export class Probes {
  /** Smoothed round trip in ms; undefined until measured. */
  ping: number | undefined;
  /** The other end's quality, 0 to 1; -1 while unknown. */
  qualityRemote = -1;

  readonly #random: Random;
  #nextAt = 0;
  /** ms until which data that was sent or received since the last question counts as traffic. */
  #activeUntil = Infinity;
  #askedAt = -Infinity;
  #questions: Question[] = [];
  #answer: Owed | undefined;
  /** When data was last sent. */
  #sentAt = -Infinity;
  #lastRtt: number | undefined;
  #jitter = -1;
  #maxJitter = -1;

  readonly #isPatient: boolean;

  /** `isPatient`: nothing is lost on the way, so nothing hangs on a probe that waits for company. */
  constructor(seed: number, isPatient: boolean) {
    this.#random = seededRandom(seed);
    this.#isPatient = isPatient;
  }

  get owesAnswer(): boolean {
    return this.#answer !== undefined;
  }

  /** Data is sent. */
  touch(now: number): void {
    this.#sentAt = now;
    this.#activeUntil = Math.max(this.#activeUntil, now + TRAFFIC_MS);
  }

  /** Asks as soon as possible. */
  hasten(): void {
    this.#nextAt = 0;
    this.#activeUntil = Infinity;
  }

  /** Answers to what was asked so far do not count any more. */
  restart(): void {
    this.#questions = [];
    this.hasten();
  }

  /**
   * `isUrgent`: something hangs on the answer. `isWaiting`: the other end owes an acknowledgement. `hasCompany`: a message
   * leaves now, whatever is due.
   */
  nextDeadline(isUrgent: boolean, isWaiting: boolean, hasCompany: boolean): number {
    if (this.#answer) return hasCompany ? 0 : this.#withCompany(this.#answer.at);
    const due = hasCompany ? this.#nextAt : this.#withCompany(this.#nextAt);
    const regular = isWaiting || this.#nextAt <= this.#activeUntil ? due : Infinity;
    return isUrgent ? Math.min(regular, this.#askedAt + URGENT_INTERVAL_MS) : regular;
  }

  /** Writes the answer that is owed, else a question. False when it does not fit the batch. */
  write(writer: FrameWriter, budget: number, now: number, view: LocalView): boolean {
    const owed = this.#answer;
    const held = owed ? Math.min(Math.round((now - owed.at) * HELD_PER_MS), 0xffff) : 0;
    const stamp = owed?.stamp ?? now >>> 0;
    const quality = qualityOnWire(view.quality);
    const jitter = this.#jitter < 0 ? PROBE_UNKNOWN : Math.min(Math.round(this.#jitter), PROBE_UNKNOWN - 1);
    const { handle, batch } = view;
    const probe = { handle, answer: this.owesAnswer, stamp, quality, jitter, ...(held > 0 && { held }) };
    const size = probeSize(probe);
    if (writer.length > 0 && writer.length + size > budget) return false;
    const at = writer.reserve(size);
    writeProbe(writer.view, at, probe);
    if (!owed) this.#asked(stamp, batch, now);
    this.#answer = undefined;
    return true;
  }

  /** Undefined when the probe was a question, or the answer to none that is open. */
  receive(probe: Probe, now: number): Answered | undefined {
    if (probe.quality !== PROBE_UNKNOWN) this.qualityRemote = Math.min(1, probe.quality / QUALITY_SCALE);
    if (!probe.answer) {
      this.#answer = { stamp: probe.stamp, at: now };
      return undefined;
    }
    const index = this.#questions.findIndex(({ stamp }) => stamp === probe.stamp);
    const question = this.#questions[index];
    if (!question) return undefined;
    this.#questions.splice(0, index + 1);
    // Resends are timed by round trips only where nothing waits: there nobody can shorten ours by what it claims.
    const held = this.#isPatient ? (probe.held ?? 0) / HELD_PER_MS : 0;
    const rtt = Math.max(0, now - question.at - held);
    this.#measured(rtt);
    return { rtt, batch: question.batch };
  }

  /** Largest difference of two successive round trips since the last call, in ms; -1 for none. */
  takeMaxJitter(): number {
    const jitter = this.#maxJitter;
    this.#maxJitter = -1;
    return jitter;
  }

  /** When to leave alone, if no message comes by that what was due at `at` could share. 0: at once. */
  #withCompany(at: number): number {
    const isExpected = this.#isPatient && at > 0 && at - this.#sentAt <= COMPANY_MS;
    return isExpected ? at + COMPANY_MS : at;
  }

  #asked(stamp: number, batch: number, now: number): void {
    this.#questions.push({ stamp, at: now, batch });
    if (this.#questions.length > MAX_QUESTIONS) this.#questions.shift();
    this.#askedAt = now;
    this.#nextAt = now + INTERVAL_MS + INTERVAL_SPREAD_MS * this.#random();
    this.#activeUntil = -Infinity;
  }

  #measured(rtt: number): void {
    if (this.#lastRtt !== undefined) this.#jitter = Math.abs(rtt - this.#lastRtt);
    this.#maxJitter = Math.max(this.#maxJitter, this.#jitter);
    this.#lastRtt = rtt;
    this.ping = this.ping === undefined ? rtt : this.ping + (rtt - this.ping) * SMOOTHING;
  }
}
