/** Who hosts a room (rules V1 to V8). */
import { describe, expect, test } from "vitest";
import { FrameType, HostingRole } from "../../../src/protocol/index.ts";
import { DEFAULT_SETTINGS } from "../../../src/relay/settings.ts";
import { ALICE, BOB, CAROL, type Heard, type TestPeer, TestRoom, errorOf, frames } from "../../support/room.ts";

const AWAY = 5_000;

function setup(settings = {}) {
  const room = new TestRoom({ settings: { graceMs: 30_000, hostAwayMs: AWAY, ...settings } });
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  return { room, alice, bob, carol };
}

const follow = (peer: TestPeer): TestPeer => peer.send(frames.attend(HostingRole.Follower));
const offer = (peer: TestPeer): TestPeer => peer.send(frames.attend(HostingRole.Candidate));
const hostsOf = (peer: TestPeer): Heard[] => peer.heard().filter(({ frame }) => frame === "host");
const lastHost = (peer: TestPeer): Heard => hostsOf(peer).at(-1) ?? { frame: "none" };

/** Alice hosts, Bob is next in line, Carol follows; what they were told is taken. The epoch. */
function elected(peers: { room: TestRoom; alice: TestPeer; bob: TestPeer; carol: TestPeer }): bigint {
  offer(peers.alice);
  peers.room.advance(10);
  offer(peers.bob);
  follow(peers.carol);
  for (const peer of [peers.bob, peers.carol]) peer.take();
  return lastHost(peers.alice)["epoch"] as bigint;
}

describe("the election", () => {
  test("[V2] [G6] who stands and withdraws all the time pays for what it makes others hear", () => {
    const { room, alice, bob, carol } = setup({ groupCopiesPerSecond: 10, connectBurst: 1_000 });
    follow(bob).take();
    follow(carol).take();
    const said = 200;
    for (let i = 0; i < said; i++)
      alice.send(frames.attend(i % 2 === 0 ? HostingRole.Candidate : HostingRole.Follower));
    expect(hostsOf(bob).length).toBeLessThan(20);
    expect(alice.heard()).toContainEqual(errorOf("rate_limited", FrameType.Attend));
    room.advance(1_000);
    offer(carol);
    expect(hostsOf(bob).at(-1) ?? lastHost(carol)).toMatchObject({ frame: "host" });
  });

  test("[V2] who follows is told at once, also that there is nobody", () => {
    const { alice } = setup();
    follow(alice);
    expect(alice.heard()).toEqual([{ frame: "host", epoch: 0n, peer: 0n }]);
  });

  test("[V5] the first to offer hosts, all who follow hear of it once, and nobody else does", () => {
    const { alice, bob, carol } = setup();
    follow(bob).take();
    offer(alice);
    const [told] = alice.heard();
    expect(told).toMatchObject({ frame: "host", peer: ALICE });
    expect(bob.heard()).toEqual([told]);
    expect(carol.heard()).toEqual([]);
    offer(bob);
    expect(bob.heard()).toEqual([told]);
    expect(alice.heard()).toEqual([]);
  });

  test("[V5] of two that offered in the same ms the one with the lower id is first", () => {
    const { room, alice, bob, carol } = setup();
    offer(alice);
    room.advance(5);
    offer(carol);
    offer(bob);
    alice.bye();
    expect(lastHost(carol)).toMatchObject({ peer: BOB });
  });

  test("[V3] [V4] a host that leaves is replaced at once, in a greater epoch", () => {
    const peers = setup();
    const epoch = elected(peers);
    peers.alice.bye();
    const told = lastHost(peers.carol);
    expect(told).toMatchObject({ peer: BOB });
    expect(told["epoch"]).toBeGreaterThan(epoch);
    expect(lastHost(peers.bob)).toEqual(told);
    expect(peers.room.logged("host_elected").at(-1)).toMatchObject({ peer: String(BOB) });
  });

  test.each([HostingRole.None, HostingRole.Follower])(
    "[V1] [V4] one that stands no more (%i) is not the host",
    (role) => {
      const peers = setup();
      elected(peers);
      peers.alice.send(frames.attend(role));
      expect(lastHost(peers.carol)).toMatchObject({ peer: BOB });
      expect(hostsOf(peers.alice).length).toBe(role);
    },
  );

  test("[V4] one that is away for a short while stays the host, and nobody hears of it", () => {
    const peers = setup();
    elected(peers);
    peers.alice.drop();
    peers.room.advance(AWAY - 1_000);
    offer(peers.room.resume(peers.alice));
    peers.room.advance(20_000);
    expect(hostsOf(peers.carol)).toEqual([]);
  });

  test("[V4] [V6] one that is away for too long is replaced, comes back as the last in line, and hears who hosts", () => {
    const peers = setup();
    const { room, alice, bob, carol } = peers;
    elected(peers);
    alice.drop();
    room.advance(AWAY - 1);
    expect(hostsOf(carol)).toEqual([]);
    room.advance(1_001);
    expect(lastHost(carol)).toMatchObject({ peer: BOB });
    offer(carol);
    const back = offer(room.resume(alice));
    expect(lastHost(back)).toMatchObject({ peer: BOB });
    room.advance(10);
    bob.bye();
    expect(lastHost(back)).toMatchObject({ peer: ALICE }); // deposed before Carol offered
  });

  test("[V4] an operator who sets another time sets it for a host that is away already", () => {
    const peers = setup({ hostAwayMs: 20_000 });
    const { room, alice, bob, carol } = peers;
    elected(peers);
    alice.drop();
    room.advance(2_000);
    room.room.applySettings({ ...DEFAULT_SETTINGS, graceMs: 30_000, coalesceMs: 0, hostAwayMs: 10_000 }, room.now);
    bob.ping();
    carol.ping();
    room.ring(); // as the platform does when an alarm is earlier than it was
    room.advance(7_000);
    expect(hostsOf(carol)).toEqual([]);
    room.advance(2_000);
    expect(lastHost(carol)).toMatchObject({ peer: BOB });
  });

  test("[V4] one that joins anew has lost what it hosted", () => {
    const peers = setup();
    elected(peers);
    const again = peers.room.join(ALICE);
    expect(lastHost(peers.carol)).toMatchObject({ peer: BOB });
    offer(again);
    expect(lastHost(again)).toMatchObject({ peer: BOB });
  });

  test("[V5] without another candidate a host that is away stays; when its session is over nobody hosts", () => {
    const { room, alice, carol } = setup();
    offer(alice);
    follow(carol).take();
    alice.drop();
    room.advance(AWAY + 2_000);
    expect(hostsOf(carol)).toEqual([]);
    room.advance(30_000);
    expect(lastHost(carol)).toMatchObject({ peer: 0n });
  });

  test("[V5] a candidate that comes while the host is away for too long is elected at once", () => {
    const { room, alice, bob } = setup();
    offer(alice);
    alice.drop();
    room.advance(AWAY + 2_000);
    offer(bob);
    expect(lastHost(bob)).toMatchObject({ peer: BOB });
  });

  test("[V1] [S5] to stand is something to come back to; to follow is not", () => {
    const { room, alice, bob } = setup();
    offer(alice).drop();
    follow(bob).drop();
    expect(room.statistics).toMatchObject({ away: 1, peers: 1 });
  });

  test("[V4] where sessions do not outlive their sockets, the next one hosts at once", () => {
    const peers = setup({ graceMs: 0 });
    elected(peers);
    peers.alice.drop();
    expect(lastHost(peers.carol)).toMatchObject({ peer: BOB });
  });

  test("[V1] another role is refused, and changes nothing", () => {
    const peers = setup();
    elected(peers);
    peers.alice.send(frames.attend(3));
    expect(peers.alice.heard()).toEqual([errorOf("invalid_argument", FrameType.Attend)]);
    expect(hostsOf(peers.carol)).toEqual([]);
  });

  test("[V2] [C14] who changes its mind all the time is limited", () => {
    const { room, alice } = setup({ connectBurst: 10, connectsPerSecond: 1 });
    for (let i = 0; i < 40; i++) alice.send(frames.attend(i % 2 === 0 ? 2 : 1));
    expect(room.store.writes.filter((method) => method === "saveSeat")).toHaveLength(10);
    expect(alice.heard().filter(({ error }) => error === "rate_limited")).toHaveLength(30);
  });
});

