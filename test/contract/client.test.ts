import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ConnectionState,
  type Listener,
  RelayClient,
  type RelayConnection,
  RelayError,
  connect,
} from "../../src/client/index.ts";
import { forgeToken, testTicket } from "../support/tickets.ts";
import { RunningRelay } from "../support/running-relay.ts";

let relay: RunningRelay;
let nextPeer = 76561197960290000n;

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

async function join(peer = nextPeer++, claims: { visible?: boolean } = {}): Promise<RelayClient> {
  return connect({ url: relay.url, app: 480, ticket: await testTicket({ peer: String(peer), app: 480, ...claims }) });
}

async function nextIncoming(listener: Listener): Promise<RelayConnection> {
  const { value } = await listener[Symbol.asyncIterator]().next();
  if (!value) throw new Error("the listener ended");
  return value;
}

async function pair(virtualPort = 0): Promise<{ a: RelayConnection; b: RelayConnection; clients: RelayClient[] }> {
  const [clientA, clientB] = await Promise.all([join(), join()]);
  const listener = clientB.listen({ virtualPort });
  const opening = clientA.open(clientB.peer, { virtualPort });
  const b = await nextIncoming(listener);
  await b.accept();
  return { a: await opening, b, clients: [clientA, clientB] };
}

async function read(connection: RelayConnection, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const { payload } of connection) {
    texts.push(new TextDecoder().decode(payload));
    if (texts.length === count) break;
  }
  return texts;
}

async function failure(promise: Promise<unknown>): Promise<RelayError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RelayError)) throw error;
  return error;
}

describe("joining", () => {
  test("welcome tells the peer of the ticket and the limits", async () => {
    await using client = await join(76561197960287930n);
    expect(client.peer).toBe(76561197960287930n);
    expect(client.limits).toMatchObject({ version: 1, maxPayload: 512 * 1024, heartbeatMs: 15_000 });
  });

  test("a refused ticket is named, not hidden behind a socket error", async () => {
    const expired = await testTicket({ peer: "1", app: 480, expiresInSeconds: -3600 }).catch(() =>
      forgeToken({ alg: "HS256", typ: "JWT" }, { sub: "1", app: 480, aud: "edge-relay", exp: 1 }),
    );
    expect((await failure(connect({ url: relay.url, app: 480, ticket: expired }))).code).toBe("ticket_expired");
    const other = await testTicket({ peer: "1", app: 730 });
    expect((await failure(connect({ url: relay.url, app: 480, ticket: other }))).code).toBe("ticket_wrong_app");
  });

  test("a relay that is not there, and a URL that is none", async () => {
    const ticket = await testTicket({ peer: "1", app: 480 });
    expect((await failure(connect({ url: "http://127.0.0.1:1", app: 480, ticket }))).code).toBe("dial_failed");
    expect((await failure(connect({ url: "nonsense", app: 480, ticket }))).code).toBe("invalid_argument");
    expect((await failure(connect({ url: "ftp://127.0.0.1", app: 480, ticket }))).code).toBe("invalid_argument");
  });

  test("[S4] a second login supersedes the first, which is told why", async () => {
    const first = await join(1n);
    await using second = await join(1n);
    expect(await first.closed).toMatchObject({ code: 4003 });
    expect(second.connections).toEqual([]);
  });
});

