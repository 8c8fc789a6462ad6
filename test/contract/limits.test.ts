/** What a relay without an edge, or a proxy, before it knows of its clients. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

let relay: RunningRelay;
beforeAll(async () => {
  const settings = { default: { joinsPerMinute: 2 } };
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify(settings) });
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
});

async function ask(headers: Record<string, string> = {}): Promise<Response> {
  const authorization = `Bearer ${await testTicket({ peer: 1n })}`;
  return fetch(`${relay.url}/v1/apps/480/connect`, { headers: { authorization, ...headers } });
}

test("[L3] the address is the socket's, whatever a client says of itself", async () => {
  expect((await ask()).status).toBe(426);
  expect((await ask()).status).toBe(426);
  const response = await ask({ "cf-connecting-ip": "203.0.113.7", "x-forwarded-for": "203.0.113.7" });
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({ code: "too_many_joins" });
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
});
