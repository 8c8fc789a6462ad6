/** Taking over a session: with another's secrets, used ones, guessed ones, and two at a time. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testTicket } from "../../support/tickets.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

interface Secrets {
  readonly peer: bigint;
  readonly session: bigint;
  readonly token: Uint8Array;
}

/** Joins, asks for a connection so that there is something to come back to (S5), and tells what resumes the session. */
async function victim(peer = siege.newPeer()): Promise<{ socket: Attacker; secrets: Secrets }> {
  const socket = await siege.knock({ peer });
  socket.hello();
  const { session, token } = await socket.next("welcome");
  const request = { request: 1, connectionType: 2, virtualPort: 5, channel: 0, timeoutMs: 60_000 };
  socket.control("connect", { ...request, peer: siege.bystanders.peers[0]! });
  await socket.next("connecting");
  return { socket, secrets: { peer, session, token } };
}

/** Says hello with these secrets on a socket of `peer`; gives the session that the relay then names. */
async function present(peer: bigint, { session, token }: Omit<Secrets, "peer">) {
  const socket = await siege.knock({ peer });
  socket.hello(session, token);
  const welcome = await socket.next("welcome");
  return { socket, session: welcome.session, token: welcome.token };
}

describe("secrets of others", () => {
  test("[R2][S7] another peer's session and token begin a fresh session of one's own; the owner's goes on", () =>
    siege.withstand({ refusals: { invalid_argument: 1 } }, async () => {
      const { socket, secrets } = await victim();
      const thief = await present(siege.newPeer(), secrets);
      expect(thief.session).not.toBe(secrets.session);
      expect(thief.socket.all("resumed")).toEqual([]);
      await socket.settled();
      expect(socket.closing).toBeUndefined();
    }));

  test("[R2] 20 guessed tokens for one's own session: each begins a fresh one", () =>
    siege.withstand({}, async () => {
      const { secrets } = await victim();
      for (let guess = 0; guess < 20; guess++) {
        const token = new Uint8Array(16).fill(guess);
        const { session } = await present(secrets.peer, { session: secrets.session, token });
        expect(session).not.toBe(secrets.session);
      }
    }));

  test.each([
    ["no token", new Uint8Array()],
    ["15 of its 16 bytes", undefined],
    ["255 bytes", new Uint8Array(255)],
  ])("[R2] the right session with %s is a fresh one", (_, token) =>
    siege.withstand({}, async () => {
      const { secrets } = await victim();
      const shown = token ?? secrets.token.subarray(0, 15);
      const { session } = await present(secrets.peer, { session: secrets.session, token: shown });
      expect(session).not.toBe(secrets.session);
    }),
  );

  test("[R1] a resume without a ticket, or with one of another app, is refused before the room", () =>
    siege.withstand({}, async () => {
      const { socket, secrets } = await victim();
      const bare = await siege.knock({ peer: secrets.peer, headers: ["X-Session: 1"] });
      expect([bare.response.status, bare.response.code]).toEqual([401, "ticket_missing"]);
      const elsewhere = await siege.knock({ ticket: await testTicket({ peer: secrets.peer, app: 730 }) });
      expect([elsewhere.response.status, elsewhere.response.code]).toEqual([403, "ticket_wrong_app"]);
      await socket.settled();
    }));
});

describe("used secrets", () => {
  test("[R7][R2] a token that was used, and confirmed, is worth nothing: replayed, it ends the session", () =>
    siege.withstand({}, async () => {
      const { secrets, socket } = await victim();
      socket.destroy();
      const resumed = await present(secrets.peer, secrets);
      expect(resumed.session).toBe(secrets.session);
      await resumed.socket.settled(); // heard from: the old token is used up
      const replayed = await present(secrets.peer, secrets);
      expect(replayed.session).not.toBe(secrets.session);
      expect((await resumed.socket.closed()).code).toBe(4003);
    }));

  test("[R9] the secrets of a session whose grace period has passed are worth nothing", () =>
    siege.withstand({}, async () => {
      const { secrets, socket } = await victim();
      socket.destroy();
      while ((await siege.statistics()).peers + (await siege.statistics()).away > 2)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await present(secrets.peer, secrets)).session).not.toBe(secrets.session);
    }));

  test("[L4][L3] the secrets of a banned peer: its session ends with 4011, and the join is refused", () =>
    siege.withstand({ joinRefusals: { peer_banned: 1 } }, async () => {
      const { secrets, socket } = await victim();
      await siege.relay.admin(`/apps/480/bans/peers/${secrets.peer}`, { method: "PUT" });
      expect((await socket.closed()).code).toBe(4011);
      const knock = await siege.knock({ peer: secrets.peer });
      expect([knock.response.status, knock.response.code]).toEqual([403, "peer_banned"]);
      await siege.relay.admin(`/apps/480/bans/peers/${secrets.peer}`, { method: "DELETE" });
      expect((await present(secrets.peer, secrets)).session).not.toBe(secrets.session);
    }));
});

describe("two at a time", () => {
  test("[R8][R7] a race of two sockets for one session: one has it, the other's token is its own", () =>
    siege.withstand({}, async () => {
      const { secrets, socket } = await victim();
      socket.destroy();
      const racers = await Promise.all([1, 2].map(() => siege.knock({ peer: secrets.peer })));
      for (const racer of racers) racer.hello(secrets.session, secrets.token);
      const welcomes = await Promise.all(racers.map((racer) => racer.next("welcome")));
      // Until one was heard from, the token is good again (R7): both have had the session, and the later one keeps it.
      expect(welcomes.map(({ session }) => session)).toEqual([secrets.session, secrets.session]);
      const first = await Promise.race(racers.map(async (racer) => ({ racer, closing: await racer.closed() })));
      expect(first.closing.code).toBe(4003);
      const keeper = racers.find((racer) => racer !== first.racer)!;
      await keeper.settled();
      expect(keeper.closing).toBeUndefined();
    }));

  test("[S4] 100 sockets of one peer, each superseding the last: one session is left", () =>
    siege.withstand({}, async () => {
      const peer = siege.newPeer();
      const sockets: Attacker[] = [];
      for (let i = 0; i < 100; i++) {
        const socket = await siege.attacker({ peer });
        const older = sockets.at(-1);
        if (older) {
          expect(await older.closed()).toEqual({ code: 4003, reason: "superseded" });
          older.destroy();
        }
        sockets.push(socket);
      }
      expect((await siege.statistics()).peers).toBe(3);
    }));
});
