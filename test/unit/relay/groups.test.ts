/** Channels of a room (rules G1 to G9). */
import { describe, expect, test } from "vitest";
import { CloseCode, FrameType, MAX_MULTICAST_BYTES } from "../../../src/protocol/index.ts";
import { batch, castFrame, walk } from "../../support/frames.ts";
import { ALICE, BOB, CAROL, DAVE, type TestPeer, TestRoom, errorOf, frames, peerId } from "../../support/room.ts";

const castOf = (sender: bigint, group: number, payload: string, number = 1) => ({
  frame: "cast",
  group,
  number,
  sender,
  payload,
});

function setup(settings = {}) {
  const room = new TestRoom({ settings });
  const [alice, bob, carol, dave] = [room.join(ALICE), room.join(BOB), room.join(CAROL), room.join(DAVE)];
  return { room, alice, bob, carol, dave };
}

/** All of them in one group; its number. */
function gather(name: string, ...members: TestPeer[]): number {
  return members.map((member) => member.joinGroup(name))[0] as number;
}

describe("membership", () => {
  test("[G1] a group has one number for all, another name another one, and a repeated join is answered alike", () => {
    const { alice, bob } = setup();
    const group = alice.joinGroup("zone");
    expect(bob.joinGroup("zone")).toBe(group);
    expect(alice.joinGroup("zone")).toBe(group);
    expect(alice.joinGroup("")).not.toBe(group);
    expect(bob.joinGroup()).toBe(alice.joinGroup());
    alice.send(frames.join("zone", 77));
    expect(alice.heard()).toEqual([{ frame: "joined", request: 77, group }]);
  });

  test("[G3] nothing comes to who has not joined, has left, or has lost its socket", () => {
    const { room, alice, bob, carol, dave } = setup();
    const group = gather("", alice, bob, carol);
    carol.send(frames.leave(group));
    bob.drop();
    alice.send(frames.cast(group, "hello"));
    for (const peer of [bob, carol, dave]) expect(peer.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({ totalPackets: 0, groups: { packets: 0, bytes: 0 } });
  });

  test("[G3] a session that is resumed joins again: the membership was its socket's", () => {
    const { room, alice, bob } = setup({ graceMs: 30_000 });
    const group = gather("zone", alice, bob);
    room.pair(alice, bob);
    bob.drop();
    const back = room.resume(bob);
    back.take();
    alice.take();
    alice.send(frames.cast(group, "lost"));
    expect(back.heard()).toEqual([]);
    expect(back.joinGroup("zone")).toBe(group);
    alice.send(frames.cast(group, "heard", 2));
    expect(back.heard()).toEqual([castOf(ALICE, group, "heard", 2)]);
  });

  test("[G3] it outlives an eviction, and numbers are not given out twice after it", () => {
    const { room, alice, bob, carol } = setup();
    const zone = gather("zone", alice, bob);
    const other = gather("other", alice);
    room.evict();
    const fresh = carol.joinGroup("fresh");
    expect([zone, other]).not.toContain(fresh);
    expect(carol.joinGroup("zone")).toBe(zone);
    alice.send(frames.cast(zone, "still here"), frames.cast(other, "alone"));
    for (const member of [bob, carol]) expect(member.heard()).toEqual([castOf(ALICE, zone, "still here")]);
  });

  test("[G3] a crash takes it: nobody is in a group who has not joined since", () => {
    const { room, alice } = setup();
    alice.joinGroup("zone");
    room.crash();
    const bob = room.join(BOB);
    const group = bob.joinGroup("zone");
    bob.send(frames.cast(group, "anybody?"));
    expect(room.statistics.totalPackets).toBe(0);
  });

  test("[G6] no more groups than a peer may be in, of which a left one is none", () => {
    const { alice } = setup({ maxGroupsPerPeer: 2 });
    const [first] = [alice.joinGroup("1"), alice.joinGroup("2")];
    alice.send(frames.join("3", 9), frames.join("1", 10));
    expect(alice.heard()).toEqual([
      errorOf("too_many_groups", FrameType.Join, 9),
      { frame: "joined", request: 10, group: first },
    ]);
    alice.send(frames.leave(first));
    expect(alice.joinGroup("3")).toBeGreaterThan(0);
  });

  test("[G6] no more members than a group may have; who is in it may ask again", () => {
    const { alice, bob, carol } = setup({ maxGroupMembers: 2 });
    const group = gather("zone", alice, bob);
    carol.send(frames.join("zone", 5));
    expect(carol.heard()).toEqual([errorOf("group_full", FrameType.Join, 5)]);
    expect(alice.joinGroup("zone")).toBe(group);
    bob.send(frames.leave(group));
    expect(carol.joinGroup("zone")).toBe(group);
  });

  test("[G6] an app may do without", () => {
    const { alice } = setup({ maxGroupsPerPeer: 0 });
    alice.send(frames.join("", 1));
    expect(alice.heard()).toEqual([errorOf("too_many_groups", FrameType.Join, 1)]);
  });

  test("[G1] [C14] joins are asked for at the rate of connects, and the flood of them ends the session", () => {
    const { alice } = setup({ connectBurst: 10, connectsPerSecond: 1 });
    alice.send(batch(...Array.from({ length: 2_000 }, (_, i) => frames.join("zone", i))));
    const heard = alice.heard();
    expect(heard.filter(({ frame }) => frame === "joined")).toHaveLength(10);
    expect(heard.filter(({ error }) => error === "rate_limited")).toHaveLength(999);
    expect(heard.at(-1)).toMatchObject({ frame: "bye", code: CloseCode.RateLimited });
  });

  test("[G4] leaving what one is not in, or has left, is refused and harms nobody", () => {
    const { alice, bob } = setup();
    const group = alice.joinGroup("zone");
    bob.send(frames.leave(group), frames.leave(0), frames.leave(0xffff_ffff));
    expect(bob.heard()).toEqual([group, 0, 0xffff_ffff].map((id) => errorOf("unknown_group", FrameType.Leave, id)));
    expect(alice.joinGroup("zone")).toBe(group);
  });
});

describe("casts", () => {
  test("[G4] come to all others, with the sender that the relay knows, whatever the sender claims", () => {
    const { alice, bob, carol, dave } = setup();
    const group = gather("zone", alice, bob, carol);
    alice.send(castFrame({ group, number: 3, sender: DAVE, payload: Uint8Array.of(0x68, 0x69) }));
    for (const member of [bob, carol]) expect(member.heard()).toEqual([castOf(ALICE, group, "hi", 3)]);
    expect([...alice.heard(), ...dave.heard()]).toEqual([]);
  });

  test("[G5] keep their order among each other and with data, in one message", () => {
    const { room, alice, bob } = setup();
    const group = gather("zone", alice, bob);
    const handle = room.pair(alice, bob);
    alice.send(frames.cast(group, "1", 1), frames.data(handle, "2"), frames.cast(group, "3", 2));
    expect(bob.batches().map((message) => message.map(({ payload }) => payload))).toEqual([["1", "2", "3"]]);
  });

  test("[G4] [G7] from who is not in the group are dropped, counted and refused", () => {
    const { room, alice, bob, carol } = setup();
    const group = gather("zone", alice, bob);
    carol.send(frames.cast(group, "let me in"), frames.cast(group + 1, "or here"));
    expect(carol.heard()).toEqual([group, group + 1].map((id) => errorOf("unknown_group", FrameType.Cast, id)));
    expect(bob.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({ drops: { unknown_group: 2 }, refusals: { unknown_group: 2 } });
  });

  test("[G7] each copy is a packet, in the totals and under groups, through flush, eviction and crash", () => {
    const { room, alice, bob, carol } = setup();
    const group = gather("zone", alice, bob, carol);
    alice.send(frames.cast(group, "12345"), frames.cast(group, "678", 2));
    const expected = { totalPackets: 4, totalBytes: 16, groups: { packets: 4, bytes: 16 } };
    expect(room.statistics).toMatchObject(expected);
    room.evict();
    expect(room.statistics).toMatchObject(expected);
    room.room.flush();
    room.crash();
    expect(room.statistics).toMatchObject(expected);
    const history = room.room.history({ resolution: "minute", from: 0, to: room.now + 60_000 } as never, room.now);
    expect(history.reduce((sum, { packets }) => sum + packets, 0)).toBe(4);
  });

  test("[G6] a payload above the limit is dropped for every member", () => {
    const { room, alice, bob, carol } = setup({ maxPayload: 10 });
    const group = gather("zone", alice, bob, carol);
    alice.send(frames.cast(group, "12345678901"));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Cast, group)]);
    expect(room.statistics.drops.payload_too_large).toBe(2);
    expect(bob.heard()).toEqual([]);
  });

  test("[G6] [D4] one message may not become more than a bounded number of bytes", () => {
    const room = new TestRoom();
    const members = Array.from({ length: 21 }, (_, i) => room.join(peerId(i + 1)));
    const group = gather("zone", ...members);
    const [alice, ...others] = members as [TestPeer, ...TestPeer[]];
    const payload = new Uint8Array(Math.ceil(MAX_MULTICAST_BYTES / 20));
    alice.send(frames.cast(group, payload));
    expect(alice.heard()).toEqual([errorOf("payload_too_large", FrameType.Cast, group)]);
    alice.send(frames.cast(group, payload.subarray(0, payload.length - 25)));
    for (const other of others) expect(other.take()).toHaveLength(1);
  });

  test("[G6] copies are charged to who causes them; others in the group send on", () => {
    const { room, alice, bob, carol, dave } = setup({ groupCopiesPerSecond: 30 });
    const group = gather("zone", alice, bob, carol, dave);
    for (let i = 0; i < 30; i++) alice.send(frames.cast(group, "x", i));
    expect(bob.heard()).toHaveLength(20); // 60 copies, three each
    expect(alice.heard()).toHaveLength(10); // refusals
    expect(room.statistics.drops.rate_limited).toBe(30);
    bob.send(frames.cast(group, "y"));
    expect(carol.heard().at(-1)).toEqual(castOf(BOB, group, "y"));
    room.advance(1_000);
    alice.send(frames.cast(group, "z"));
    expect(dave.heard().at(-1)).toEqual(castOf(ALICE, group, "z"));
  });

  test("[G6] a flag that says reliable buys nothing beyond the rate of messages", () => {
    const { room, alice, bob } = setup({ messagesPerSecond: 10 });
    const group = gather("zone", alice, bob);
    const reliable = frames.cast(group, "x");
    reliable[1] = 0x01;
    for (let i = 0; i < 25; i++) alice.send(reliable);
    expect(bob.heard().length).toBeLessThan(20);
    expect(room.statistics.drops.rate_limited).toBeGreaterThan(5);
  });

  test("[G8] a member that does not read holds nobody up, is bounded, and keeps the newest", () => {
    const CAP = 256 * 1024;
    const { room, alice, bob, carol } = setup({
      maxQueuedBytes: CAP,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      graceMs: 30_000,
    });
    const group = gather("zone", alice, bob, carol);
    room.pair(alice, bob);
    bob.isReading = false;
    const KB = new Uint8Array(1_000);
    for (let i = 1; i <= 1_000; i++) alice.send(frames.cast(group, KB, i));
    expect(carol.heard()).toHaveLength(1_000);
    expect(alice.heard()).toEqual([]); // it is told nothing of the one who lags
    expect(bob.link.backlog?.bytes).toBeLessThanOrEqual(CAP);
    bob.isReading = true;
    for (let i = 0; i < 100 && bob.marks.length > 0; i++) bob.credit();
    const numbers = bob.take().flatMap((message) => walk(message).flatMap(({ cast }) => (cast ? [cast.number] : [])));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(1_000);
    const { peer_stalled } = room.statistics.drops;
    expect(peer_stalled).toBeGreaterThan(0);
    expect(numbers.length + peer_stalled).toBe(1_000);
  });

  test("[G8] [F2] a flood to a group makes room among its own, not among what is reliable", () => {
    const { room, alice, bob, carol } = setup({
      maxQueuedBytes: 64 * 1024,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      graceMs: 30_000,
    });
    const group = gather("zone", alice, bob);
    const handle = room.pair(carol, bob);
    bob.isReading = false;
    const KB = new Uint8Array(1_000);
    for (let i = 1; i <= 60; i++) alice.send(frames.cast(group, KB, i));
    carol.send(frames.data(handle, "keep me", { flags: 1 }));
    for (let i = 61; i <= 500; i++) alice.send(frames.cast(group, KB, i));
    bob.isReading = true;
    for (let i = 0; i < 100 && bob.marks.length > 0; i++) bob.credit();
    expect(bob.heard().filter(({ payload }) => payload === "keep me")).toHaveLength(1);
  });

  test("[T2] [G9] one that is too short breaks the protocol", () => {
    const { alice, bob } = setup();
    const group = gather("zone", alice, bob);
    const short = frames.cast(group, "").slice(0, 23);
    new DataView(short.buffer).setUint32(4, 15, true);
    alice.send(short);
    expect(alice.heard()).toMatchObject([errorOf("malformed_frame", FrameType.Cast), { frame: "bye" }]);
    bob.send(frames.cast(group, "nobody hears"));
    expect(bob.heard()).toEqual([]);
  });

  test("[P4] what only the relay sends is skipped when a client sends it", () => {
    const { alice } = setup();
    const group = alice.joinGroup();
    alice.send(Uint8Array.of(0x91, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(0x99, 0, 0, 0, 0, 0, 0, 0), frames.join("", 8));
    expect(alice.heard()).toEqual([{ frame: "joined", request: 8, group }]);
  });
});