describe("what outlives the memory", () => {
  test("[V3] an eviction changes nothing, and who follows still does", () => {
    const peers = setup();
    elected(peers);
    peers.room.evict();
    expect(hostsOf(peers.carol)).toEqual([]);
    peers.alice.bye();
    expect(lastHost(peers.carol)).toMatchObject({ peer: BOB });
  });

  test("[V3] [V4] after a crash the host has the same time to come back as after a lost socket", () => {
    const peers = setup();
    const epoch = elected(peers);
    const { room } = peers;
    room.crash();
    const bob = offer(room.resume(peers.bob));
    expect(lastHost(bob)).toMatchObject({ epoch, peer: ALICE });
    room.advance(AWAY - 2_000);
    const alice = offer(room.resume(peers.alice));
    expect(lastHost(alice)).toMatchObject({ epoch, peer: ALICE });
    room.advance(10_000);
    room.crash();
    const third = offer(room.resume(bob));
    room.advance(AWAY + 1_000);
    const told = lastHost(third);
    expect(told).toMatchObject({ peer: BOB });
    expect(told["epoch"]).toBeGreaterThan(epoch);
  });

  test("[V3] it is on disk before anybody is told: where the disk fails, nothing has changed, and it is tried again", () => {
    const room = new TestRoom({ settings: { graceMs: 30_000 }, checks: false });
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    room.store.failing.add("saveSeat");
    follow(bob).take();
    offer(alice);
    expect(lastHost(alice)).toMatchObject({ peer: 0n });
    expect(hostsOf(bob)).toEqual([]);
    room.store.failing.clear();
    room.advance(2_000);
    expect(lastHost(bob)).toMatchObject({ peer: ALICE });
    expect(room.store.loadSeat()?.holder?.peer).toBe(ALICE);
  });

  test("[V3] a room that has lost all that it had stored does not begin again below", () => {
    const before = setup();
    const epoch = elected(before);
    const room = new TestRoom({ settings: { graceMs: 30_000 } });
    room.now = before.room.now + 60_000;
    const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
    expect(elected({ room, alice, bob, carol })).toBeGreaterThan(epoch);
  });

  test("a row that is damaged keeps the room shut", () => {
    const { room, alice } = setup();
    offer(alice);
    room.sql.run(`UPDATE host SET peer = 'nobody'`);
    expect(() => room.store.loadSeat()).toThrow("its row is damaged");
  });

  test("what nobody asked for costs no row", () => {
    const { room, alice, bob } = setup();
    room.pair(alice, bob);
    room.advance(60_000);
    expect(room.store.writes).not.toContain("saveSeat");
    expect(room.sql.all(`SELECT * FROM host`)).toEqual([]);
  });
});
