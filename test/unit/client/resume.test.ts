import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type ConnectOptions,
  EndReason,
  type RelayClient,
  type RelayConnection,
  type ReconnectAttempt,
  RelayError,
} from "../../../src/client/index.ts";
import { CLOSE_MEANINGS, DataFlag, Path, PathFlag, encodeControl } from "../../../src/protocol/index.ts";
import { isFinalClose } from "../../../src/client/dial.ts";
import { dataFrame } from "../../support/frames.ts";
import { LASTING, ScriptedRelay } from "./scripted-relay.ts";

const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

interface Joined {
  readonly relay: ScriptedRelay;
  readonly client: RelayClient;
  /** What the client's events told, in order. */
  readonly told: string[];
}

async function joined(options: Partial<ConnectOptions> = {}, welcome = LASTING): Promise<Joined> {
  const relay = new ScriptedRelay((self) => self.send(encodeControl("welcome", welcome)));
  const joining = relay.connect(options);
  await pass(1);
  const client = await joining;
  const told: string[] = [];
  client.addEventListener("reconnecting", ({ detail }) => told.push(`reconnecting ${detail.attempt}`));
  client.addEventListener("reconnected", ({ detail }) => told.push(detail.isResumed ? "resumed" : "fresh"));
  client.addEventListener("error", ({ detail }) => told.push(detail.code));
  client.addEventListener("closed", ({ detail }) => told.push(`closed ${detail.code}`));
  return { relay, client, told };
}

/** A connection that this side asked for, Connected as `handle`. */
async function opened({ relay, client }: Joined, handle = 7, peer = 5n): Promise<RelayConnection> {
  const connection = client.begin(peer);
  await pass();
  relay.send(relay.name(handle));
  relay.said();
  return connection;
}

/** An answer to the plain GET that explains a refused upgrade. */
function refuseWith(status: number, code: string): void {
  vi.stubGlobal("fetch", async () => Response.json({ code, detail: "no" }, { status }));
}

const payloads = (relay: ScriptedRelay): number[] =>
  relay.received.splice(0).flatMap(({ data }) => (data ? [data.payload[0] ?? -1] : []));

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("what ends a session", () => {
  test("the codes after which another attempt is of no use are those of the table", () => {
    for (const [code, { retry }] of Object.entries(CLOSE_MEANINGS)) expect(isFinalClose(Number(code))).toBe(!retry);
  });

  test.each([1000, 4001, 4003, 4004, 4006, 4010, 4011])("close code %i", async (code) => {
    const { relay, client, told } = await joined();
    relay.socket?.drop(code);
    expect(await client.closed).toMatchObject({ code });
    expect([client.status, told]).toEqual(["closed", [`closed ${code}`]]);
  });

  test("a bye, whatever code the socket is closed with", async () => {
    const { relay, client } = await joined();
    relay.send(encodeControl("bye", { code: 4004, reconnectAfterMs: 0, debug: "kicked" }));
    relay.socket?.drop(1006);
    expect(await client.closed).toEqual({ code: 4004, reason: "kicked" });
  });

  test("graceMs 0, and the option reconnect: false", async () => {
    for (const start of [joined({}, { ...LASTING, graceMs: 0 }), joined({ reconnect: false })]) {
      // oxlint-disable-next-line no-await-in-loop
      const { relay, client } = await start;
      client.reconnect();
      expect(client.status).toBe("connected");
      relay.socket?.drop();
      // oxlint-disable-next-line no-await-in-loop
      expect(await client.closed).toMatchObject({ code: 1006 });
    }
  });

  test("our own close, also where the relay had said that it would be back", async () => {
    const { relay, client, told } = await joined();
    relay.send(encodeControl("bye", { code: 4008, reconnectAfterMs: 0, debug: "" }));
    expect(await client.close()).toEqual({ code: 1000, reason: "bye" });
    expect([relay.said(), relay.socket?.closeCode]).toEqual([["bye 1000"], 1000]);
    expect(told).toEqual(["closed 1000"]);
  });
});

