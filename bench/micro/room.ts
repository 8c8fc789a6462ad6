/**
 * What the rules alone cost: Room.receive fed with messages, without a platform. Nanoseconds and bytes of the heap for
 * each data frame that comes out.
 *
 *     node --experimental-strip-types --no-warnings --expose-gc --max-semi-space-size=512 bench/micro/room.ts
 *     node --experimental-strip-types --no-warnings --cpu-prof --cpu-prof-dir=/tmp/profile bench/micro/room.ts mesh
 */
import { dataFrame, multicastFrame, batch } from "../../test/support/frames.ts";
import { type QuietPeer, QuietRoom } from "./quiet-room.ts";

interface Case {
  readonly name: string;
  readonly peers: number;
  /** What peer `from` sends in one turn, as messages. */
  messages(from: QuietPeer, peers: readonly QuietPeer[]): Uint8Array[];
  readonly framesPerTurn: number;
}

const PAYLOAD = new Uint8Array(64).fill(7);

const CASES: readonly Case[] = [
  {
    name: "one",
    peers: 2,
    framesPerTurn: 1,
    messages: ({ handles }, peers) => [frameTo(handles[peers.length - 1] ?? 0)],
  },
  {
    name: "mesh",
    peers: 8,
    framesPerTurn: 7,
    messages: ({ handles }) => [batch(...handles.filter(Boolean).map(frameTo))],
  },
  {
    name: "run", // everything for one peer: 7 frames, one message out
    peers: 2,
    framesPerTurn: 7,
    messages: ({ handles }) => [batch(...Array.from({ length: 7 }, () => frameTo(handles[1] ?? 0)))],
  },
  {
    name: "multicast",
    peers: 65,
    framesPerTurn: 64,
    messages: ({ handles }) => {
      const targets = handles.filter(Boolean).map((handle) => ({ handle, number: 1, sequence: 0 }));
      return [multicastFrame({ targets, payload: PAYLOAD })];
    },
  },
];

const ROUNDS = 7;
const FRAMES_PER_ROUND = 700_000;
const only = process.argv[2];

for (const each of CASES) if (only === undefined || each.name === only) measure(each);

function frameTo(handle: number): Uint8Array {
  return dataFrame({ handle, payload: PAYLOAD });
}

function measure({ name, peers, messages, framesPerTurn }: Case): void {
  const room = new QuietRoom(peers);
  const from = room.peers[0] as QuietPeer;
  const turn = messages(from, room.peers);
  const turns = Math.ceil(FRAMES_PER_ROUND / framesPerTurn);
  const rounds = Array.from({ length: ROUNDS }, () => playRound(room, from, turn, turns));
  const ns = rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  const heap = heapPerTurn(room, from, turn) / framesPerTurn;
  const frame = (ns / framesPerTurn).toFixed(0);
  console.log(`${name.padEnd(10)} ${frame} ns/frame, ${ns.toFixed(0)} ns/message, ${heap.toFixed(0)} heap bytes/frame`);
}

/** ns for each turn. */
function playRound(room: QuietRoom, from: QuietPeer, turn: readonly Uint8Array[], turns: number): number {
  const started = process.hrtime.bigint();
  play(room, from, turn, turns);
  return Number(process.hrtime.bigint() - started) / turns;
}

function play(room: QuietRoom, from: QuietPeer, turn: readonly Uint8Array[], turns: number): void {
  for (let i = 0; i < turns; i++) {
    if ((i & 15) === 0) room.now++;
    for (const message of turn) from.receive(message);
    room.settle();
  }
}

/** Right only while the young generation is not collected, so it is a short run; NaN without --expose-gc. */
function heapPerTurn(room: QuietRoom, from: QuietPeer, turn: readonly Uint8Array[]): number {
  if (!globalThis.gc) return Number.NaN;
  const turns = 2_000;
  globalThis.gc();
  const before = process.memoryUsage();
  play(room, from, turn, turns);
  const after = process.memoryUsage();
  return (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / turns;
}
