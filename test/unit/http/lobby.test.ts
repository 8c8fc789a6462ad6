/** What the lobby's routes take in, on a platform that has nothing behind them. */
import { expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import type { RelayEnvironment, RoomGateway } from "../../../src/http/gateway.ts";
import { TEST_SECRET, testTicket } from "../../support/tickets.ts";

const app = createApp<RelayEnvironment>({
  runtime: "test",
  rooms: () => ({ announce: async () => ({ outcome: "done" }) }) as unknown as RoomGateway,
  pages: () => undefined,
  geo: () => ({}),
  address: () => undefined,
  now: () => Date.now(),
  log: () => {},
});

async function announce(peer: bigint, body: ReadableStream | string): Promise<Response> {
  const ticket = await testTicket({ peer, lobby: true });
  const request = new Request("http://relay.test/v1/apps/480/lobby", {
    method: "PUT",
    headers: { authorization: `Bearer ${ticket}` },
    body,
    duplex: "half",
  } as RequestInit);
  return app.fetch(request, { TICKET_SECRET: TEST_SECRET });
}

test("a listing that does not end is refused before it has been read", async () => {
  let given = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      given += 4_096;
      if (given > 1_000_000) controller.error(new Error("it was read on and on"));
      else controller.enqueue(new Uint8Array(4_096).fill(0x20));
    },
  });
  const response = await announce(1n, endless);
  expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_body" }]);
  expect(given).toBeLessThan(50_000);
});

test("a listing may come in pieces, which may part a character", async () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ data: { name: "Bôb's" } }));
  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  expect((await announce(2n, pieces)).status).toBe(204);
});

test.each(["", "{", '{"data":[]}'])("%j is no listing", async (body) => {
  expect((await announce(BigInt(100 + body.length), body)).status).toBe(400);
});
