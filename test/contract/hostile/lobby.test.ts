/** The lobby's routes in the hands of who has a ticket, and means harm. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testTicket } from "../../support/tickets.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

const MIB = 1024 * 1024;

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

async function put(peer: bigint, path: string, length: number, claims: object = {}): Promise<Attacker> {
  const ticket = await testTicket({ peer, lobby: true, ...claims });
  const attacker = siege.dial();
  const head = [`PUT /v1/apps/480${path} HTTP/1.1`, "Host: relay", `Authorization: Bearer ${ticket}`];
  attacker.write([...head, `Content-Length: ${length}`, "", ""].join("\r\n"));
  return attacker;
}

test("a listing of a gigabyte is refused before it has been sent, and takes no memory", () =>
  siege.withstand({}, async () => {
    const attacker = await put(siege.newPeer(), "/lobby", 1_024 * MIB);
    const spaces = Buffer.alloc(64 * 1024, 0x20);
    for (
      let sent = 0;
      sent < 128 * MIB && attacker.response.status === undefined && !attacker.isGone;
      sent += spaces.length
    ) {
      attacker.write(spaces);
      if (attacker.tcp.writableNeedDrain) await Promise.race([drained(attacker), attacker.response.complete]);
    }
    await attacker.until("answer", () => attacker.response.status !== undefined || attacker.isGone);
    expect([400, 413, undefined]).toContain(attacker.response.status);
  }));

test("a ticket for another room lists neither a room nor the app's own, whoever is in it", () =>
  siege.withstand({}, async () => {
    const [peer] = siege.bystanders.peers;
    for (const path of ["/lobby", "/rooms/other/lobby"]) {
      const attacker = await put(peer!, path, 2, { room: "mine" });
      attacker.write("{}");
      await attacker.response.complete;
      expect(attacker.response.text).toContain("ticket_wrong_room");
    }
  }));

test("who is not in a room does not list it, and may not ask without end", () =>
  siege.withstand({}, async () => {
    const peer = siege.newPeer();
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const attacker = await put(peer, "/lobby", 2);
        attacker.write("{}");
        await attacker.response.complete;
        return attacker.response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([409, 429]));
  }));

function drained({ tcp }: Attacker): Promise<unknown> {
  return new Promise((resolve) => tcp.once("drain", resolve).once("close", resolve));
}
