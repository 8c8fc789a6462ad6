/** A room that cannot be rebuilt from its disk serves nobody, and changes nothing, until it can. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, CAROL, TestPeer, mustRelay, pairUp, upgrade } from "./support/peer.ts";
import { operatorOf, type RoomStub, freshApp, roomOf } from "./support/room.ts";

/** Each makes the disk unreadable, and can be undone. */
const DAMAGES = [
  {
    what: "counters of a later layout",
    damage: "UPDATE counters SET packed = x'0000000000C058400000000000000000'",
    error: "layout 99",
  },
  { what: "a damaged counters row", damage: "UPDATE counters SET packed = x'0102'", error: "damaged (2 bytes)" },
  { what: "a damaged connection row", damage: "UPDATE connections SET type = 9", error: "its row is damaged" },
];

type Tables = Record<"counters" | "connections", Record<string, SqlStorageValue>[]>;

function tablesOf(stub: RoomStub): Promise<Tables> {
  return runInDurableObject(stub, (_room, { storage }) => ({
    counters: storage.sql.exec("SELECT * FROM counters").toArray(),
    connections: storage.sql.exec("SELECT * FROM connections ORDER BY handle").toArray(),
  }));
}

function execute(stub: RoomStub, sql: string, ...values: SqlStorageValue[]): Promise<void> {
  return runInDurableObject(stub, (_room, { storage }) => void storage.sql.exec(sql, ...values));
}

async function repair(stub: RoomStub, { counters, connections }: Tables): Promise<void> {
  await execute(stub, "UPDATE counters SET packed = ?", counters[0]!["packed"]!);
  await execute(stub, "UPDATE connections SET type = ?", connections[0]!["type"]!);
}

/** What an event of the room throws, whichever it is. */
function failureOf(stub: RoomStub, event: (room: RelayRoom, state: DurableObjectState) => unknown): Promise<string> {
  return runInDurableObject<RelayRoom, string>(stub, async (room, state) => {
    try {
      await event(room, state);
      return "nothing was thrown";
    } catch (error) {
      return String(error);
    }
  });
}

function message(room: RelayRoom, state: DurableObjectState): void | Promise<void> {
  return room.webSocketMessage(state.getWebSockets(`peer:${ALICE}`)[0]!, new ArrayBuffer(8));
}

function closing(room: RelayRoom, state: DurableObjectState): Promise<void> {
  return room.webSocketClose(state.getWebSockets(`peer:${BOB}`)[0]!, 1000, "bye");
}

describe.each(DAMAGES)("a room with $what", ({ damage, error }) => {
  beforeEach(() => void captureLogs());
  afterEach(() => void vi.restoreAllMocks());

  /** Two peers that have spoken; everything is on disk, and then the object sleeps. */
  async function damaged() {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    await mustRelay(pair);
    await runDurableObjectAlarm(stub);
    await runInDurableObject<RelayRoom, void>(stub, (room) => room.alarm());
    const whole = await tablesOf(stub);
    expect([whole.counters.length, whole.connections.length]).toEqual([1, 1]);
    await execute(stub, damage);
    await evictDurableObject(stub);
    return { app, stub, pair, whole, broken: await tablesOf(stub) };
  }

  it("fails every event, the second as the first, and leaves the disk as it is", async () => {
    const { app, stub, broken } = await damaged();
    for (let round = 0; round < 2; round++) {
      expect(await failureOf(stub, (room) => operatorOf(room).statistics())).toContain(error);
      expect(await failureOf(stub, (room) => room.alarm())).toContain(error);
      expect(await failureOf(stub, (room) => operatorOf(room).kick(ALICE as never, "test"))).toContain(error);
      expect(await failureOf(stub, message)).toContain(error);
      expect((await upgrade({ app, peer: CAROL })).status).toBe(500);
    }
    expect(await tablesOf(stub)).toEqual(broken);
  });

  it("answers a socket that closes, and is whole again when the disk can be read", async () => {
    const { app, stub, pair, whole } = await damaged();
    expect(await failureOf(stub, closing)).toContain(error);
    expect(await pair.b.closed).toMatchObject({ code: 1000, reason: "bye" });
    await repair(stub, whole);
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ totalPackets: 2, totalBytes: 32 });
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ activeConnections: 1 });
    await TestPeer.enter({ app, peer: CAROL });
  });
});
