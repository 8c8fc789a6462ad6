/** Getting in: with tickets that are used up, forged or meant for something else, and with none. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProblemCode } from "../../../src/http/problem.ts";
import { base64url, forgeToken, testTicket } from "../../support/tickets.ts";
import { type AttackerOptions, upgradeRequest } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start({}, { "482": { joinsPerMinute: 5 } });
});
afterAll(() => siege[Symbol.asyncDispose]());

const HS256 = { alg: "HS256", typ: "JWT" };
/** Bans of addresses meet everybody of 127.0.0.1: in a room of its own, without the bystanders. */
const ROOM = "quarantine";

async function expectRefused(status: number, code: ProblemCode, options: AttackerOptions): Promise<void> {
  const { response } = await siege.knock(options);
  expect([response.status, response.code]).toEqual([status, code]);
}

function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { sub: "666", app: 480, aud: "edge-relay", exp: Math.floor(Date.now() / 1000) + 60, ...more };
}

/** A header that is not signed at all, as the library of an unlucky relay would accept. */
function unsigned(alg: string): string {
  return `${base64url(JSON.stringify({ alg, typ: "JWT" }))}.${base64url(JSON.stringify(claims()))}.`;
}

describe("a good ticket that is over", () => {
  test("[L3][L4] replayed after its revocation: the session is closed with 4011, each further join is ticket_revoked", () =>
    siege.withstand({ joinRefusals: { ticket_revoked: 3 } }, async () => {
      const peer = siege.newPeer();
      const ticket = await testTicket({ peer, id: "stolen-1" });
      const thief = await siege.attacker({ peer, ticket });
      const { ended } = await siege.relay.admin<{ ended: number }>("/apps/480/tickets/stolen-1/revocation", {
        method: "PUT",
      });
      expect(ended).toBe(1);
      expect((await thief.closed()).code).toBe(4011);
      for (let i = 0; i < 3; i++) await expectRefused(403, "ticket_revoked", { ticket });
      // Another ticket of the same peer is good.
      await siege.attacker({ peer });
    }));

  test("[L3][L4] replayed after a ban of its peer: peer_banned, with any ticket", () =>
    siege.withstand({ joinRefusals: { peer_banned: 2 } }, async () => {
      const peer = siege.newPeer();
      const ticket = await testTicket({ peer });
      const attacker = await siege.attacker({ peer, ticket });
      await siege.relay.admin(`/apps/480/bans/peers/${peer}`, { method: "PUT" });
      expect((await attacker.closed()).code).toBe(4011);
      await expectRefused(403, "peer_banned", { ticket });
      await expectRefused(403, "peer_banned", { ticket: await testTicket({ peer, visible: true }) });
    }));

  test("[L3][L4] replayed after a ban of its address: address_banned, whatever the peer and its headers say", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker({ room: ROOM });
      await siege.relay.admin(`/apps/480/rooms/${ROOM}/bans/addresses/127.0.0.1`, { method: "PUT" });
      expect((await attacker.closed()).code).toBe(4011);
      await expectRefused(403, "address_banned", { room: ROOM });
      const authorization = `Authorization: Bearer ${await testTicket({ peer: siege.newPeer() })}`;
      const headers = [authorization, "CF-Connecting-IP: 203.0.113.7", "X-Forwarded-For: 203.0.113.7"];
      await expectRefused(403, "address_banned", { room: ROOM, headers });
      expect((await siege.statistics(ROOM)).joinRefusals.address_banned).toBe(2);
    }));
});

describe("refused before the room is touched, so that no counter of a room moves", () => {
  const forged: readonly (readonly [string, number, ProblemCode, () => string | Promise<string>])[] = [
    ["expired", 401, "ticket_expired", () => forgeToken(HS256, claims({ exp: 1_000_000_000 }))],
    ["not valid yet", 401, "ticket_not_yet_valid", () => forgeToken(HS256, claims({ nbf: 4_000_000_000 }))],
    ["alg none", 401, "ticket_algorithm", () => unsigned("none")],
    ["alg nOnE", 401, "ticket_algorithm", () => unsigned("nOnE")],
    [
      "RS256 with the secret as the key",
      401,
      "ticket_algorithm",
      () => forgeToken({ ...HS256, alg: "RS256" }, claims()),
    ],
    ["signed by somebody else", 401, "ticket_bad_signature", () => forgeToken(HS256, claims(), "x".repeat(32))],
    [
      "of a key that there is not",
      401,
      "ticket_unknown_key",
      () => forgeToken({ ...HS256, kid: "../../key" }, claims()),
    ],
    ["for another audience", 401, "ticket_wrong_audience", () => forgeToken(HS256, claims({ aud: "another" }))],
    ["with a number for a peer", 401, "ticket_bad_claim", () => forgeToken(HS256, claims({ sub: 666 }))],
    ["for another app", 403, "ticket_wrong_app", () => testTicket({ peer: 666n, app: 730 })],
    ["for another room", 403, "ticket_wrong_room", () => testTicket({ peer: 666n, room: "elsewhere" })],
    [
      "of a rate class that is not there",
      403,
      "unknown_rate_class",
      () => testTicket({ peer: 666n, rateClass: "god" }),
    ],
    ["8,000 characters of no JWT", 401, "ticket_malformed", () => "A".repeat(8_000)],
    ["of three dots", 401, "ticket_malformed", () => "..."],
  ];

  test.each(forged)("[Joining] a ticket %s: %i %s", (_, status, code, make) =>
    siege.withstand({}, async () => expectRefused(status, code, { ticket: await make() })),
  );

  test("[Joining] a ticket in the URL, in a cookie, or as another scheme is no ticket", () =>
    siege.withstand({}, async () => {
      const ticket = await testTicket({ peer: 666n });
      for (const path of [`?ticket=${ticket}`, `?access_token=${ticket}`, `?authorization=Bearer%20${ticket}`]) {
        const attacker = siege.dial();
        attacker.write(upgradeRequest({ path: `/v1/apps/480/connect${path}`, headers: [] }));
        await attacker.response.complete;
        expect([attacker.response.status, attacker.response.code]).toEqual([401, "ticket_missing"]);
        expect(attacker.response.text).not.toContain(ticket);
      }
      await expectRefused(401, "ticket_missing", { headers: [`Cookie: ticket=${ticket}`] });
      await expectRefused(401, "ticket_missing", { headers: [`Authorization: Basic ${ticket}`] });
    }));

  test("[L3] a join flood over joinsPerMinute: too_many_joins with Retry-After, and bad tickets do not count", () =>
    siege.withstand({}, async () => {
      for (let i = 0; i < 20; i++) await expectRefused(401, "ticket_algorithm", { app: 482, ticket: unsigned("none") });
      const answers: (number | undefined)[] = [];
      for (let i = 0; i < 100; i++) {
        const { response } = await siege.knock({ app: 482 });
        answers.push(response.status);
        if (response.status === 429) {
          expect(response.code).toBe("too_many_joins");
          expect(Number(response.header("retry-after"))).toBeGreaterThan(0);
        }
      }
      expect(answers.slice(0, 5)).toEqual([101, 101, 101, 101, 101]);
      // It fills again by one in 12 s: nearly all of the rest were refused.
      expect(answers.filter((status) => status === 429).length).toBeGreaterThan(80);
    }));
});
