/** The local relay for scripts: the one that runs, or one started for the occasion. */
import { spawn } from "node:child_process";
import { completeDevVars } from "./dev-vars.ts";

const START_TIMEOUT_MS = 60_000;

export interface LocalRelay {
  /** True when this process started it. */
  readonly wasStarted: boolean;
  stop(): Promise<void>;
}

export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(2_000) });
    return response.ok;
  } catch {
    return false; // nothing answers there: that is what was asked
  }
}

/** Uses the relay at `url`, or starts `wrangler dev` there and waits until it answers. */
export async function useLocalRelay(url: string): Promise<LocalRelay> {
  if (await isHealthy(url)) return { wasStarted: false, stop: async () => undefined };
  await completeDevVars();
  // Through `npm run`, so that wrangler runs on the Node that came with the install. Its own process group, because
  // npm does not hand signals on.
  const child = spawn("npm", ["run", "--silent", "start", "--", "--port", new URL(url).port], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4_000)));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    await exited;
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    if (await isHealthy(url)) return { wasStarted: true, stop };
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await stop();
  throw new Error(`Cannot start a relay at ${url} within ${START_TIMEOUT_MS / 1000} s.\n${complaints}`);
}
