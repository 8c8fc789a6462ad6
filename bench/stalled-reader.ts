/**
 * One of 100 peers stops reading while 99 send it 64 KB/s each: what the others notice, and what the relay holds.
 * `npm run bench:stalled [-- pairs [seconds [warm-up seconds [unreliable|mixed]]]]`.
 * Each run has two windows of `seconds`; in the second one the peer has stopped reading, or has not. Runs alternate (reads, stalls, stalls, reads, ...), each with a relay of its
 * own; latency is one way, between peers of this process, which also send to the stalled one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { DATA_PAYLOAD_OFFSET } from "../src/protocol/index.ts";
import type { RoomStatistics } from "../src/relay/room.ts";
import { dataFrame } from "../test/support/frames.ts";
import { rssOf } from "../test/support/rss.ts";
import { RunningRelay } from "../test/support/running-relay.ts";
import { LeanPeer, ROOM_APP, message, pace } from "./lean-peer.ts";
import { type LoadOrder, MESSAGES_PER_SECOND, payloads } from "./stalled-reader-load-order.ts";

const PAIRS = Number(process.argv[2] ?? 3);
/** Less than the 20 s after which a stalled peer is disconnected (F4). */
const SECONDS = Math.min(Number(process.argv[3] ?? 12), 16);
/** Until V8 has sized its heap to this load: its growth must not be taken for that of a backlog. */
const WARM_UP_MS = Number(process.argv[4] ?? 20) * 1000;
/** Without a word: both. */
const VARIANT = process.argv[5];
const SENDERS = 99;
/** Peers of this process, two and two of which measure. */
const MEASURING = 10;
const STAMPS_PER_SECOND = 25;
const TARGET = 1n;

interface Result {
  readonly p50: number;
  readonly p99: number;
  /** Of the window before, in which every peer reads. */
  readonly p99Before: number;
  readonly samples: number;
  /** Of the worst second of each window: V8 lets garbage gather between collections, so single readings say little. */
  readonly rss: { readonly before: number; readonly during: number; readonly after: number };
  readonly drops: Readonly<Record<string, number>>;
  readonly bytesRead: number;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const fixed = (value: number, digits = 2) => value.toFixed(digits).padStart(7);

async function run(isStalled: boolean, isMixed: boolean): Promise<Result> {
  await using relay = await RunningRelay.start();
  const load = await startLoad({
    url: relay.url,
    target: String(TARGET),
    firstPeer: "1000",
    senders: SENDERS - MEASURING,
    isMixed,
  });
  const peers: LeanPeer[] = [];
  for (let i = 0; i < MEASURING; i++) peers.push(await LeanPeer.join(relay.url, BigInt(100 + i)));
  const samples: number[] = [];
  const stamping = await Promise.all(peers.map((peer, at) => measure(peer, at, peers, samples)));
  const toTarget = await Promise.all(
    peers.map(async (peer) => ({ peer, messages: payloads(await peer.open(TARGET), isMixed).map(message) })),
  );
  load.send("go");
  const stopSending = pace(toTarget, MESSAGES_PER_SECOND);
  const timer = setInterval(() => stamping.forEach((stamp) => stamp()), 1000 / STAMPS_PER_SECOND);
  await sleep(WARM_UP_MS);
  samples.length = 0;
  const before = await watchRss(relay.pid);
  const p99Before = summary(samples).p99;
  if (isStalled) load.send("stall");
  samples.length = 0;
  const during = await watchRss(relay.pid);
  const latency = summary(samples);
  const { drops } = await relay.admin<RoomStatistics>(`/apps/${ROOM_APP}/statistics`);
  clearInterval(timer);
  stopSending();
  const told = once(load, "message");
  load.send("stop");
  const [{ bytesRead }] = (await told) as [{ bytesRead: number }];
  const rss = { before, during, after: rssOf(relay.pid) };
  for (const { raw } of peers) raw.destroy();
  return { ...latency, p99Before, drops, rss, bytesRead };
}

/** The peak of one window. */
async function watchRss(pid: number): Promise<number> {
  let peak = 0;
  for (const until = performance.now() + SECONDS * 1000; performance.now() < until; await sleep(250)) {
    peak = Math.max(peak, rssOf(pid));
  }
  return peak;
}

function summary(samples: readonly number[]) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), samples: sorted.length };
}

/** Peers 0 and 1, 2 and 3, ... are connected; each end of a pair sends the other the time of sending. */
async function measure(peer: LeanPeer, at: number, peers: readonly LeanPeer[], samples: number[]) {
  peer.onData = (view, offset) => {
    samples.push(performance.now() - view.getFloat64(offset + DATA_PAYLOAD_OFFSET, true));
  };
  peer.isWelcoming = true;
  const handle = at % 2 === 0 ? await peer.open(BigInt(100 + at + 1)) : (await peer.next("incoming")).handle;
  if (!peers[at ^ 1]) throw new Error("measuring peers come in pairs");
  return () => {
    const payload = new Uint8Array(32);
    new DataView(payload.buffer).setFloat64(0, performance.now(), true);
    peer.raw.send(dataFrame({ handle, payload }));
  };
}

async function startLoad(order: LoadOrder): Promise<ChildProcess> {
  const load = fork(new URL("./stalled-reader-load.ts", import.meta.url), [JSON.stringify(order)]);
  await once(load, "message");
  return load;
}

function report(name: string, { p50, p99, p99Before, samples, rss, drops, bytesRead }: Result): void {
  const dropped = Object.entries(drops).flatMap(([reason, count]) => (count > 0 ? [`${reason} ${count}`] : []));
  const growth = fixed(rss.during - rss.before, 1);
  const memory = `RSS ${rss.before.toFixed(0)} → ${rss.during.toFixed(0)} → ${rss.after.toFixed(0)} MiB (${growth})`;
  const read = `read ${(bytesRead / 1e6).toFixed(0)} MB`;
  console.log(
    `${name}  p50${fixed(p50)} ms  p99${fixed(p99)} ms (before${fixed(p99Before)}, ${samples} samples)  ${memory}  ${read}  ${dropped.join(", ")}`,
  );
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

for (const isMixed of [false, true]) {
  if (VARIANT !== undefined && isMixed !== (VARIANT === "mixed")) continue;
  console.log(isMixed ? "\na quarter reliable" : "all unreliable");
  const ratios: number[] = [];
  const growths: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const results: Partial<Record<"reads" | "stalls", Result>> = {};
    for (const kind of pair % 2 === 0 ? (["reads", "stalls"] as const) : (["stalls", "reads"] as const)) {
      const result = await run(kind === "stalls", isMixed);
      results[kind] = result;
      report(kind.padEnd(6), result);
    }
    ratios.push(results.stalls!.p99 / results.reads!.p99);
    const growthOf = ({ rss }: Result) => rss.during - rss.before;
    growths.push(growthOf(results.stalls!) - growthOf(results.reads!));
  }
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  console.log(`p99 stalled / p99 reading: median ${median(ratios).toFixed(2)} (${spread}, ${PAIRS} pairs)`);
  const range = `${Math.min(...growths).toFixed(1)} to ${Math.max(...growths).toFixed(1)}`;
  console.log(`RSS growth beyond that of the reading run: median ${median(growths).toFixed(1)} MiB (${range})`);
}
process.exit(0);
