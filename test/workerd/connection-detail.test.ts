/** What operators see of one connection, through evictions: what happened stays, what the ends measured is learned again. */
import { evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { encodeControl, parseConnectionId } from "../../src/protocol/index.ts";
import type { ConnectionDetail } from "../../src/relay/connection-detail.ts";
import { dataFrame } from "../support/frames.ts";
import { ALICE, BOB, type Pair, pairUp, pause } from "./support/peer.ts";
import { type RoomStub, freshApp, operatorOf, roomOf } from "./support/room.ts";

async function detailOf(stub: RoomStub, { connectionId }: Pair): Promise<ConnectionDetail> {
  const detail = await operatorOf(stub).connection(parseConnectionId(connectionId)!);
  if (!detail) throw new Error("the connection is gone");
  return detail;
}

function report({ handle }: Pair, ping: number): Uint8Array {
  return encodeControl("quality", { handle, ping, local: 9_000, remote: 10_000 });
}

it("states keep their times, and quality comes back with the next report", async () => {
  const app = freshApp();
  const stub = roomOf(app);
  const pair = await pairUp({ app });
  const { a, b, handle } = pair;
  a.send(dataFrame({ handle, payload: new Uint8Array(3) }), report(pair, 48));
  await b.nextData();
  b.send(report(pair, 60));
  await b.fence();
  const before = await detailOf(stub, pair);
  expect(before).toMatchObject({
    connectionId: String(pair.connectionId),
    state: "Connected",
    states: [{ state: "Connecting" }, { state: "Connected" }],
    ends: [
      { peer: String(ALICE), presence: "present", quality: { pingMs: 48, local: 0.9, remote: 1 } },
      { peer: String(BOB), presence: "present", quality: { pingMs: 60 } },
    ],
  });
  await pause(20); // so that a time made up at the restore would be another
  await evictDurableObject(stub);
  const after = await detailOf(stub, pair);
  expect(after.states).toEqual(before.states);
  expect(after.ends.map(({ presence, quality }) => [presence, quality])).toEqual([
    ["present", null],
    ["present", null],
  ]);
  a.send(report(pair, 50));
  await a.fence();
  expect((await detailOf(stub, pair)).ends).toMatchObject([{ quality: { pingMs: 50 } }, { quality: null }]);
  a.control("close", { handle, reason: 1000, closedBy: 0, debug: "" }, 1);
  await a.fence();
  const leaving = await detailOf(stub, pair);
  await evictDurableObject(stub);
  expect((await detailOf(stub, pair)).states).toEqual(leaving.states);
  expect(leaving.states.map(({ state }) => state)).toEqual(["Connecting", "Connected", "Disconnecting"]);
});

it("an end whose socket is gone is away, and was last heard when it spoke last", async () => {
  const app = freshApp();
  const stub = roomOf(app);
  const pair = await pairUp({ app });
  pair.b.socket.close(3001, "a tunnel");
  await pair.b.closed;
  await pair.a.next("path");
  const [, end] = (await detailOf(stub, pair)).ends;
  expect(end).toMatchObject({ presence: "away", lastHeard: expect.any(Number), queuedBytes: 0 });
});
