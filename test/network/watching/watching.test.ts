/** The live feed on the sockets of Node, Bun and Deno: what each runtime upgrades, selects, passes on and closes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CloseCode, PROTOCOL_VERSION, SUBPROTOCOL, encodeControl } from "../../../src/protocol/index.ts";
import { TOKEN_SUBPROTOCOL_PREFIX, WATCH_SUBPROTOCOL, type WatchEvent } from "../../../src/relay/watching/events.ts";
import { MAX_WATCHERS } from "../../../src/relay/watching/watchers.ts";
import { STANDALONE, type StandaloneRuntime, scriptCommand } from "../../support/runtimes.ts";

/** A page offers the token first, and must not have it echoed. */
const OFFERED = [`${TOKEN_SUBPROTOCOL_PREFIX}c2VjcmV0`, WATCH_SUBPROTOCOL];
const PATIENCE_MS = 10_000;

class Watcher {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(url: string) {
    this.socket = new WebSocket(`${url}/?watch`, OFFERED);
    this.socket.onmessage = ({ data }) => this.texts.push(data as string);
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
  }

  static async open(url: string): Promise<Watcher> {
    const watcher = new Watcher(url);
    await opened(watcher.socket);
    return watcher;
  }

  /** As soon as there is place: the relay hears of a close a moment after the client. */
  static async letIn(url: string): Promise<Watcher> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      try {
        return await Watcher.open(url);
      } catch (refusal) {
        if (Date.now() > deadline) throw refusal;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  get events(): WatchEvent[] {
    return this.texts.filter((text) => text !== "pong").map((text) => JSON.parse(text) as WatchEvent);
  }

  async has(is: (event: WatchEvent) => boolean): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; !this.events.some(is);) {
      if (Date.now() > deadline) throw new Error(`it did not come; there were ${this.texts.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("the upgrade was refused"));
  });
}

async function join1(url: string): Promise<WebSocket> {
  const peer = new WebSocket(`${url}/?peer=1`, SUBPROTOCOL);
  await opened(peer);
  peer.send(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
  return peer;
}

async function start(runtime: StandaloneRuntime): Promise<{ child: ChildProcess; url: string }> {
  const { file, args } = scriptCommand(runtime, join(import.meta.dirname, "relay.ts"));
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout!), "line")) as [string];
  return { child, url: `ws://127.0.0.1:${Number(line)}` };
}

describe.each(STANDALONE)("a watcher of a room on %s", (runtime) => {
  let child: ChildProcess;
  let url: string;
  beforeAll(async () => {
    ({ child, url } = await start(runtime));
  });
  afterAll(() => void child.kill("SIGKILL"));

  test("gets its own subprotocol, never the token, and a peer gets the peers'", async () => {
    const watcher = await Watcher.open(url);
    expect(watcher.socket.protocol).toBe(WATCH_SUBPROTOCOL);
    const peer = await join1(url);
    expect(peer.protocol).toBe(SUBPROTOCOL);
    await watcher.has((event) => event.type === "statistics" && event.statistics.peers === 0);
    await watcher.has((event) => event.type === "peer" && event.change === "joined");
    await watcher.has((event) => event.type === "statistics" && event.statistics.peers === 1);
    expect(watcher.events[0]).toMatchObject({ type: "statistics", room: "app/480" });
    peer.close(1000);
    await watcher.has((event) => event.type === "peer" && event.change === "left");
    watcher.socket.close(1000);
    expect(await watcher.closed).toMatchObject({ code: 1000 });
  });

  test("keeps itself alive by ping, and is closed for anything else", async () => {
    const watcher = await Watcher.open(url);
    watcher.socket.send("ping");
    while (!watcher.texts.includes("pong")) await new Promise((resolve) => setTimeout(resolve, 10));
    watcher.socket.send(new Uint8Array([1]));
    expect((await watcher.closed).code).toBe(CloseCode.ProtocolError);
    const other = await Watcher.open(url);
    other.socket.send("PING");
    expect((await other.closed).code).toBe(CloseCode.ProtocolError);
  });

  test("is refused as the seventeenth, and let in when one has gone", async () => {
    const watchers = await Promise.all(Array.from({ length: MAX_WATCHERS }, () => Watcher.letIn(url)));
    const http = url.replace("ws", "http");
    const refusal = await fetch(`${http}/?watch`);
    expect([refusal.status, await refusal.json()]).toMatchObject([429, { code: "too_many_watchers" }]);
    await expect(Watcher.open(url)).rejects.toThrow("refused");
    watchers[0]!.socket.close(1000);
    await watchers[0]!.closed;
    const late = await Watcher.letIn(url);
    for (const { socket } of [...watchers, late]) socket.close(1000);
    await Promise.all([...watchers, late].map(({ closed }) => closed));
  });

  test("is sent away when the process is about to end", async () => {
    const watcher = await Watcher.open(url);
    await fetch(`${url.replace("ws", "http")}/?drain`);
    expect((await watcher.closed).code).toBe(CloseCode.Restarting);
    expect((await fetch(`${url.replace("ws", "http")}/?watch`)).status).toBe(503);
  });
});
