/**
 * `npm run bench:waking`: an object that was evicted with its sockets open is sent one packet. How long until it has passed,
 * and what that cost, by the number of sockets; and whether a quiet room sleeps between its packets.
 */
import { readFileSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { playLoad } from "./load/play.ts";
import { scenarioNamed } from "./scenarios.ts";
import { edgeRelayBirths } from "./servers/edge-relay.ts";
import { bareBirths } from "./servers/births.ts";
import { type RunningServer } from "./servers/server.ts";
import { type Pair, barePair, relayPair } from "./waking-pair.ts";

const USAGE = `Usage: npm run bench:waking -- [options]

  --sockets <n,n>   idle ones beside the two that speak; otherwise 1000,9800
  --wakes <n>       of each server at each number; otherwise 3
  --quiet           instead: two peers and one packet every 15 s, four times
`;
/** workerd evicts an object 10 s after its last event, which is the alarm that saves its counters, 10 s after the packet. */
const EVICTION_MS = 22_500;
const SETTLE_MS = 400;
const QUIET_MS = 15_000;
const QUIET_PACKETS = 4;
/** What ends a wait for an object that something else keeps awake, such as an alarm. */
const MAX_ATTEMPTS = 5;
/** Each waits longer, so that it does not meet the same alarm. */
const ATTEMPT_MS = 2_500;

const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "1000,9800" },
    wakes: { type: "string", default: "3" },
    quiet: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

interface Subject {
  readonly name: string;
  start(): Promise<RunningServer>;
  pair(server: RunningServer, first: number): Promise<Pair>;
}

const SUBJECTS: readonly Subject[] = [
  { name: "edge-relay", start: () => edgeRelayBirths(), pair: relayPair },
  { name: "bare", start: () => bareBirths(), pair: barePair },
];

if (values.help) console.log(USAGE);
else if (values.quiet) for (const subject of SUBJECTS) await playQuiet(subject);
else {
  for (const sockets of values.sockets.split(",").map(Number)) {
    for (const subject of SUBJECTS) await wake(subject, sockets);
  }
}

async function wake({ name, start, pair }: Subject, sockets: number): Promise<void> {
  const server = await start();
  try {
    const wakes = Number(values.wakes);
    const measureMs = MAX_ATTEMPTS * wakes * (EVICTION_MS + MAX_ATTEMPTS * ATTEMPT_MS);
    const load = { ...scenarioNamed("idle").load, groups: sockets };
    const idle = playLoad(server, load, { warmMs: 0, measureMs, drainMs: 0, seed: 1 }).catch(() => undefined);
    const speakers = await pair(server, sockets);
    await joined(server, sockets);
    for (let i = 0; i < wakes; i++) await wakeOnce(name, server, speakers, sockets);
    speakers.close();
    await server.stop(); // which ends the load, too
    await idle;
  } finally {
    await server.stop();
  }
}

async function wakeOnce(name: string, server: RunningServer, speakers: Pair, sockets: number): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    await pause(EVICTION_MS + attempt * ATTEMPT_MS);
    const before = await birthsOf(server);
    const asleep = await measure(server, speakers);
    if ((await birthsOf(server)) !== before + 1) continue; // an alarm had kept it awake
    const awake = await measure(server, speakers);
    console.log(
      `${name.padEnd(10)} ${sockets + 2} sockets: waking ${asleep.ms.toFixed(1)} ms, ${asleep.cpuMs.toFixed(1)} ms of CPU` +
        `; awake ${awake.ms.toFixed(1)} ms, ${awake.cpuMs.toFixed(1)} ms of CPU`,
    );
    return;
  }
  console.log(`${name}: was never asleep`);
}

async function playQuiet({ name, start, pair }: Subject): Promise<void> {
  const server = await start();
  try {
    const speakers = await pair(server, 0);
    const born: number[] = [await birthsOf(server)];
    for (let i = 0; i < QUIET_PACKETS; i++) {
      await pause(QUIET_MS);
      await speakers.pass();
      born.push(await birthsOf(server));
    }
    console.log(`${name.padEnd(10)} a packet every ${QUIET_MS / 1000} s: built ${born.join(", ")} times so far`);
    speakers.close();
  } finally {
    await server.stop();
  }
}

/** One packet: ms until it has passed, and what the server has spent when all is still again. */
async function measure(server: RunningServer, speakers: Pair): Promise<{ ms: number; cpuMs: number }> {
  const cpuBefore = cpuOf(server);
  const began = performance.now();
  await speakers.pass();
  const ms = performance.now() - began;
  await pause(SETTLE_MS);
  return { ms, cpuMs: cpuOf(server) - cpuBefore };
}

/** ms of all threads; /proc/<pid>/stat counts in tens. */
function cpuOf({ pids }: RunningServer): number {
  let ns = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return ns / 1e6;
}

/** The server holds two files for each socket: when as many are open, all have joined, or are about to. */
async function joined({ pids: [pid] }: RunningServer, sockets: number): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(100)) {
    if (readdirSync(`/proc/${pid}/fd`).length > sockets) break;
  }
  await pause(2_000);
}

async function birthsOf({ port }: RunningServer): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/births`)).text());
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
