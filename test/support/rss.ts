import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Resident memory of a process, in MiB. */
export function rssOf(pid: number): number {
  if (process.platform === "linux") {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    if (!line) throw new Error(`/proc/${pid}/status has no VmRSS`);
    return Number(line[1]) / 1024;
  }
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024;
}

/** The most of it while `body` runs, looked at every 50 ms and at the end. */
export async function peakRss(pid: number, body: () => Promise<void>): Promise<number> {
  let peak = rssOf(pid);
  const timer = setInterval(() => (peak = Math.max(peak, rssOf(pid))), 50);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, rssOf(pid));
}
