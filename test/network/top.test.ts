/** `edge-relay top` on a terminal of its own: what it shows, what it does with keys, and that it leaves nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { runCli } from "../support/cli.ts";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { STANDALONE, type StandaloneRuntime, cliCommand } from "../support/runtimes.ts";
import { SCRIPTED_TOKEN, ScriptedAdmin, scriptedRoom } from "../support/scripted-admin.ts";
import { testTicket } from "../support/tickets.ts";

const ENTERED = "\x1b[?1049h\x1b[?25l";
const LEFT = "\x1b[?25h\x1b[?1049l";
const SELECTED = "\x1b[7m";
const PATIENCE_MS = 30_000;

/** A process on a pseudo terminal, which `script` makes. Its last line is what the shell says of the terminal afterwards. */
class OnTerminal {
  output = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(runtime: StandaloneRuntime, args: readonly string[], variables: Record<string, string>) {
    const { file, args: all } = cliCommand(runtime, args);
    const command = [file, ...all].map((word) => `'${word}'`).join(" ");
    // The size of a terminal that nobody looks at is none.
    const shell = `stty rows 12 cols 100; ${command}; echo "exit $? $(stty -a | grep -o -e '-\\?icanon' -e ' -\\?echo ' | tr -d '\\n')"`;
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn("script", ["-qfec", shell, "/dev/null"], { env: { PATH, HOME, TERM: "xterm", ...variables } });
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** What is on it since `from`, once `wanted` is. */
  async shows(wanted: string, from = 0): Promise<string> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
      const shown = this.output.slice(from);
      if (shown.includes(wanted)) return shown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`not shown: ${wanted}\n${JSON.stringify(this.output.slice(-2_000))}`);
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

let admin: ScriptedAdmin;
beforeEach(async () => {
  admin = await ScriptedAdmin.start();
  const connections = [{ connectionId: "1", packets: 1, bytes: 1 }];
  admin.rooms.push(scriptedRoom(480, null, { peers: 7 }), scriptedRoom(480, "lobby", { peers: 3, connections }));
});
afterEach(() => admin[Symbol.asyncDispose]());

function start(runtime: StandaloneRuntime): OnTerminal {
  return new OnTerminal(runtime, ["top", "--interval", "1"], {
    EDGE_RELAY_URL: admin.url,
    ADMIN_TOKEN: SCRIPTED_TOKEN,
  });
}

describe.each(STANDALONE)("on %s", (runtime) => {
  test("rooms, a room's connections, and back; q ends it, and the terminal is as it was", async () => {
    using terminal = start(runtime);
    await terminal.shows(": 2 rooms, 10 peers");
    terminal.type("ssssss\x1b[B"); // once round, then the second row
    await terminal.shows(`${SELECTED}       480 lobby`);
    terminal.type("\r");
    await terminal.shows("app 480, room lobby: 1 connections");
    const before = terminal.output.length;
    terminal.type("\x7f");
    await terminal.shows(": 2 rooms", before);
    terminal.type("q");
    expect(await terminal.ended).toBe(0);
    expect(terminal.output).toContain(ENTERED);
    expect(terminal.output.slice(terminal.output.lastIndexOf(LEFT))).toMatch(/exit 0 icanon echo/);
  });

  test("Ctrl-C leaves the terminal as it was, also while the relay fails", async () => {
    using terminal = start(runtime);
    await terminal.shows(": 2 rooms");
    admin.isFailing = true;
    await terminal.shows("503 room_overloaded");
    admin.isFailing = false;
    admin.rooms.pop();
    await terminal.shows(": 1 rooms, 7 peers");
    terminal.type("\x03");
    expect(await terminal.ended).toBe(0);
    expect(terminal.output.slice(terminal.output.lastIndexOf(LEFT))).toMatch(/exit 0 icanon echo/);
  });
});

test("a relay that does not answer at first: an error, and no other screen", async () => {
  admin.isFailing = true;
  using terminal = start("node");
  expect(await terminal.ended).toBe(0);
  expect(terminal.output).toContain("error: 503 room_overloaded");
  expect(terminal.output).toContain("exit 1");
  expect(terminal.output).not.toContain(ENTERED);
});

test("a real relay: its rooms as they report, and a room's connections as they are", async () => {
  await using relay = await RunningRelay.start();
  const join = async (peer: bigint) =>
    connect({ url: relay.url, app: 480, ticket: await testTicket({ app: 480, peer: String(peer) }), reconnect: false });
  const [a, b] = [await join(1n), await join(2n)];
  b.onIncoming({}, (incoming) => void incoming.accept());
  const connection = await a.open(2n);
  const variables = { EDGE_RELAY_URL: relay.url, ADMIN_TOKEN: TEST_ADMIN_TOKEN };
  const ask = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli(["top", "--json", "--interval", "1", ...args], variables);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return JSON.parse(stdout) as object;
  };
  expect(await ask()).toMatchObject({ rooms: [{ app: 480, room: null, packetsPerSecond: expect.any(Number) }] });
  const timer = setInterval(() => connection.send("state", { reliable: false }), 20);
  const busy = await ask("--app", "480", "--connections");
  clearInterval(timer);
  expect(busy).toMatchObject({
    total: 1,
    connections: [{ connection: String(connection.id), from: "1", to: "2", state: "Connected" }],
  });
  const [row] = (busy as { connections: { packetsPerSecond: number; bytesPerSecond: number }[] }).connections;
  expect(row?.packetsPerSecond).toBeGreaterThan(1);
  expect(row?.bytesPerSecond).toBeGreaterThan(row?.packetsPerSecond ?? 0);
  await Promise.all([a.close(), b.close()]);
});
