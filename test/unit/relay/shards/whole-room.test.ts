/** What operators are told of a divided room is what one room would have told them. */
import { describe, expect, it } from "vitest";
import { type CarryOperation, type RoomAdmin, operate } from "../../../../src/relay/operations/index.ts";
import { homeOf } from "../../../../src/relay/shards/names.ts";
import { wholeRoomAdmin } from "../../../../src/relay/shards/whole-room.ts";
import { type TestPeer, frames, peerId } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";

const SHARDS = 4;
const PEERS = 12;

function divided(parts: number): { rooms: TestRooms; peers: TestPeer[]; admin: RoomAdmin } {
  const names = ["", ...Array.from({ length: SHARDS }, (_, shard) => `~${shard}`)];
  const rooms = new TestRooms(names, { crossRooms: 0, shards: SHARDS }, new Map());
  const peers = Array.from({ length: PEERS }, (_, i) => rooms.join(homeOf(peerId(i), SHARDS), peerId(i)));
  const carryTo = (name: string): CarryOperation => {
    const { room, now } = rooms.room(name);
    return async (operation, rest) => operate(room, now, operation, rest);
  };
  const admin = wholeRoomAdmin({
    own: async (name, rest) => ({ result: await carryTo("")(name, rest), parts }),
    part: (room, name, rest) => carryTo(room)(name, rest),
  });
  return { rooms, peers, admin };
}

describe("operators of a divided room", () => {
  it("[SH8] see all peers in order of id, page by page", async () => {
    const { peers, admin } = divided(SHARDS);
    const seen: string[] = [];
    let after: Awaited<ReturnType<RoomAdmin["peers"]>>["next"];
    do {
      const page: Awaited<ReturnType<RoomAdmin["peers"]>> = await admin.peers({ after, limit: 5 });
      expect(page.total).toBe(PEERS);
      seen.push(...page.peers.map(({ peer }) => peer));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(peers.map(({ id }) => String(id)));
    expect((await admin.statistics()).peers).toBe(PEERS);
  });

  it("[SH8] see every connection once where its ends are together, and both halves where they are not", async () => {
    const { rooms, peers, admin } = divided(SHARDS);
    const first = peers[0]!;
    for (const other of peers.slice(1)) {
      first.send(connectTo(other));
      rooms.settle();
    }
    const apart = peers.slice(1).filter((other) => other.room !== first.room).length;
    const seen: string[] = [];
    let after: Awaited<ReturnType<RoomAdmin["connections"]>>["next"];
    do {
      const query = { sort: "created", isDescending: true, after, limit: 4 } as const;
      const page: Awaited<ReturnType<RoomAdmin["connections"]>> = await admin.connections(query);
      expect(page.total).toBe(PEERS - 1 + apart);
      seen.push(...page.connections.map(({ toPeerId }) => toPeerId));
      after = page.next;
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(PEERS - 1);
    const [one] = (await admin.connections({ sort: "created", isDescending: false, limit: 1 })).connections;
    const id = BigInt(one!.connectionId) as Parameters<RoomAdmin["connection"]>[0];
    expect((await admin.connection(id))?.connectionId).toBe(one!.connectionId);
  });

  it("[SH8] remove a peer wherever it is", async () => {
    const { peers, admin } = divided(SHARDS);
    const last = peers.at(-1)!;
    expect(await admin.kick(last.id, "tester")).toBe(true);
    expect(last.socket.closed?.code).toBe(4004);
    expect(await admin.kick(last.id, "tester")).toBe(false);
  });

  it("[SH8] ask the app's own room alone where it was never divided", async () => {
    const { admin } = divided(1);
    expect((await admin.peers({ limit: 100 })).total).toBe(0);
  });
});

function connectTo(other: TestPeer): Uint8Array {
  return frames.connect(other.id, { timeoutMs: 60_000 });
}