describe("looking for another socket", () => {
  test("R1: hello names the session and its newest token, and a fresh ticket comes with it", async () => {
    let tickets = 0;
    const { relay, client, told } = await joined({ ticket: async () => `ticket.${++tickets}` });
    relay.resumeWith();
    relay.socket?.drop();
    expect(client.status).toBe("reconnecting");
    await pass(100);
    expect(client.status).toBe("connected");
    relay.socket?.drop(4009);
    await pass(200);
    expect(relay.hellos.map(({ session, token }) => [session, [...token]])).toEqual([
      [0n, []],
      [9n, [1]],
      [9n, [2]],
    ]);
    expect(relay.tickets).toEqual(["ticket.1", "ticket.2", "ticket.3"]);
    expect(told).toEqual(["reconnecting 1", "resumed", "reconnecting 1", "resumed"]);
    expect(relay.socket?.sent.length).toBe(1); // nothing but hello
  });

  test("R7: a welcome that is lost changes nothing: the same token is said again", async () => {
    const { relay, client } = await joined();
    relay.atHello = (self) => void setTimeout(() => self.socket?.drop(), 10);
    relay.socket?.drop();
    await pass(120);
    relay.resumeWith();
    await pass(1000);
    expect(client.status).toBe("connected");
    expect(relay.hellos.slice(1).map(({ token }) => [...token])).toEqual([[1], [1]]);
  });

  test("waits longer each time, up to 5 s, until graceMs have passed", async () => {
    const { relay, client, told } = await joined();
    const attempts: ReconnectAttempt[] = [];
    client.addEventListener("reconnecting", ({ detail }) => attempts.push(detail));
    const connection = await opened({ relay, client, told });
    relay.isDown = true;
    relay.socket?.drop(4008, "restarting");
    await pass(29_000);
    const waits = attempts.map(({ waitMs }) => waitMs); // half of what they may be
    expect(waits.slice(0, 7)).toEqual([50, 100, 200, 400, 800, 1600, 2500]);
    expect(new Set(waits.slice(7))).toEqual(new Set([2500]));
    expect(attempts.length).toBeGreaterThan(12);
    expect(attempts[0]?.cause).toMatchObject({ code: "relay_closed", closeCode: 4008 });
    expect(attempts[1]?.cause).toMatchObject({ code: "dial_failed" });
    expect(connection.ending).toBeUndefined();
    await pass(1500);
    expect(await client.closed).toMatchObject({ code: 4008, reason: "restarting" });
    expect(connection.ending).toMatchObject({ reason: EndReason.RelayLost, closedBy: "relay" });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a bye says how long to wait at least", async () => {
    const { relay } = await joined();
    relay.send(encodeControl("bye", { code: 4008, reconnectAfterMs: 3000, debug: "" }));
    relay.socket?.drop(4008);
    await pass(2990);
    expect(relay.sockets.length).toBe(1);
    await pass(20);
    expect(relay.sockets.length).toBe(2);
  });

  test("a relay that drops every socket at once is not asked ever faster", async () => {
    const { relay } = await joined();
    relay.atHello = (self) => {
      self.send(encodeControl("welcome", LASTING), encodeControl("resumed", { connections: 0 }));
      self.socket?.drop();
    };
    relay.socket?.drop();
    await pass(60_000);
    expect(relay.sockets.length).toBeLessThan(35);
  });

  test("a ticket callback that throws, or never answers, is an attempt that failed", async () => {
    const answers = [
      () => "a.b.c",
      () => Promise.reject(new Error("no network")),
      () => new Promise<string>(() => {}),
      () => "d.e.f",
    ];
    const { relay, client } = await joined({ ticket: () => answers.shift()!() });
    const causes: unknown[] = [];
    client.addEventListener("reconnecting", ({ detail }) => causes.push(detail.cause));
    relay.resumeWith();
    relay.socket?.drop();
    await pass(11_000);
    expect(client.status).toBe("connected");
    expect(causes.slice(1)).toEqual([new Error("no network"), expect.objectContaining({ code: "dial_timeout" })]);
  });

  test("a ticket that comes when its attempt is over opens no socket", async () => {
    const late = Promise.withResolvers<string>();
    const answers = [() => "a.b.c", () => late.promise, () => "d.e.f"];
    const { relay, client } = await joined({ timeoutMs: 500, ticket: () => answers.shift()!() });
    relay.resumeWith();
    relay.socket?.drop();
    await pass(1000);
    expect(client.status).toBe("connected");
    late.resolve("l.a.te");
    await pass(1000);
    expect(relay.tickets).toEqual(["a.b.c", "d.e.f"]);
  });

  test.each([
    [401, "ticket_expired", "closed"],
    [403, "peer_banned", "closed"],
    [429, "room_full", "reconnecting"],
    [503, "unavailable", "reconnecting"],
  ])("a refusal with %i %s leaves the client %s", async (status, code, expected) => {
    const { relay, client } = await joined();
    relay.isDown = true;
    refuseWith(status, code);
    relay.socket?.drop(1006);
    await pass(1000);
    expect(client.status).toBe(expected);
    if (expected !== "closed") return;
    const { cause, ...info } = await client.closed;
    expect([info.code, (cause as RelayError).code, (cause as RelayError).status]).toEqual([1006, code, status]);
  });

  test("a hello that is answered with a close: 4003 is final, 4007 is not", async () => {
    for (const [code, expected] of [
      [4007, "reconnecting"],
      [4003, "closed"],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { relay, client } = await joined();
      relay.atHello = (self) => self.socket?.drop(code);
      relay.socket?.drop();
      // oxlint-disable-next-line no-await-in-loop
      await pass(100);
      expect(client.status).toBe(expected);
    }
  });

  test("a ticket of another peer ends it: the application's connections are not that peer's", async () => {
    const { relay, client } = await joined();
    relay.atHello = (self) => self.send(encodeControl("welcome", { ...LASTING, peer: 2n }));
    relay.socket?.drop();
    await pass(100);
    expect((await client.closed).cause).toMatchObject({ code: "invalid_argument" });
  });

  test.each(["while it waits", "while it dials"])("close() ends it at once, %s", async (when) => {
    const { relay, client, told } = await joined();
    relay.atHello = () => undefined;
    relay.socket?.drop();
    if (when === "while it dials") await pass(60);
    expect(await client.close()).toEqual({ code: 1000, reason: "bye" });
    await pass(20_000);
    expect([client.status, relay.sockets.length, told.at(-1)]).toEqual([
      "closed",
      when === "while it waits" ? 1 : 2,
      "closed 1000",
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("also from the event that tells of the attempt", async () => {
    const { relay, client } = await joined();
    client.addEventListener("reconnecting", () => void client.close());
    relay.socket?.drop();
    await pass(1);
    expect([client.status, vi.getTimerCount()]).toEqual(["closed", 0]);
  });

  test("so does the signal; one that was aborted after joining and before the loss does not", async () => {
    const early = new AbortController();
    const one = await joined({ signal: early.signal });
    early.abort();
    one.relay.resumeWith();
    one.relay.socket?.drop();
    await pass(100);
    expect(one.client.status).toBe("connected");
    const late = new AbortController();
    const two = await joined({ signal: late.signal });
    two.relay.isDown = true;
    two.relay.socket?.drop();
    await pass(100);
    late.abort();
    expect(await two.client.closed).toMatchObject({ code: 1006 });
  });

  test("S5: a handshake that is given up closes its socket with 4000, not the session", async () => {
    const { relay } = await joined({ timeoutMs: 500 });
    relay.atHello = () => undefined;
    relay.socket?.drop();
    await pass(600);
    expect(relay.sockets[1]?.closeCode).toBe(4000);
  });
});

describe("H3 and the network that changes", () => {
  test("a half-open socket is given up after two heartbeats and a half, without waiting for its close", async () => {
    const { relay, client } = await joined();
    relay.resumeWith();
    await pass(49_000);
    expect(relay.sockets.length).toBe(1);
    await pass(10_000);
    expect(relay.sockets[0]?.closeCode).toBe(4000);
    expect([client.status, relay.sockets.length]).toEqual(["connected", 2]);
  });

  test("reconnect() takes another socket at once, and what the old one still brings is ignored", async () => {
    const { relay, client, told } = await joined();
    const old = relay.socket;
    const late = old?.onmessage;
    relay.resumeWith();
    client.reconnect();
    expect(old?.closeCode).toBe(4000);
    await pass(1);
    expect([client.status, relay.sockets.length]).toEqual(["connected", 2]);
    (late as unknown as (event: { data: ArrayBuffer }) => void)({
      data: encodeControl("bye", { code: 4004, reconnectAfterMs: 0, debug: "" }).buffer,
    });
    old?.drop(4004);
    expect([client.status, told]).toEqual(["connected", ["reconnecting 1", "resumed"]]);
  });

  test("reconnect() cuts a wait short, and an attempt that hangs", async () => {
    const { relay, client } = await joined();
    relay.send(encodeControl("bye", { code: 4008, reconnectAfterMs: 20_000, debug: "" }));
    relay.socket?.drop(4008);
    relay.atHello = () => undefined;
    await pass(1000);
    client.reconnect();
    await pass(1);
    expect(relay.sockets.length).toBe(2);
    relay.resumeWith();
    client.reconnect();
    await pass(1);
    expect([client.status, relay.sockets.length, relay.sockets[1]?.closeCode]).toEqual(["connected", 3, 4000]);
  });

  test("the browser's event `online` does the same, until the client has left", async () => {
    const browser = new EventTarget();
    vi.stubGlobal("addEventListener", browser.addEventListener.bind(browser));
    vi.stubGlobal("removeEventListener", browser.removeEventListener.bind(browser));
    const { relay, client } = await joined();
    relay.resumeWith();
    browser.dispatchEvent(new Event("online"));
    await pass(1);
    expect([client.status, relay.sockets.length]).toEqual(["connected", 2]);
    await client.close();
    browser.dispatchEvent(new Event("online"));
    await pass(1000);
    expect(relay.sockets.length).toBe(2);
  });
});

describe("R5: after a resume", () => {
  test("a Connected connection goes on: what was not acknowledged leaves again, in order and before what is new", async () => {
    const all = await joined();
    const { relay } = all;
    const connection = await opened(all);
    connection.send(Uint8Array.of(1), { noNagle: true });
    await pass();
    expect(payloads(relay)).toEqual([1]);
    const paths: string[] = [];
    connection.addEventListener("pathchange", ({ detail }) => paths.push(`${detail.previous} ${detail.path}`));
    relay.socket?.drop();
    expect(connection.path).toBe("reconnecting");
    connection.send(Uint8Array.of(2), { noNagle: true });
    connection.send(Uint8Array.of(9), { reliable: false, noNagle: true });
    relay.resumeWith(relay.state(7, 1));
    await pass(100);
    expect(payloads(relay)).toEqual([1, 2]);
    expect(paths).toEqual(["open reconnecting", "reconnecting open"]);
    expect(connection.engine.counters.unsent).toBe(1);
  });

  test("data that comes with the listing is delivered", async () => {
    const all = await joined();
    const connection = await opened(all);
    all.relay.socket?.drop();
    all.relay.atHello = (self) => {
      self.send(encodeControl("welcome", LASTING), self.state(7, 1), encodeControl("resumed", { connections: 1 }));
      self.send(dataFrame({ handle: 7, flags: DataFlag.Reliable, payload: Uint8Array.of(3) }));
    };
    await pass(100);
    expect(connection.receive().map(({ payload }) => payload[0])).toEqual([3]);
  });

  test("a connection that is not listed has ended, with 5109; one whose close is listed, with that", async () => {
    const all = await joined();
    const [gone, closed] = [await opened(all, 7, 5n), await opened(all, 8, 6n)];
    all.relay.resumeWith(all.relay.closed(8, 1234));
    all.relay.socket?.drop();
    await pass(100);
    expect(gone.ending).toMatchObject({ reason: EndReason.EndedWhileAway, closedBy: "relay" });
    expect(closed.ending).toMatchObject({ reason: 1234, closedBy: "peer" });
    expect(all.client.connections).toEqual([]);
  });

  test("a path that is listed stays: the peer is away too", async () => {
    const all = await joined();
    const { relay } = all;
    const connection = await opened(all);
    connection.send(Uint8Array.of(1), { noNagle: true });
    await pass();
    relay.resumeWith(relay.state(7, 1), relay.path(7, Path.Away));
    relay.socket?.drop();
    await pass(100);
    expect(connection.path).toBe("peer-away");
    payloads(relay);
    relay.send(relay.path(7, Path.Open, PathFlag.Lost));
    await pass(10);
    expect([connection.path, payloads(relay)]).toEqual(["open", [1]]);
  });

  test("what was asked for and not answered is asked for again, once, with its timeout", async () => {
    const all = await joined();
    const { relay, client } = all;
    client.begin(5n, { timeoutMs: 4321 });
    await pass();
    relay.said();
    relay.resumeWith();
    relay.socket?.drop();
    const meanwhile = client.begin(6n);
    const withdrawn = client.begin(7n);
    void withdrawn.close();
    client.begin(6n);
    await pass(100);
    const asked = relay.received.flatMap(({ control }) => (control?.frame === "connect" ? [control.values] : []));
    expect(asked.map(({ peer, timeoutMs }) => [peer, timeoutMs])).toEqual([
      [5n, 4321],
      [6n, 0],
    ]);
    relay.send(relay.name(9, 1));
    expect([meanwhile.state, meanwhile.handle, meanwhile.path]).toEqual([1, 9, "open"]);
  });

  test("what was asked for and answered into the void is not closed as unknown, but found by asking again (C1)", async () => {
    const { relay, client } = await joined();
    const connection = client.begin(5n);
    await pass();
    relay.said();
    relay.resumeWith(relay.state(7, 1));
    relay.socket?.drop();
    await pass(100);
    expect(relay.received.flatMap(({ control }) => control?.frame ?? [])).toEqual(["connect"]);
    relay.send(relay.name(7, 1));
    await pass();
    expect(relay.said()).toEqual(["connect 5"]);
    expect([connection.state, connection.handle]).toEqual([1, 7]);
  });

  test("a listed connection that nobody knows is closed, once no answer can name it any more", async () => {
    const { relay, client } = await joined();
    client.begin(5n);
    await pass();
    relay.resumeWith(relay.state(7, 1), relay.state(8, 1));
    relay.socket?.drop();
    await pass(100);
    relay.send(relay.name(7, 1));
    await pass();
    expect(relay.said().slice(1)).toEqual(["connect 5", "close 8 1000"]);
  });

  test("a close that was said into the void is said again, with its reason", async () => {
    const all = await joined();
    const [before, during] = [await opened(all, 7, 5n), await opened(all, 8, 6n)];
    void before.close({ reason: 1500 });
    await pass();
    expect(all.relay.said()).toEqual(["close 7 1500"]);
    all.relay.resumeWith(all.relay.state(7, 1), all.relay.state(8, 1));
    all.relay.socket?.drop();
    void during.close({ reason: 1600 });
    expect(during.ending).toMatchObject({ reason: 1600, closedBy: "local" });
    await pass(100);
    expect(all.relay.said()).toEqual(["close 7 1500", "close 8 1600"]);
  });

  test("a close that was heard is not said again", async () => {
    const all = await joined();
    const connection = await opened(all);
    void connection.close({ reason: 1500 });
    all.relay.resumeWith(all.relay.closed(7, 1500, 0));
    all.relay.socket?.drop();
    await pass(100);
    expect(all.relay.said()).toEqual([]);
  });

  test("a graceful close that was not heard is said again; one that was is waited for", async () => {
    const all = await joined();
    const [unheard, heard] = [await opened(all, 7, 5n), await opened(all, 8, 6n)];
    void unheard.close({ graceful: true, reason: 1700 });
    void heard.close({ graceful: true });
    await pass();
    all.relay.said();
    all.relay.resumeWith(all.relay.state(7, 1), all.relay.state(8, 2));
    all.relay.socket?.drop();
    await pass(100);
    expect(all.relay.received.filter(({ control }) => control).map(({ flags }) => flags)).toEqual([1]);
    expect(all.relay.said()).toEqual(["close 7 1700"]);
    expect([unheard.state, heard.state, unheard.ending, heard.ending]).toEqual([2, 2, undefined, undefined]);
  });

  test("a graceful close of the other end that was not heard is answered", async () => {
    const all = await joined();
    const connection = await opened(all);
    all.relay.resumeWith(all.relay.state(7, 2));
    all.relay.socket?.drop();
    await pass(100);
    expect(all.relay.said()).toEqual(["close 7 1000"]);
    all.relay.send(all.relay.closed(7, 1000));
    expect(connection.ending).toMatchObject({ reason: 1000 });
  });

  test("an accept and a refusal that were not heard are said again; who was not answered is not offered twice", async () => {
    const { relay, client } = await joined();
    const incoming = [relay.incoming(1, 10n), relay.incoming(2, 20n), relay.incoming(3, 30n), relay.incoming(4, 40n)];
    const offered: [bigint, boolean][] = [];
    client.onIncoming({}, (connection, isRepeated) => {
      offered.push([connection.peer, isRepeated]);
      if (connection.peer === 10n) void connection.accept();
      if (connection.peer === 20n) connection.refuse({ reason: 1234 });
    });
    relay.send(...incoming.slice(0, 3));
    await pass();
    relay.said();
    relay.resumeWith(...incoming);
    relay.socket?.drop();
    await pass(100);
    expect(relay.said()).toEqual(["accept 1", "refuse 2 1234"]);
    expect(offered).toEqual([
      [10n, false],
      [20n, false],
      [30n, false],
      [40n, false],
    ]);
    relay.send(relay.state(1, 1));
    expect(client.connections.find(({ peer }) => peer === 10n)?.state).toBe(1);
  });

  test("who was refused, asked again and was accepted is not refused again", async () => {
    const { relay, client } = await joined();
    const offered: RelayConnection[] = [];
    client.onIncoming({}, (connection) => offered.push(connection));
    relay.send(relay.incoming(1, 10n));
    offered[0]?.refuse();
    relay.send(relay.incoming(1, 10n)); // C1
    void offered[1]?.accept();
    await pass();
    expect(relay.said()).toEqual(["refuse 1 1000", "accept 1"]);
    relay.resumeWith(relay.incoming(1, 10n));
    relay.socket?.drop();
    await pass(100);
    expect(relay.said()).toEqual(["accept 1"]);
  });

  test("what is remembered of closes is bounded; what is forgotten is closed all the same", async () => {
    const all = await joined();
    const { relay } = all;
    const connections: RelayConnection[] = [];
    // oxlint-disable-next-line no-await-in-loop
    for (let i = 0; i < 300; i++) connections.push(await opened(all, 1000 + i, BigInt(1000 + i)));
    relay.resumeWith(...connections.map(({ handle }) => relay.state(handle, 1)));
    relay.socket?.drop();
    for (const connection of connections) void connection.close({ reason: 1500 });
    await pass(100);
    const said = relay.said();
    expect(said.filter((close) => close.endsWith(" 1500")).length).toBe(256);
    expect(said.filter((close) => close.endsWith(" 1000")).length).toBe(44);
  });

  test("what is accepted while there is no socket is accepted then", async () => {
    const { relay, client } = await joined();
    const offered: RelayConnection[] = [];
    client.onIncoming({}, (connection) => offered.push(connection));
    relay.send(relay.incoming(1, 10n), relay.incoming(2, 20n));
    relay.resumeWith(relay.incoming(1, 10n), relay.incoming(2, 20n));
    relay.socket?.drop();
    void offered[0]?.accept();
    offered[1]?.refuse();
    await pass(100);
    expect(relay.said()).toEqual(["accept 1", "refuse 2 1000"]);
  });

  test("what the application says as soon as it is told is said once", async () => {
    const all = await joined();
    const [one, two] = [await opened(all, 7, 5n), await opened(all, 8, 6n)];
    one.addEventListener("pathchange", ({ detail }) => {
      if (detail.path !== "open") return;
      void two.close({ reason: 1800 });
      all.client.begin(6n);
    });
    all.relay.resumeWith(all.relay.state(7, 1), all.relay.state(8, 1));
    all.relay.socket?.drop();
    await pass(100);
    expect(all.relay.said()).toEqual(["close 8 1800", "connect 6"]);
    expect(all.told).toEqual(["reconnecting 1", "resumed"]);
  });

  test("requests that nobody has listened for are listed again, and those that are over are not kept", async () => {
    const { relay, client } = await joined();
    relay.send(relay.incoming(1, 10n), relay.incoming(2, 20n));
    relay.resumeWith(relay.incoming(2, 20n));
    relay.socket?.drop();
    await pass(100);
    const offered: bigint[] = [];
    client.onIncoming({}, ({ peer }) => offered.push(peer));
    await pass();
    expect(offered).toEqual([20n]);
  });

  test("R10: a connection that the relay knows less of than we waits until it is accepted again", async () => {
    const all = await joined();
    const { relay } = all;
    const connection = await opened(all);
    connection.send(Uint8Array.of(1), { noNagle: true });
    await pass();
    payloads(relay);
    relay.resumeWith(relay.state(7, 0));
    relay.socket?.drop();
    await pass(100);
    expect([connection.state, payloads(relay)]).toEqual([1, []]);
    relay.send(relay.state(7, 1));
    await pass(10);
    expect([connection.path, payloads(relay)]).toEqual(["open", [1]]);
  });

  test("a socket that is lost before everything was listed is another loss, and ends nothing", async () => {
    const all = await joined();
    const connection = await opened(all);
    all.relay.atHello = (self) => {
      self.send(encodeControl("welcome", { ...LASTING, token: Uint8Array.of(8) }));
      self.socket?.drop();
    };
    all.relay.socket?.drop();
    await pass(60);
    expect([all.client.status, connection.path]).toEqual(["reconnecting", "reconnecting"]);
    all.relay.resumeWith(all.relay.state(7, 1));
    await pass(1000);
    expect([all.client.status, connection.path, connection.ending]).toEqual(["connected", "open", undefined]);
    expect([...(all.relay.hellos.at(-1)?.token ?? [])]).toEqual([8]);
  });
});

describe("R2: another session", () => {
  test("ends what the old one had, and goes on with listeners and what was not answered", async () => {
    const all = await joined();
    const { relay, client, told } = all;
    const connection = await opened(all);
    const offered: bigint[] = [];
    client.onIncoming({}, (incoming) => {
      offered.push(incoming.peer);
      void incoming.accept();
    });
    relay.send(relay.incoming(3, 30n, 1)); // nobody listens on port 1
    relay.atHello = (self) =>
      self.send(encodeControl("welcome", { ...LASTING, session: 10n, maxConnections: 3 }), self.incoming(9, 90n));
    relay.socket?.drop();
    const asked = client.begin(6n);
    await pass(100);
    expect(connection.ending).toMatchObject({ reason: EndReason.RelayLost, debug: "the session was lost" });
    expect([told, client.status, client.limits.maxConnections]).toEqual([["reconnecting 1", "fresh"], "connected", 3]);
    expect(relay.said()).toEqual(["connect 6", "accept 9"]);
    expect(asked.path).toBe("open");
    client.onIncoming({ virtualPort: 1 }, ({ peer }) => offered.push(peer));
    await pass();
    expect(offered).toEqual([90n]);
    relay.resumeWith();
    relay.socket?.drop();
    await pass(200);
    expect(relay.hellos.at(-1)?.session).toBe(10n);
  });

  test("that is lost in the turn that it came in is looked for again", async () => {
    const all = await joined();
    all.relay.atHello = (self) => {
      self.send(encodeControl("welcome", { ...LASTING, session: 10n }));
      self.socket?.drop();
    };
    all.relay.socket?.drop();
    await pass(60);
    expect([all.client.status, all.told]).toEqual(["reconnecting", ["reconnecting 1", "fresh", "reconnecting 1"]]);
    all.relay.resumeWith();
    await pass(1000);
    expect([all.client.status, all.relay.hellos.at(-1)?.session]).toEqual(["connected", 10n]);
  });
});
