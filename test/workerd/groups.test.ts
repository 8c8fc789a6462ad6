/** Groups and the host in the object that they are made for: evictions, which leave the sockets open, and its end. */
import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { ATTEND, DataFlag, JOIN, LEAVE, encodeFrame } from "../../src/protocol/index.ts";
import { castFrame } from "../support/frames.ts";
import { ALICE, BOB, CAROL, TestPeer, joinUpOften, pairUp } from "./support/peer.ts";
import { freshApp, operatorOf, roomOf } from "./support/room.ts";

async function joinGroup(peer: TestPeer, name: string, request = 1): Promise<number> {
  peer.send(encodeFrame(JOIN, { request, name }));
  const { asked } = await peer.nextOf("joined", ({ asked }) => asked?.frame === "joined");
  return asked?.values["group"] as number;
}

const cast = (group: number, text: string): Uint8Array => castFrame({ group, payload: new TextEncoder().encode(text) });

async function hears(peer: TestPeer, text: string): Promise<bigint> {
  const { cast: found } = await peer.nextOf("cast", (frame) => frame.cast !== undefined);
  expect(new TextDecoder().decode(found!.payload)).toBe(text);
  return found!.sender;
}

async function attend(peer: TestPeer, role: number): Promise<{ epoch: bigint; peer: bigint }> {
  peer.send(encodeFrame(ATTEND, { role }));
  return nextHost(peer);
}

async function nextHost(peer: TestPeer): Promise<{ epoch: bigint; peer: bigint }> {
  const { asked } = await peer.nextOf("host", ({ asked: found }) => found?.frame === "host");
  return asked!.values as { epoch: bigint; peer: bigint };
}

it("[G3] membership outlives an eviction, in whichever order it and the first message come", async () => {
  const app = freshApp();
  const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
  const names = Array.from({ length: 16 }, (_, i) => `zone ${i} of the world ${"é".repeat(7)}`);
  const ids = [];
  for (const name of names) ids.push(await joinGroup(a!, name));
  for (const [index, name] of names.entries()) expect(await joinGroup(b!, name)).toBe(ids[index]);
  for (let round = 0; round < 3; round++) {
    await evictDurableObject(roomOf(app));
    a!.send(cast(ids[round]!, `round ${round}`));
    expect(await hears(b!, `round ${round}`)).toBe(ALICE);
  }
  b!.send(encodeFrame(LEAVE, { group: ids[5]! }));
  await b!.fence();
  await evictDurableObject(roomOf(app));
  expect(await joinGroup(c!, "another")).not.toBe(ids[4]);
  a!.send(cast(ids[5]!, "left"), cast(ids[6]!, "not left"));
  expect(await hears(b!, "not left")).toBe(ALICE);
  expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ groups: { packets: 4 } });
});

it("[G3] all that one socket carries fits its attachment: groups, closes and a checkpoint at once", async () => {
  const app = freshApp();
  const { a, b } = await pairUp({ app });
  const handles = await joinUpOften(a, b, 250);
  for (let i = 0; i < 16; i++) await joinGroup(a, `${i}${"x".repeat(30)}`, i);
  for (const handle of handles.slice(0, 16)) {
    b.control("close", { handle, reason: 1000, closedBy: 0, debug: "d".repeat(127) });
  }
  for (const handle of handles.slice(16)) a.data(handle);
  await Promise.all([a.fence(), b.fence()]);
  await evictDurableObject(roomOf(app));
  const group = await joinGroup(a, `15${"x".repeat(30)}`);
  expect(await joinGroup(b, `15${"x".repeat(30)}`)).toBe(group);
  expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ totalPackets: handles.length - 16 });
});

it("[V3] a host outlives evictions, and its epoch the end of the object", async () => {
  const app = freshApp();
  const [a, b] = await Promise.all([ALICE, BOB].map((peer) => TestPeer.enter({ app, peer })));
  await attend(b!, 1);
  const elected = await attend(a!, 2);
  expect(elected.peer).toBe(ALICE);
  expect(await nextHost(b!)).toEqual(elected);
  await evictDurableObject(roomOf(app));
  expect(await attend(b!, 2)).toEqual(elected);
  await abortAllDurableObjects();
  const again = await TestPeer.enter({ app, peer: BOB }, b!.key);
  expect(await attend(again, 2)).toEqual(elected); // Alice may still come back
  const anew = await TestPeer.enter({ app, peer: ALICE }); // and does not: this one has lost what she hosted
  const next = await nextHost(again);
  expect(next.peer).toBe(BOB);
  expect(next.epoch).toBeGreaterThan(elected.epoch);
  expect(await attend(anew, 2)).toEqual(next);
});

it("[V1] a candidate without connections can be resumed after the object's end", async () => {
  const app = freshApp();
  const a = await TestPeer.enter({ app, peer: ALICE });
  const elected = await attend(a, 2);
  await abortAllDurableObjects();
  const back = await TestPeer.enter({ app, peer: ALICE }, a.key);
  expect(back.key.session).toBe(a.key.session);
  expect(await attend(back, 2)).toEqual(elected);
});

it("[G5] what is marked reliable is not", async () => {
  const app = freshApp();
  const [a, b] = await Promise.all([ALICE, BOB].map((peer) => TestPeer.enter({ app, peer })));
  const group = await joinGroup(a!, "");
  await joinGroup(b!, "");
  const frame = cast(group, "flags are not looked at");
  frame[1] = DataFlag.Reliable | DataFlag.More;
  a!.send(frame);
  expect(await hears(b!, "flags are not looked at")).toBe(ALICE);
});
