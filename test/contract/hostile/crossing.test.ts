/** Attacks between rooms (docs/trunk.md): on the way from one to another, and from one on the peers of another. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionType, EndReason } from "../../../src/protocol/index.ts";
import { batch, dataFrame } from "../../support/frames.ts";
import { testTicket } from "../../support/tickets.ts";
import { type Attacker, upgradeRequest } from "./attacker.ts";
import { Siege } from "./siege.ts";

/** The bystanders are in the app's own room. */
const ELSEWHERE = "elsewhere";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start({ crossRooms: 1, connectTimeoutMs: 3_000, connectBurst: 2_000 });
});
afterAll(() => siege[Symbol.asyncDispose]());

/** In another room, with a ticket that is good for all of them. */
async function outsider(claims: object = {}): Promise<Attacker> {
  const peer = siege.newPeer();
  return siege.attacker({ peer, room: ELSEWHERE, ticket: await testTicket({ peer, ...claims }) });
}

function connectTo(peer: bigint, request = 1, virtualPort = 0) {
  const connectionType = ConnectionType.NetworkingSockets;
  return { request, connectionType, peer, virtualPort, channel: 0, timeoutMs: 0 };
}

async function endOf(attacker: Attacker, handle: number): Promise<number> {
  const { control } = await attacker.take("end", ({ control: frame }) => {
    return frame?.frame === "close" && frame.values.handle === handle;
  });
  return control?.frame === "close" ? control.values.reason : 0;
}

describe("[X8] nobody becomes a room", () => {
  test.each([
    "/trunk",
    "/v1/apps/480/trunk",
    "/v1/apps/480/rooms/elsewhere/trunk",
    "//room/trunk",
    "/v1/apps/480/connect/../../../../trunk",
    "/%74runk",
    "https://room/trunk",
    "http://room/trunk",
  ])("by asking at %s", (path) =>
    siege.withstand({}, async () => {
      const ticket = await testTicket({ peer: siege.newPeer() });
      const headers = [`Authorization: Bearer ${ticket}`, "edge-relay-from: app/480/room/elsewhere"];
      for (const host of ["relay", "room"]) {
        const attacker = siege.dial();
        attacker.write(upgradeRequest({ path, headers }).replace("Host: relay", `Host: ${host}`));
        await attacker.response.complete;
        expect([400, 404]).toContain(attacker.response.status);
      }
    }),
  );

  test("by headers that rooms send each other: it is a peer like any", () =>
    siege.withstand({ refusals: { unknown_frame: 1 } }, async () => {
      const peer = siege.newPeer();
      const headers = [
        `Authorization: Bearer ${await testTicket({ peer })}`,
        "edge-relay-from: app/480/room/elsewhere",
        "edge-relay-admission: 1001;1",
        "edge-relay-hint: oc",
      ];
      const attacker = await siege.attacker({ peer, headers });
      attacker.send(Uint8Array.of(0x40, 0, 0, 0, 2, 0, 0, 0, 1, 0));
      expect((await attacker.closed()).code).toBe(4001);
    }));

  test.each([0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48])("by saying what rooms say (%i)", (type) =>
    siege.withstand({ refusals: { unknown_frame: 1 } }, async () => {
      const attacker = await siege.attacker();
      attacker.send(batch(Uint8Array.of(type, 0, 0, 0, 64, 0, 0, 0), new Uint8Array(64).fill(1)));
      expect((await attacker.closed()).code).toBe(4001);
    }),
  );
});

describe("a peer of another room", () => {
  test("[X2] [C12] cannot use the handles of the room that it asks in", () =>
    siege.withstand({}, async () => {
      const attacker = await outsider();
      attacker.control("connect", connectTo(siege.bystanders.peers[1]!));
      const { handle } = await attacker.next("connecting");
      const guesses = Array.from({ length: 200 }, (_, guess) => guess + 1).filter((guess) => guess !== handle);
      attacker.send(batch(...guesses.map((guess) => dataFrame({ handle: guess, payload: new Uint8Array(4) }))));
      for (const guess of guesses.slice(0, 10)) {
        attacker.control("close", { handle: guess, reason: 1000, closedBy: 0, debug: "" });
      }
      await attacker.settled();
      expect(attacker.errors().every((error) => error === "unknown_handle")).toBe(true);
    }));

  test("[X1] [C6] with a ticket for its room reaches nobody outside, and cannot tell who is there", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker({ room: "sealed" }); // as is its ticket
      attacker.control("connect", connectTo(siege.bystanders.peers[1]!, 1));
      const there = await attacker.next("connecting");
      attacker.control("connect", connectTo(987_654_321n, 2));
      const nowhere = await attacker.next("connecting");
      expect(await endOf(attacker, there.handle)).toBe(EndReason.Timeout);
      expect(await endOf(attacker, nowhere.handle)).toBe(EndReason.Timeout);
      const { trunk } = await siege.statistics("sealed");
      expect(trunk).toMatchObject({ messagesIn: 0, messagesOut: 0 });
    }));

  test("[C14] [X1] 750 connects to peers that are nowhere, each taken back", () =>
    siege.withstand({}, async () => {
      const attacker = await outsider();
      for (let message = 0; message < 15; message++) {
        for (let i = 0; i < 50; i++) attacker.control("connect", connectTo(500_000n + BigInt(message * 50 + i), i));
        await attacker.settled();
        for (const { handle } of attacker.all("connecting")) {
          attacker.control("close", { handle, reason: 1000, closedBy: 0, debug: "" });
        }
        attacker.frames.length = 0;
      }
      await attacker.settled();
    }));

  test("[L3] [C6] that is banned from a room reaches nobody in it", () =>
    siege.withstand({}, async () => {
      const [peer, victim] = [siege.newPeer(), siege.newPeer()];
      const asked = await siege.attacker({ peer: victim });
      await siege.relay.admin(`/apps/480/bans/peers/${peer}`, { method: "PUT" });
      const attacker = await siege.attacker({ peer, room: ELSEWHERE, ticket: await testTicket({ peer }) });
      attacker.control("connect", connectTo(victim));
      const { handle } = await attacker.next("connecting");
      expect(await endOf(attacker, handle)).toBe(EndReason.Timeout);
      await asked.settled();
      expect(asked.all("incoming")).toEqual([]);
    }));
});
