/** The command line as users get it: the packed package in an empty project, run by npx, bunx and Deno. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runToEnd } from "../support/cli.ts";
import { type ProcessCommand, type StandaloneRuntime, bunBinary, denoBinary } from "../support/runtimes.ts";
import { TEST_SECRET } from "../support/tickets.ts";
import { type UserProject, installPacked } from "./user-project.ts";

let project: UserProject;
beforeAll(async () => {
  project = await installPacked();
}, 120_000);
afterAll(() => project.remove());

/** What a user types, but for the runtimes themselves, which are those of our own install. */
const COMMANDS: Readonly<Record<StandaloneRuntime, (args: readonly string[]) => ProcessCommand>> = {
  node: (args) => ({ file: "npx", args: ["edge-relay", ...args] }),
  bun: (args) => ({ file: bunBinary(), args: ["x", "--bun", "--no-install", "edge-relay", ...args] }),
  deno: (args) => ({ file: denoBinary(), args: ["run", "--allow-all", "npm:edge-relay", ...args] }),
};

describe.each(["node", "bun", "deno"] as const)("edge-relay on %s", (runtime) => {
  const run = (args: readonly string[], variables: Record<string, string> = {}) =>
    runToEnd(COMMANDS[runtime](args), variables, project.folder);

  test("--help", async () => {
    const { status, stdout } = await run(["--help"]);
    expect(stdout).toContain("Usage: edge-relay");
    expect(status).toBe(0);
  });

  test("serve, and ping it", async () => {
    const { file, args } = COMMANDS[runtime](["serve", "--port", "0", "--database", ":memory:"]);
    const variables = { TICKET_SECRET: TEST_SECRET };
    const server = spawn(file, args, {
      cwd: project.folder,
      env: { ...process.env, ...variables },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true, // npx has the relay as a child: its group is what is to be ended
    });
    try {
      const { url, ...entry } = await firstEntry(server);
      expect(entry).toMatchObject({ event: "listening", runtime });
      const { status, stdout } = await run(["ping", url, "--app", "480", "--json"], variables);
      expect(JSON.parse(stdout)).toMatchObject({ runtime, configured: true, room: { app: 480 } });
      expect(status).toBe(0);
      for (const page of ["dashboard", "playground", "playground/game"]) {
        const html = await (await fetch(`${url}/${page}/`)).text();
        const [, script = ""] = /<script type="module" src="([^"]+)"/.exec(html) ?? [];
        expect((await fetch(new URL(script, url))).headers.get("content-type"), page).toContain("javascript");
      }
    } finally {
      await endGroup(server);
    }
  });

  test("demo", async () => {
    const { status, stdout } = await run(["demo", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ wasStarted: true, matches: true, agrees: true });
    expect(status).toBe(0);
  });
});

async function firstEntry(server: ChildProcess): Promise<{ url: string }> {
  return new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
    if (server.stdout) createInterface(server.stdout).once("line", (line) => resolve(JSON.parse(line)));
  });
}

async function endGroup(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null) return;
  const exited = new Promise((resolve) => server.once("exit", resolve));
  process.kill(-server.pid, "SIGTERM");
  await exited;
}
