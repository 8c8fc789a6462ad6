import { describe, expect, test, vi } from "vitest";
import { RelayError, type RelayConnection } from "../../../src/client/index.ts";
import { encodeControl } from "../../../src/protocol/index.ts";
import { ScriptedRelay, WELCOME } from "./scripted-relay.ts";

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof RelayError ? error.code : String(error)),
  );
}

describe("around the welcome", () => {
  test("messages that arrive in the same turn are not lost", async () => {
    const relay = new ScriptedRelay((self) => {
      self.send(encodeControl("welcome", WELCOME), self.incoming(1, 10n));
      self.send(self.incoming(2, 20n));
      self.send(self.incoming(3, 30n), self.incoming(4, 40n));
    });
    const client = await relay.connect();
    const seen: bigint[] = [];
    client.onIncoming({}, ({ peer }) => seen.push(peer));
    await turn();
    expect(seen).toEqual([10n, 20n, 30n, 40n]);
  });

  test("a socket that is lost in the same turn ends the client", async () => {
    const relay = new ScriptedRelay((self) => {
      self.send(encodeControl("welcome", WELCOME));
      self.socket?.drop(1006);
    });
    const client = await relay.connect();
    expect(await client.closed).toMatchObject({ code: 1006 });
  });

  test.each([
    ["no payload", { maxPayload: 0 }],
    ["no heartbeat", { heartbeatMs: 0 }],
    ["another version", { version: 2 }],
  ])("a welcome that allows %s is refused", async (_, values) => {
    const relay = new ScriptedRelay((self) => self.send(encodeControl("welcome", { ...WELCOME, ...values })));
    expect(await codeOf(relay.connect())).toBe("protocol_violation");
  });

  test("a ticket that cannot be a subprotocol is refused before a socket is opened", async () => {
    const relay = new ScriptedRelay();
    expect(await codeOf(relay.connect({ ticket: "not a ticket" }))).toBe("ticket_malformed");
    expect(relay.socket).toBeUndefined();
  });

  test("an abort ends the join", async () => {
    const relay = new ScriptedRelay(() => undefined);
    const controller = new AbortController();
    const joining = relay.connect({ signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 10);
    await expect(joining).rejects.toThrow("enough");
  });

  test("no welcome in time is dial_timeout", async () => {
    expect(await codeOf(new ScriptedRelay(() => undefined).connect({ timeoutMs: 20 }))).toBe("dial_timeout");
  });
});

describe("what breaks the protocol", () => {
  test("ends the client, and what stands behind it is not acted on", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    const seen: RelayConnection[] = [];
    const errors: string[] = [];
    client.onIncoming({}, (connection) => seen.push(connection));
    client.addEventListener("error", ({ detail }) => errors.push(detail.code));
    const shortData = Uint8Array.from([0x20, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0]);
    relay.socket?.onmessage?.({ data: new Uint8Array([...shortData, ...relay.incoming(1, 10n)]).buffer } as never);
    expect(errors).toEqual(["protocol_violation"]);
    expect(seen).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 4001 });
  });

  test("a state that is none is ignored", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    const connection = client.begin(5n);
    await turn();
    relay.send(encodeControl("connecting", { request: 1, handle: 7, connectionId: 7n, state: 0 }));
    for (const state of [3, 0, 250]) relay.send(encodeControl("state", { handle: 7, state, previous: 0 }));
    expect(connection.state).toBe(0);
    relay.send(encodeControl("state", { handle: 7, state: 1, previous: 0 }));
    expect(connection.state).toBe(1);
  });
});

describe("an application that fails or leaves", () => {
  test("an acceptor that throws is told so, and loses nothing of the batch", async () => {
    const uncaught = vi.fn<(error: unknown) => void>();
    process.once("uncaughtException", uncaught);
    const listeners = process.listeners("uncaughtException").filter((listener) => listener !== uncaught);
    for (const listener of listeners) process.removeListener("uncaughtException", listener);
    try {
      const { relay, client } = await ScriptedRelay.joined();
      const seen: bigint[] = [];
      client.onIncoming({}, ({ peer }) => {
        seen.push(peer);
        if (peer === 10n) throw new Error("a bug in the game");
      });
      relay.send(relay.incoming(1, 10n), relay.incoming(2, 20n));
      await turn();
      expect(seen).toEqual([10n, 20n]);
      expect(uncaught).toHaveBeenCalledOnce();
    } finally {
      for (const listener of listeners) process.on("uncaughtException", listener);
      process.removeListener("uncaughtException", uncaught);
    }
  });

  test("listening ends when the client leaves, and cannot begin after", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    const next = client.listen({ virtualPort: 1 })[Symbol.asyncIterator]().next();
    relay.send(relay.incoming(1, 10n, 2)); // nobody listens on port 2
    await client.close();
    expect((await next).done).toBe(true);
    expect(() => client.listen({ virtualPort: 2 })).toThrowError(expect.objectContaining({ code: "relay_closed" }));
  });

  test("a listener forgets who gave up before it looked", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    const listener = client.listen();
    relay.send(relay.incoming(1, 10n), relay.incoming(2, 20n));
    relay.send(encodeControl("close", { handle: 1, reason: 1000, closedBy: 1, debug: "" }));
    await turn();
    const { value } = await listener[Symbol.asyncIterator]().next();
    expect(value?.peer).toBe(20n);
  });

  test("a second close waits for the end of a graceful one; an impatient one does not", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    const connection = client.begin(5n);
    await turn();
    relay.send(encodeControl("connecting", { request: 1, handle: 7, connectionId: 7n, state: 1 }));
    void connection.close({ graceful: true });
    void connection.close();
    expect(connection.state).toBe(2);
    await connection.close({ linger: false });
    expect(connection.ending).toMatchObject({ closedBy: "local" });
  });

  test("write() of what never fits the send buffer fails instead of waiting for ever", async () => {
    const { client } = await ScriptedRelay.joined();
    const connection = client.begin(5n, { tuning: { sendBufferSize: 10_000 } });
    expect(await codeOf(connection.write(new Uint8Array(10_001)))).toBe("limit_exceeded");
  });

  test("any number of requests in one turn leaves in messages of bounded size", async () => {
    const { relay, client } = await ScriptedRelay.joined();
    for (let peer = 2n; peer < 5_002n; peer++) client.begin(peer);
    await turn();
    expect(relay.heard.filter((frame) => frame === "connect")).toHaveLength(5_000);
    expect(Math.max(...relay.batchSizes)).toBeLessThan(65 * 1024);
  });
});
