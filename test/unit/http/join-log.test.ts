/** What is logged of joins: each that succeeds, and of a flood of refused ones a few, and how many there were. */
import { describe, expect, test } from "vitest";
import { JoinLog, REFUSALS_LOGGED_PER_MINUTE } from "../../../src/http/join-log.ts";
import { adoptProblem, problem, problemCode } from "../../../src/http/problem.ts";
import type { LogEntry } from "../../../src/relay/ports.ts";
import { parseRoomAddress } from "../../../src/runtime/room-address.ts";

const MINUTE = 60_000;
const START = 28_333_333 * MINUTE;
const address = parseRoomAddress("app/480/room/lobby");
const peer = 7n as never;

function setup() {
  const lines: LogEntry[] = [];
  const joins = new JoinLog((line) => lines.push(line));
  const refuse = (at: number, code: "room_full" | "ticket_expired" = "room_full") =>
    joins.ended({ response: problem(code, "no"), address, peer }, at);
  return { lines, joins, refuse };
}

describe("JoinLog", () => {
  test("a join, with where its client is; a refusal, with the reason", () => {
    const { lines, joins, refuse } = setup();
    joins.ended({ response: new Response(), address, peer, geo: { colo: "AMS", country: "NL", latitude: 52 } }, START);
    refuse(START);
    joins.ended({ response: problem("invalid_app_id", "no") }, START);
    expect(lines).toEqual([
      { level: "info", event: "join", room: "app/480/room/lobby", peer: "7", colo: "AMS", country: "NL" },
      { level: "info", event: "join_refused", reason: "room_full", room: "app/480/room/lobby", peer: "7" },
      { level: "info", event: "join_refused", reason: "invalid_app_id" },
    ]);
  });

  test("a flood: ten lines a minute and reason, then one with the count; joins keep their lines", () => {
    const { lines, joins, refuse } = setup();
    const response = problem("room_full", "no"); // one for all: to make 100,000 takes longer than to log them
    for (let i = 0; i < 100_000; i++) joins.ended({ response, address, peer }, START + (i % MINUTE));
    refuse(START, "ticket_expired");
    for (let i = 0; i < 20; i++) joins.ended({ response: new Response(), address, peer }, START);
    expect(lines).toHaveLength(REFUSALS_LOGGED_PER_MINUTE + 1 + 20);
    lines.length = 0;
    refuse(START + MINUTE);
    expect(lines).toEqual([
      { level: "warn", event: "joins_refused", reason: "room_full", count: 100_000, unlogged: 99_990 },
      { level: "info", event: "join_refused", reason: "room_full", room: "app/480/room/lobby", peer: "7" },
    ]);
  });

  test("a join ends the minute, too; what had its lines is not summed up", () => {
    const { lines, joins, refuse } = setup();
    for (let i = 0; i < REFUSALS_LOGGED_PER_MINUTE; i++) refuse(START);
    lines.length = 0;
    joins.ended({ response: new Response(), address, peer }, START + 5 * MINUTE);
    expect(lines.map(({ event }) => event)).toEqual(["join"]);
  });

  test("a refusal from another isolate is the same, and its code is known", async () => {
    const made = problem("room_full", "the room is full", 10);
    const sent = new Response(await made.clone().text(), { status: made.status, headers: made.headers });
    expect(problemCode(sent)).toBeUndefined();
    const adopted = await adoptProblem(sent);
    expect(problemCode(adopted)).toBe("room_full");
    expect([adopted.status, [...adopted.headers], await adopted.text()]).toEqual([
      made.status,
      [...made.headers],
      await made.text(),
    ]);
  });
});
