/** The files of deploy/ that no container is built from and no service is made of here: each is followed step by step. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isHealthy } from "../../scripts/local-relay.ts";
import { freePort } from "../support/running-relay.ts";
import { TEST_SECRET } from "../support/tickets.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

let folder: string;
let port: number;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "edge-relay-deploy-"));
  port = await freePort();
});
afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

type Variables = Readonly<Record<string, string>>;

/** As a service manager would: nothing in its environment but what the file says, and the secrets. */
async function serve([file = "", ...args]: readonly string[], cwd: string, env: Variables): Promise<void> {
  expect(file).toMatch(/^(\/usr\/bin\/)?node$/);
  child = spawn(process.execPath, args, { cwd, env: { ...env, TICKET_SECRET: TEST_SECRET }, stdio: "inherit" });
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && child.exitCode === null;) {
    if (await isHealthy(`http://127.0.0.1:${port}`)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not answer (exit code ${child.exitCode})`);
}

async function end(signal: string | undefined): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child?.once("exit", resolve));
  child?.kill(signal as NodeJS.Signals);
  return ended;
}

/** `A=1 B=2` */
function variablesOf(texts: readonly string[]): Variables {
  return Object.fromEntries(texts.flatMap((text) => text.split(" ").map((pair) => pair.split("=", 2))));
}

/** What stands behind `start`, on each line that begins with it. */
function valuesOf(text: string, start: string): string[] {
  return text.split("\n").flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
}

describe("edge-relay.service", () => {
  const text = readFileSync(join(ROOT, "deploy/edge-relay.service"), "utf8");
  const all = (name: string): string[] => valuesOf(text, `${name}=`);

  test("systemd finds nothing wrong with it", async () => {
    // What is an operator's own need not exist here.
    const unit = join(folder, "edge-relay.service");
    writeFileSync(unit, text.replaceAll("/usr/bin/node", process.execPath).replaceAll("/opt/edge-relay", ROOT));
    const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", unit]);
    const about = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("edge-relay"));
    expect(about).toEqual([]);
  });

  test("its command serves, on the folder that it says, and ends in time", async () => {
    expect(all("WorkingDirectory")).toEqual(["/opt/edge-relay"]);
    const environment = variablesOf(all("Environment").map((value) => value.replaceAll("%S", folder)));
    expect(environment).toMatchObject({
      HOST: "127.0.0.1",
      PORT: "8787",
      DATABASE: join(folder, all("StateDirectory")[0]!),
    });
    await serve(all("ExecStart")[0]!.split(" "), ROOT, { ...environment, PORT: String(port) });
    expect(readdirSync(environment["DATABASE"]!)).toContain("relay.lock");
    const begun = performance.now();
    expect(await end(all("KillSignal")[0])).toBe(0);
    expect(performance.now() - begun).toBeLessThan(Number(all("TimeoutStopSec")[0]) * 1_000);
  });
});

describe("Containerfile", () => {
  const text = readFileSync(join(ROOT, "deploy/Containerfile"), "utf8")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "");
  const [dependencies = "", image = ""] = text.split(/^FROM .*$/m).slice(1);
  /** `COPY a b c/` from the checkout. */
  function copy(stage: string): void {
    for (const words of valuesOf(stage, "COPY ").map((value) => value.split(" "))) {
      if (words[0]?.startsWith("--from")) continue; // both stages are one folder here
      const to = words.pop() ?? "";
      for (const from of words)
        cpSync(join(ROOT, from), join(folder, "app", to.endsWith("/") ? join(to, from) : to), { recursive: true });
    }
  }

  test("what it copies and installs serves, and its health check notices when it does not", async () => {
    expect(valuesOf(image, "USER ")).toEqual(["node"]);
    mkdirSync(join(folder, "app"));
    copy(dependencies);
    await run("sh", ["-c", valuesOf(dependencies, "RUN ")[0]!], { cwd: join(folder, "app") });
    copy(image);
    const environment = variablesOf(valuesOf(image, "ENV "));
    expect(environment).toMatchObject({ HOST: "0.0.0.0", PORT: "8787", DATABASE: valuesOf(image, "VOLUME ")[0] });
    const env = { ...environment, HOST: "127.0.0.1", PORT: String(port), DATABASE: join(folder, "data") };
    await serve(JSON.parse(valuesOf(image, "CMD ")[0]!) as string[], join(folder, "app"), env);
    expect((await fetch(`http://127.0.0.1:${port}/dashboard/`)).status).toBe(200);

    const [, check = ""] = /CMD (\[.*\])/.exec(valuesOf(image, "HEALTHCHECK ")[0]!) ?? [];
    const [, ...args] = JSON.parse(check) as string[];
    await run(process.execPath, args, { env });
    expect(await end(valuesOf(image, "STOPSIGNAL ")[0])).toBe(0);
    await expect(run(process.execPath, args, { env })).rejects.toMatchObject({ code: 1 });
  });
});
