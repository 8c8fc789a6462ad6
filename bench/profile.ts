/**
 * `npm run bench:profile`: where a worker's time goes while it plays a scenario, function by function. What workerd spends
 * outside JavaScript is one line, "(program)"; `perf` can look into that.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { playLoad } from "./load/play.ts";
import { type CpuProfile, Inspector } from "./inspector.ts";
import { type Load, scenarioNamed } from "./scenarios.ts";
import { serverNamed } from "./servers/index.ts";
import { freePort } from "./servers/server.ts";

const USAGE = `Usage: npm run bench:profile -- [options]

  --scenario <name>    otherwise join-storm
  --server <name>      one that runs on workerd; otherwise edge-relay
  --seconds <s>        for which packets are played; otherwise 3
  --peers <n>          groups of the scenario, otherwise its own
  --top <n>            functions that are listed; otherwise 25
  --save <file>        the whole profile, for the browser's developer tools: name it .cpuprofile
`;
const SAMPLING_US = 100;

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "join-storm" },
    server: { type: "string", default: "edge-relay" },
    seconds: { type: "string", default: "3" },
    peers: { type: "string" },
    top: { type: "string", default: "25" },
    save: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(USAGE);
else await profile();

async function profile(): Promise<void> {
  const scenario = scenarioNamed(values.scenario);
  const load = { ...scenario.load, groups: Number(values.peers ?? scenario.load.groups) };
  const inspectorPort = await freePort();
  const running = await serverNamed(values.server).start([`--inspector-addr=127.0.0.1:${inspectorPort}`]);
  try {
    const inspector = await Inspector.connect(inspectorPort);
    await inspector.startProfile(SAMPLING_US);
    const count = await play(running, load, scenario.measure === "packets");
    const found = await inspector.stopProfile();
    inspector.close();
    if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(found));
    print(found, count, scenario.measure === "packets" ? "packet" : "join");
  } finally {
    await running.stop();
  }
}

/** How many joins or packets there were. */
async function play(running: Parameters<typeof playLoad>[0], load: Load, isPackets: boolean): Promise<number> {
  const measureMs = isPackets ? Number(values.seconds) * 1000 : 0;
  const { join, total } = await playLoad(running, load, { warmMs: 0, measureMs, drainMs: 500, seed: 1 });
  if (total.errors > 0) console.error(`${total.errors} errors: ${total.firstError}`);
  return isPackets ? total.delivered : join.peers;
}

function print(found: CpuProfile, count: number, unit: string): void {
  const names = namesOf(found);
  const self = new Map<string, number>();
  found.samples.forEach((id, index) => {
    const name = names.get(id) ?? "?";
    self.set(name, (self.get(name) ?? 0) + (found.timeDeltas[index] ?? 0));
  });
  self.delete("(idle)");
  const busy = [...self.values()].reduce((sum, us) => sum + us, 0);
  console.log(`${(busy / 1000).toFixed(0)} ms busy, ${(busy / count).toFixed(1)} µs for each ${unit}`);
  console.log(`   self  µs/${unit}`);
  const sorted = [...self].toSorted(([, a], [, b]) => b - a).slice(0, Number(values.top));
  for (const [name, us] of sorted) {
    const share = `${((100 * us) / busy).toFixed(1)} %`;
    console.log(`${share.padStart(7)} ${(us / count).toFixed(2).padStart(8)}  ${name}`);
  }
}

/** By node. What is native has no place of its own, and often no name: its caller tells what it is. */
function namesOf({ nodes }: CpuProfile): ReadonlyMap<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const nameOf = (id: number): string => {
    const node = byId.get(id);
    if (!node) return "?";
    const { functionName, url, lineNumber } = node.callFrame;
    const name = functionName || "(anonymous)";
    if (url !== "") return `${name} ${url.split("/").at(-1)}:${lineNumber + 1}`;
    const parent = parents.get(id);
    const isWholly = name.startsWith("(") && name !== "(anonymous)"; // such as (program)
    return isWholly || parent === undefined ? name : `${name} ← ${nameOf(parent)}`;
  };
  return new Map(nodes.map(({ id }) => [id, nameOf(id)]));
}
