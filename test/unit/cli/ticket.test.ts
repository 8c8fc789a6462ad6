import { expect, test } from "vitest";
import { verifyTicket } from "../../../src/auth/verify-ticket.ts";
import { TEST_SECRET } from "../../support/tickets.ts";
import { loadOrThrow } from "../auth/keys.ts";
import { cli } from "./command-line.ts";

const ARGS = ["ticket", "--app", "480", "--peer", "76561197960287930"];
const VARIABLES = { TICKET_SECRET: TEST_SECRET };

async function verify(token = "", now = Date.now()) {
  return verifyTicket(token.trim(), await loadOrThrow(VARIABLES), now);
}

test("prints the ticket and nothing else", async () => {
  const { exit, stdout, stderr } = await cli(ARGS, VARIABLES);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(await verify(stdout)).toMatchObject({ ok: true, ticket: { peer: 76561197960287930n, visible: false } });
});

test("takes every option", async () => {
  const more = ["--room", "lobby", "--ttl", "10", "--visible", "--class", "server", "--id", "t-1", "--json"];
  const { stdout } = await cli([...ARGS, ...more], VARIABLES);
  const { ticket, ...rest } = JSON.parse(stdout) as { ticket: string };
  const claims = { app: 480, peer: "76561197960287930", room: "lobby", class: "server", id: "t-1" };
  expect(rest).toEqual({ ...claims, expiresInSeconds: 10 });
  expect(await verify(ticket)).toMatchObject({
    ok: true,
    ticket: { room: "lobby", visible: true, rateClass: "server", id: "t-1" },
  });
  expect(await verify(ticket, Date.now() + 60_000)).toMatchObject({ ok: false });
});

test("exit code 1 where there is no secret, or one that is too short", async () => {
  const without = await cli(ARGS, { TICKET_SECRET: "" });
  expect(without.exit).toBe(1);
  expect(without.stderr).toContain("npm start");
  const short = await cli(ARGS, { TICKET_SECRET: "short" });
  expect(short.exit).toBe(1);
  expect(short.stderr).toContain("has 5 bytes and needs 32");
});
