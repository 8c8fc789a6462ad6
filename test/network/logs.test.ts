/** All that a relay of one's own writes in a run: lines of the list, and nothing secret in them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { LOG_EVENTS, type LogEventName } from "../../src/relay/log-events.ts";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { STANDALONE } from "../support/runtimes.ts";
import { TEST_SECRET, testTicket } from "../support/tickets.ts";

const APP = 480;
const BANNED = "203.0.113.77";
const PAYLOAD = "what players say to each other";

test.each(STANDALONE)("on %s", async (runtime) => {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-logs-"));
  try {
    const log = join(folder, "log");
    const relay = await RunningRelay.start({}, { runtime, log });
    const tickets = await Promise.all(
      [1, 2].map((peer) => testTicket({ app: APP, peer: String(peer), id: `jti-of-${peer}` })),
    );
    const enter = (ticket = "") => connect({ url: relay.url, app: APP, ticket, reconnect: false });
    const [a, b] = [await enter(tickets[0]), await enter(tickets[1])];
    b.onIncoming({}, (incoming) => void incoming.accept());
    const connection = await a.open(2n);
    connection.send(PAYLOAD);
    await expect(enter("no ticket at all")).rejects.toThrow();
    const act = (path: string, method: string) => relay.admin(`/apps/${APP}${path}`, { method });
    await act(`/bans/addresses/${BANNED}`, "PUT");
    await act("/tickets/jti-of-1/revocation", "PUT");
    await expect(enter(tickets[0])).rejects.toThrow();
    await act("/peers/2/kick", "POST");
    await relay.stop();
    await relay[Symbol.asyncDispose]();

    const text = readFileSync(log, "utf8");
    const secrets = [...tickets.flatMap((ticket) => ticket.split(".")), "jti-of-", TEST_SECRET, TEST_ADMIN_TOKEN];
    for (const secret of [...secrets, BANNED, PAYLOAD]) expect(text).not.toContain(secret);
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { level, event, room: _, ...fields } of lines) {
      const { level: expected, fields: names } = LOG_EVENTS[event as LogEventName];
      expect([event, level]).toEqual([event, expected]);
      for (const name of Object.keys(fields)) expect(names, String(event)).toContain(name);
    }
    const events = lines.map(({ event }) => event);
    for (const event of ["listening", "join", "session_opened", "connection_opened", "connection_closed", "banned"]) {
      expect(events).toContain(event);
    }
    for (const event of ["kicked", "admin_action", "stopping"]) expect(events).toContain(event);
    const refused = lines.filter(({ event }) => event === "join_refused").map(({ reason }) => reason);
    expect(refused).toContain("ticket_revoked");
    // The client's own address, of which all clients of this test are.
    const others = lines.filter(({ event }) => event !== "listening");
    expect(JSON.stringify(others)).not.toContain("127.0.0.1");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
