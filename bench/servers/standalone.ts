/** Our relay in one process on Node, Bun and Deno, with its rooms on disk as on workerd. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StandaloneRuntime, serveCommand } from "../../test/support/runtimes.ts";
import { UNLIMITED, relayPeers, variablesFor } from "./edge-relay.ts";
import { type BenchServer, type RunningServer, freePort, startProgram } from "./server.ts";

const TITLES: Readonly<Record<StandaloneRuntime, string>> = { node: "Node", bun: "Bun", deno: "Deno" };

function edgeRelayOn(runtime: StandaloneRuntime): BenchServer {
  return {
    name: `edge-relay-${runtime}`,
    title: `edge-relay on ${TITLES[runtime]}`,
    missing: () => missingRuntime(runtime),
    start: () => start(runtime),
  };
}

export const edgeRelayNode = edgeRelayOn("node");
export const edgeRelayBun = edgeRelayOn("bun");
export const edgeRelayDeno = edgeRelayOn("deno");

async function start(runtime: StandaloneRuntime): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  const { file, args } = serveCommand(runtime);
  const { pid, stop } = await startProgram({
    command: file,
    args: [...args, `--port=${port}`, `--database=${folder}`],
    port,
    variables: variablesFor(UNLIMITED),
  });
  return {
    protocol: "edge-relay",
    port,
    pids: [pid],
    peers: relayPeers,
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Also for the bare forwarders, which run on the same binaries. */
export function missingRuntime(runtime: StandaloneRuntime): string | undefined {
  try {
    const { file } = serveCommand(runtime);
    return existsSync(file) ? undefined : `${file} is not there`;
  } catch (error) {
    return (error as Error).message;
  }
}
