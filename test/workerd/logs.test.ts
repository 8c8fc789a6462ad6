/** What the worker and its objects log in a whole run: an event for each thing that happens, and no secret in any. */
import { env, exports } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { LOG_EVENTS } from "../../src/relay/log-events.ts";
import { testTicket } from "../support/tickets.ts";
import { captureLogs } from "./support/logs.ts";
import { BOB, connectUrl, pairUp } from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

const ADDRESS = "203.0.113.77";
const PAYLOAD = "what players say to each other";

afterEach(() => void vi.restoreAllMocks());

function admin(app: number, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  return exports.default.fetch(`http://relay.test/v1/admin/apps/${app}${path}`, { headers, ...init });
}

function upgrade(app: number, ticket: string): Promise<Response> {
  const headers = {
    upgrade: "websocket",
    "sec-websocket-protocol": `edge-relay.v1, ticket.${ticket}`,
    "cf-connecting-ip": ADDRESS,
  };
  return exports.default.fetch(connectUrl({ app }), { headers });
}

it("every event has a line with stable names, and no line has a ticket, a token, a secret or an address", async () => {
  const lines = captureLogs();
  const app = freshApp();
  const pair = await pairUp({ app });
  pair.a.data(pair.handle, new TextEncoder().encode(PAYLOAD));
  await pair.b.nextData();
  const jti = "a-ticket-by-its-own-name";
  const ticket = await testTicket({ app, peer: 99n, id: jti });
  const guest = await upgrade(app, ticket);
  expect(guest.status).toBe(101);
  guest.webSocket!.accept();
  const refused = await upgrade(app, await testTicket({ app, peer: 99n, id: jti, now: 0 }));
  expect(refused.status).toBe(401);
  for (const [path, method] of [
    [`/bans/addresses/${ADDRESS}`, "PUT"],
    [`/tickets/${jti}/revocation`, "PUT"],
    [`/bans/addresses/${ADDRESS}`, "DELETE"],
    [`/bans/peers/123`, "PUT"],
    [`/bans/peers/123`, "DELETE"],
    [`/connections/${pair.connectionId}`, "DELETE"],
    [`/peers/${BOB}/kick`, "POST"],
    ["/drain", "POST"],
  ] as const) {
    expect((await admin(app, path, { method })).ok, path).toBe(true);
  }
  const banned = await upgrade(app, ticket);
  expect(await banned.json()).toMatchObject({ code: "ticket_revoked" });
  await runDurableObjectAlarm(roomOf(app));

  const events = lines.map(({ event }) => event);
  for (const event of [
    "migrated",
    "join",
    "session_opened",
    "connection_opened",
    "connection_closed",
    "join_refused",
    "banned",
    "unbanned",
    "kicked",
    "drained",
    "admin_action",
  ]) {
    expect(events).toContain(event);
  }
  const ofRoom = (event: string) => lines.filter((line) => line["event"] === event);
  expect(ofRoom("connection_closed")[0]).toMatchObject({ packets: 1, durationMs: expect.any(Number), reason: 5104 });
  expect(ofRoom("join_refused").map(({ reason }) => reason)).toEqual(["ticket_expired", "ticket_revoked"]);
  expect(ofRoom("kicked")).toEqual([{ level: "info", event: "kicked", peer: String(BOB), room: `app/${app}` }]);
  expect(ofRoom("unbanned")[1]).toMatchObject({ kind: "peer", peer: "123" });
  expect(ofRoom("admin_action")[0]).toMatchObject({ method: "PUT", room: `app/${app}`, status: 200 });
  for (const line of lines) {
    const { level, event, room, ...fields } = line as { level: string; event: keyof typeof LOG_EVENTS; room?: string };
    expect(LOG_EVENTS[event].level).toBe(level);
    if (room !== undefined) expect(room).toBe(`app/${app}`);
    for (const name of Object.keys(fields)) expect(LOG_EVENTS[event].fields, event).toContain(name);
    const text = JSON.stringify(line);
    for (const secret of [...ticket.split("."), jti, env.ADMIN_TOKEN!, env.TICKET_SECRET!, ADDRESS, PAYLOAD]) {
      expect(text).not.toContain(secret);
    }
  }
  for (const peer of [pair.a, pair.b]) peer.socket.close();
});

it("a flood of refused joins is a few lines", async () => {
  const app = freshApp();
  const lines = captureLogs();
  for (let i = 0; i < 200; i++) expect((await upgrade(app, "nonsense")).status).toBe(401);
  // Another minute may begin while it runs.
  expect(lines.length).toBeLessThanOrEqual(2 * 10 + 1);
});
