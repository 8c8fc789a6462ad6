/**
 * Who sent what to whom, and what became of it. A message names its flow and its place in it, and the rest follows from
 * these two: so one that is lost, repeated, overtaken, corrupted or misdelivered cannot pass.
 */
import { seededRandom } from "../../src/client/simulator/index.ts";

export const FAMILIES = ["sockets", "messages", "p2p", "old"] as const;
export type Family = (typeof FAMILIES)[number];

/** Lanes, or channels where a family has those. */
export const LANES: Readonly<Record<Family, number>> = { sockets: 3, messages: 2, p2p: 2, old: 1 };
/** `u16 flow · u32 index · u16 check`, the smallest message there is. */
const HEADER = 8;
const MAX_FLOWS = 0xffff;
const MAX_SMALL = 1_100;
const NOISE = 128 * 1024;
const MAX_VIOLATIONS = 50;

/** The messages of one end of one connection in one lane, as long as that connection lives. */
export interface Flow {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly family: Family;
  readonly lane: number;
  readonly isReliable: boolean;
  /** Over the simulator unreliable messages come at most once, and in any order. */
  readonly isLossy: boolean;
  /** What earlier connections between the two sent in this lane: so that progress can be told across connections. */
  readonly base: number;
  /** Taken by the sender's connection. Those that are reliable have to arrive, or the sender be told that it ended. */
  sent: number;
  /** The next that may come. */
  received: number;
  /** Unreliable only: those that came. */
  readonly arrived: Set<number>;
}

export type Route = Pick<Flow, "from" | "to" | "family" | "lane" | "isReliable">;

export class Ledger {
  readonly flows: Flow[] = [];
  readonly violations: string[] = [];
  /** Nothing wrong, and worth knowing. */
  readonly notes: string[] = [];
  readonly counts = { duplicated: 0, outOfOrder: 0, corrupted: 0 };
  readonly #seed: number;
  readonly #noise = new Uint8Array(NOISE);
  /** By route: the newest flow. */
  readonly #newest = new Map<string, Flow>();

  constructor(seed: number) {
    this.#seed = seed;
    const random = seededRandom(seed);
    for (let i = 0; i < NOISE; i++) this.#noise[i] = random() * 256;
  }

  open(route: Route, isLossy: boolean): Flow {
    const id = this.flows.length;
    if (id > MAX_FLOWS) throw new Error("too many flows for the header of a message");
    const earlier = this.newest(route);
    const base = earlier ? earlier.base + earlier.sent : 0;
    const flow: Flow = { ...route, isLossy, id, base, sent: 0, received: 0, arrived: new Set() };
    this.flows.push(flow);
    this.#newest.set(routeKey(route), flow);
    return flow;
  }

  newest(route: Route): Flow | undefined {
    return this.#newest.get(routeKey(route));
  }

  /** The flow's next message. It counts as sent when the caller says so. */
  next(flow: Flow): Uint8Array {
    return this.#message(flow, flow.sent);
  }

  /** A message that has come out of a connection. Shorter ones than a header are greetings. */
  check(bytes: Uint8Array, at: Omit<Route, "from" | "isReliable">): void {
    if (bytes.length < HEADER) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const flow = this.flows[view.getUint16(0)];
    const index = view.getUint32(2);
    const isTheirs = flow && flow.to === at.to && flow.family === at.family && flow.lane === at.lane;
    if (!isTheirs || index >= flow.sent || Buffer.compare(bytes, this.#message(flow, index)) !== 0) {
      this.counts.corrupted++;
      return this.violated(`corrupted or misdelivered: ${bytes.length} bytes, index ${index}, ${describe(flow)}`);
    }
    if (flow.isReliable && index === flow.received) flow.received++;
    else if (!flow.isReliable && !flow.arrived.has(index) && (flow.isLossy || index >= flow.received)) {
      flow.arrived.add(index);
      flow.received = Math.max(flow.received, index + 1);
    } else this.#outOfPlace(flow, index);
  }

  violated(what: string): void {
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(what);
  }

  sum(pick: (flow: Flow) => number, isReliable = true): number {
    return this.flows.reduce((total, flow) => total + (flow.isReliable === isReliable ? pick(flow) : 0), 0);
  }

  #outOfPlace(flow: Flow, index: number): void {
    const isRepeated = index < flow.received;
    if (isRepeated) this.counts.duplicated++;
    else this.counts.outOfOrder++;
    const what = isRepeated ? "came again, or late" : "came before its turn";
    this.violated(`${index} ${what} where ${flow.received} was due: ${describe(flow)}`);
    if (!isRepeated) flow.received = index + 1; // one gap is one violation, not one for each message after it
  }

  #message(flow: Flow, index: number): Uint8Array {
    const hash = mix(this.#seed ^ Math.imul(flow.id + 1, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
    const bytes = new Uint8Array(sizeOf(hash, flow.isReliable && flow.family !== "old"));
    bytes.set(this.#noise.subarray(hash % 0xffff, (hash % 0xffff) + bytes.length - HEADER), HEADER);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, flow.id);
    view.setUint32(2, index);
    view.setUint16(6, hash >>> 16);
    return bytes;
  }
}

export function describe(flow: Flow | undefined): string {
  if (!flow) return "no flow";
  const kind = flow.isReliable ? "reliable" : "unreliable";
  return `flow ${flow.id}, ${flow.family} lane ${flow.lane}, ${kind}, peer ${flow.from} to ${flow.to}, ${flow.sent} sent, ${flow.received} received`;
}

/** Mostly small; one of a hundred above 2 KiB, one of a thousand 32 to 64 KiB. */
function sizeOf(hash: number, mayBeLarge: boolean): number {
  const kind = hash % 1_000;
  const spread = hash >>> 10;
  if (kind < 900) return HEADER + (spread % 33);
  if (kind < 990 || !mayBeLarge) return 100 + (spread % (MAX_SMALL - 100));
  return kind < 999 ? 2_048 + (spread % 14_336) : 32_768 + (spread % 32_769);
}

function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function routeKey({ from, to, family, lane, isReliable }: Route): string {
  return `${from}/${to}/${family}/${lane}/${isReliable}`;
}