describe("connections", () => {
  test("messages arrive whole and in order, in both directions", async () => {
    const { a, b } = await pair(7);
    expect([a.state, b.state, a.virtualPort, b.virtualPort]).toEqual([
      ConnectionState.Connected,
      ConnectionState.Connected,
      7,
      7,
    ]);
    for (let i = 0; i < 100; i++) a.send(`to b ${i}`);
    b.send("to a");
    expect(await read(b, 100)).toEqual(Array.from({ length: 100 }, (_, i) => `to b ${i}`));
    expect(await read(a, 1)).toEqual(["to a"]);
  });

  test("a message of the largest size arrives, one byte more is refused", async () => {
    const { a, b } = await pair();
    const large = new Uint8Array(512 * 1024).map((_, i) => i % 251);
    a.send(large);
    const { value } = await b[Symbol.asyncIterator]().next();
    expect(Buffer.compare(value?.payload ?? new Uint8Array(), large)).toBe(0);
    expect(() => a.send(new Uint8Array(512 * 1024 + 1))).toThrowError(
      expect.objectContaining({ code: "payload_too_large" }),
    );
  });

  test("a full send buffer is told, and write() waits for room", async () => {
    const { a, b } = await pair();
    const chunk = new Uint8Array(64 * 1024);
    expect(() => {
      for (let i = 0; i < 100; i++) a.send(chunk);
    }).toThrowError(expect.objectContaining({ code: "limit_exceeded" }));
    const writing = (async () => {
      for (let i = 0; i < 64; i++) await a.write(chunk);
      await a.close();
    })();
    let bytes = 0;
    for await (const { payload } of b) bytes += payload.length;
    await writing;
    expect(bytes).toBe((8 + 64) * chunk.length);
  });

  test("close lingers until what was sent has arrived, and carries reason and text", async () => {
    const { a, b } = await pair();
    for (let i = 0; i < 50; i++) a.send(`last words ${i}`);
    const closing = a.close({ reason: 1042, debug: "done" });
    expect((await read(b, 50)).at(-1)).toBe("last words 49");
    expect(await b.closed).toEqual({ reason: 1042, debug: "done", closedBy: "peer" });
    expect(await closing).toMatchObject({ reason: 1042, closedBy: "local" });
    expect(() => a.send("too late")).toThrowError(expect.objectContaining({ code: "connection_closed" }));
  });

  test("[C5] both open at once and get the same connection", async () => {
    const [x, y] = await Promise.all([join(), join()]);
    const [fromX, fromY] = await Promise.all([x.open(y.peer), y.open(x.peer)]);
    expect(fromX.id).toBe(fromY.id);
    fromX.send("same");
    expect(await read(fromY, 1)).toEqual(["same"]);
  });

  test("[C6] absent and refusing peers look alike; a visible ticket is told", async () => {
    const [asker, refuser] = await Promise.all([join(), join()]);
    const listener = refuser.listen();
    const refused = failure(asker.open(refuser.peer, { timeoutMs: 500 }));
    (await nextIncoming(listener)).refuse({ reason: 1005, debug: "no thanks" });
    const absent = await failure(asker.open(999_999n, { timeoutMs: 500 }));
    expect((await refused).message).toBe(absent.message);
    expect([(await refused).code, absent.code]).toEqual(["connect_timeout", "connect_timeout"]);

    const friend = await join(nextPeer++, { visible: true });
    const told = failure(friend.open(refuser.peer));
    (await nextIncoming(listener)).refuse({ reason: 1005, debug: "no thanks" });
    expect(await told).toMatchObject({ code: "connection_closed", reason: 1005 });
  });

  test("[C3] a peer that joins in time is asked", async () => {
    const late = nextPeer++;
    const asker = await join();
    const opening = asker.open(late, { virtualPort: 3 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const client = await join(late);
    const incoming = await nextIncoming(client.listen({ virtualPort: 3 }));
    await incoming.accept();
    expect((await opening).peer).toBe(late);
  });

  test("errors of the relay and of the caller have codes", async () => {
    await using client = await join();
    expect((await failure(client.open(client.peer))).code).toBe("connect_to_self");
    expect(() => client.begin(0n)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => client.begin(5n, { virtualPort: 1000 })).toThrowError(
      expect.objectContaining({ code: "invalid_argument" }),
    );
    client.listen({ virtualPort: 1 });
    expect(() => client.listen({ virtualPort: 1 })).toThrowError(expect.objectContaining({ code: "port_in_use" }));
  });

  test("an abort withdraws the connect", async () => {
    const [asker, other] = await Promise.all([join(), join()]);
    const listener = other.listen();
    const controller = new AbortController();
    const opening = asker.open(other.peer, { signal: controller.signal });
    const incoming = await nextIncoming(listener);
    controller.abort(new Error("changed my mind"));
    await expect(opening).rejects.toThrow("changed my mind");
    expect(await incoming.closed).toMatchObject({ closedBy: "peer" });
  });

  test("when a peer leaves, the other end is told", async () => {
    const { b, clients } = await pair();
    await clients[0]?.close();
    expect(await b.closed).toMatchObject({ reason: 5102, closedBy: "relay" });
  });

  test("unreliable messages arrive, and the relay's statistics agree with both ends", async () => {
    const before = await relay.admin<{ totalPackets: number; totalBytes: number }>("/apps/480/statistics");
    const { a, b } = await pair();
    for (let i = 0; i < 20; i++) a.send(`state ${i}`, { reliable: false });
    expect((await read(b, 20)).length).toBe(20);
    const after = await relay.admin<{ totalPackets: number; totalBytes: number }>("/apps/480/statistics");
    expect(a.engine.counters.framesSent).toBe(20);
    expect(b.engine.counters.framesReceived).toBe(20);
    expect(after.totalPackets - before.totalPackets).toBe(20);
    expect(after.totalBytes - before.totalBytes).toBe(a.engine.counters.bytesSent);
  });
});

test("killing the relay ends the client with a reason", async () => {
  await using own = await RunningRelay.start();
  const client = await connect({ url: own.url, app: 480, ticket: await testTicket({ peer: "5", app: 480 }) });
  await own.kill();
  expect((await client.closed).code).toBe(1006);
  expect(() => client.begin(7n)).toThrowError(expect.objectContaining({ code: "relay_closed" }));
});
