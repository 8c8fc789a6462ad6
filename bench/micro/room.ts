/**
 * What the rules alone cost: Room.receive fed with messages, without a platform. Nanoseconds and allocated bytes for each
 * frame that comes out, and for each message that goes in.
 *
 *     npm run bench:micro -- [case] [--json file]
 *     node --experimental-strip-types --no-warnings --expose-gc --cpu-prof --cpu-prof-dir=/tmp/profile bench/micro/room.ts mesh
 */
import { parseArgs } from "node:util";
import { DataFlag } from "../../src/protocol/index.ts";
import { ackFrame, batch, castFrame, dataFrame, multicastFrame } from "../../test/support/frames.ts";
import { writeResults } from "../recorded.ts";
import { spreadOf } from "../statistics.ts";
import { allocationOf } from "./allocation.ts";
import { type QuietPeer, QuietRoom } from "./quiet-room.ts";
import type { MicroCase } from "./recorded.ts";

interface Message {
  readonly from: QuietPeer;
  readonly bytes: Uint8Array;
}

interface Case {
  readonly name: string;
  readonly title: string;
  readonly peers: number;
  /** What arrives in one turn. */
  messages(peers: readonly QuietPeer[]): Message[];
  /** Frames that leave in one turn. */
  readonly frames: number;
}

const PAYLOAD = new Uint8Array(64).fill(7);

const CASES: readonly Case[] = [
  {
    name: "one",
    title: "a single packet",
    peers: 2,
    frames: 1,
    messages: ([a]) => [{ from: a!, bytes: frameTo(a!.handles[1]!) }],
  },
  {
    name: "mesh",
    title: "mesh of 8: a batch of 7, one to each",
    peers: 8,
    frames: 7,
    messages: ([a]) => [{ from: a!, bytes: batch(...a!.handles.filter(Boolean).map((handle) => frameTo(handle))) }],
  },
  {
    name: "run",
    title: "a batch of 7, all to one",
    peers: 2,
    frames: 7,
    messages: ([a]) => [{ from: a!, bytes: batch(...Array.from({ length: 7 }, () => frameTo(a!.handles[1]!))) }],
  },
  {
    name: "multicast",
    title: "multicast 1 → 64",
    peers: 65,
    frames: 64,
    messages: ([a]) => {
      const targets = a!.handles.filter(Boolean).map((handle) => ({ handle, number: 1, sequence: 0 }));
      return [{ from: a!, bytes: multicastFrame({ targets, payload: PAYLOAD }) }];
    },
  },
  {
    name: "group",
    title: "cast to a group, 1 → 64",
    peers: 65,
    frames: 64,
    messages: ([a]) => [{ from: a!, bytes: castFrame({ group: 1, payload: PAYLOAD }) }],
  },
  {
    name: "reliable",
    title: "a reliable packet, and its ack back",
    peers: 2,
    frames: 2,
    messages: ([a, b]) => [
      { from: a!, bytes: frameTo(a!.handles[1]!, DataFlag.Reliable) },
      { from: b!, bytes: ackFrame({ handle: b!.handles[0]!, lane: 0, cumulative: 1, selective: 0, window: 1 << 20 }) },
    ],
  },
];

const ROUNDS = 7;
const FRAMES_PER_ROUND = 700_000;
/** Few enough that the young generation holds them, enough that what measuring itself allocates does not show. */
const FRAMES_PER_ALLOCATION = 32_000;

const { values, positionals } = parseArgs({ options: { json: { type: "string" } }, allowPositionals: true });
const asked = CASES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (asked.length === 0) throw new Error(`There is no such case; there are ${CASES.map(({ name }) => name).join(", ")}`);
const cases: MicroCase[] = [];
for (const each of asked) cases.push(await measure(each));
print(cases);
if (values.json !== undefined) {
  writeResults(values.json, { cases });
}

function frameTo(handle: number, flags = 0): Uint8Array {
  return dataFrame({ handle, flags, payload: PAYLOAD });
}

async function measure({ name, title, peers, messages, frames }: Case): Promise<MicroCase> {
  const room = new QuietRoom(peers);
  const turn = messages(room.peers);
  const turns = Math.ceil(FRAMES_PER_ROUND / frames);
  const ns = spreadOf(Array.from({ length: ROUNDS }, () => nsPerTurn(room, turn, turns)));
  const few = Math.ceil(FRAMES_PER_ALLOCATION / frames);
  const { heap, buffers } = await allocationOf(() => play(room, turn, few));
  const perTurn = (heap + buffers) / few;
  return {
    name,
    title,
    nsPerFrame: { median: ns.median / frames, min: ns.min / frames, max: ns.max / frames },
    nsPerMessage: ns.median / turn.length,
    bytesPerFrame: perTurn / frames,
    bytesPerMessage: perTurn / turn.length,
    bufferBytesPerFrame: buffers / few / frames,
  };
}

function nsPerTurn(room: QuietRoom, turn: readonly Message[], turns: number): number {
  const started = process.hrtime.bigint();
  play(room, turn, turns);
  return Number(process.hrtime.bigint() - started) / turns;
}

function play(room: QuietRoom, turn: readonly Message[], turns: number): void {
  for (let i = 0; i < turns; i++) {
    if ((i & 15) === 0) room.now++;
    for (const { from, bytes } of turn) from.receive(bytes);
    room.settle();
  }
}

function print(found: readonly MicroCase[]): void {
  const rows = found.map((each) => ({
    case: each.title,
    "ns/frame": Math.round(each.nsPerFrame.median),
    spread: `${each.nsPerFrame.min.toFixed(0)}–${each.nsPerFrame.max.toFixed(0)}`,
    "ns/message": Math.round(each.nsPerMessage),
    "bytes/frame": Math.round(each.bytesPerFrame),
    "of them buffers": Math.round(each.bufferBytesPerFrame),
    "bytes/message": Math.round(each.bytesPerMessage),
  }));
  console.table(rows);
}
