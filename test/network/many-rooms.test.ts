/**
 * 200 rooms of eight on one relay, everybody sending to everybody: what the admin API adds up is what the peers counted,
 * and a room that is killed among them is nothing to the others. Peers are bare TCP, so that 1,600 of them are a small load.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { LeanPeer, message } from "../../bench/lean-peer.ts";
import type { AppTotals, RoomSummary } from "../../src/relay/directory/report.ts";
import { boundedMap } from "../../src/runtime/bounded.ts";
import { PING } from "../../src/protocol/index.ts";
import { Opcode, webSocketFrame } from "../contract/hostile/web-socket.ts";
import { FaultyRelay } from "../faults/faulty-relay.ts";
import { dataFrame } from "../support/frames.ts";

const ROOMS = 200;
const PLAYERS = 8;
const LINKS = (PLAYERS * (PLAYERS - 1)) / 2;
const PAYLOAD = new Uint8Array(32);
/** Ticks before the kill, and after it. */
const TICKS = [4, 4] as const;
const VICTIM = "victim";
const AT_ONCE = 8;
/** A client says something this often, or it is taken for dead. */
const KEEP_ALIVE_MS = 10_000;
const PING_MESSAGE = webSocketFrame({ opcode: Opcode.Text, payload: Buffer.from(PING) });

/** Everything a room's players know of it. */
class Played {
  readonly name: string;
  readonly peers: LeanPeer[] = [];
  received = 0;
  sent = 0;
  /** Of each peer, one message with a packet to each other. */
  readonly #ticks: Buffer[] = [];

  constructor(name: string) {
    this.name = name;
  }

  async begin(url: string, first: number): Promise<void> {
    const handles = Array.from({ length: PLAYERS }, (): number[] => []);
    for (let i = 0; i < PLAYERS; i++) {
      const peer = await LeanPeer.join(url, BigInt(first + i), this.name);
      peer.isWelcoming = true;
      peer.onData = () => void this.received++;
      for (let other = 0; other < i; other++) {
        const handle = await peer.open(BigInt(first + other));
        handles[i]!.push(handle);
        handles[other]!.push(handle);
      }
      this.peers.push(peer);
    }
    for (const own of handles) {
      const frames = own.map((handle) => dataFrame({ handle, payload: PAYLOAD }));
      this.#ticks.push(message(Buffer.concat(frames)));
    }
  }

  tick(): void {
    for (const [index, peer] of this.peers.entries()) {
      peer.raw.write(this.#ticks[index]!);
      this.sent += PLAYERS - 1;
    }
  }

  get hasAll(): boolean {
    return this.received === this.sent;
  }
}

let relay: FaultyRelay;
beforeAll(async () => {
  relay = await FaultyRelay.start();
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
});

const rooms = Array.from({ length: ROOMS }, (_, index) => new Played(`match-${index}`));
const victim = new Played(VICTIM);

async function listed(): Promise<Map<string | null, RoomSummary>> {
  const page = await relay.admin<{ rooms: RoomSummary[] }>("/apps/480/rooms?limit=1000");
  return new Map(page.rooms.map((room) => [room.room, room]));
}

async function play(ticks: number, playing: readonly Played[]): Promise<void> {
  for (let tick = 0; tick < ticks; tick++) {
    for (const room of playing) room.tick();
    await expect.poll(() => playing.every(({ hasAll }) => hasAll), { timeout: 30_000, interval: 20 }).toBe(true);
  }
}

test(
  "admin totals are the sum of what clients counted, and a killed room disturbs no other",
  { timeout: 120_000 },
  async () => {
    const all = [...rooms, victim];
    const keepAlive = setInterval(() => {
      for (const { peers } of all) for (const { raw } of peers) raw.write(PING_MESSAGE);
    }, KEEP_ALIVE_MS);
    try {
      await boundedMap([...all.entries()], AT_ONCE, ([index, room]) => room.begin(relay.url, index * PLAYERS + 1));
      await play(TICKS[0], all);
      await relay.abort(VICTIM);
      await expect.poll(() => victim.peers.every(({ raw }) => raw.isGone), { timeout: 10_000 }).toBe(true);
      await play(TICKS[1], rooms);
      expect(rooms.flatMap(({ peers }) => peers).filter(({ raw }) => raw.isGone)).toEqual([]);
      // Who is there is told every 30 s, in a turn: a tick is one.
      await expect
        .poll(
          async () => {
            for (const room of rooms) room.tick();
            const known = await listed();
            return rooms.filter(({ name }) => {
              const { peers, activeConnections } = known.get(name)?.statistics ?? {};
              return peers === PLAYERS && activeConnections === LINKS;
            }).length;
          },
          { timeout: 60_000, interval: 4_000 },
        )
        .toBe(ROOMS);
      await expect.poll(() => rooms.every(({ hasAll }) => hasAll), { timeout: 30_000 }).toBe(true);
    } finally {
      clearInterval(keepAlive);
    }
    for (const { peers } of rooms)
      for (const { raw } of peers) raw.control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" });
    await expect
      .poll(
        async () => {
          const known = await listed();
          return rooms.filter(({ name }) => known.get(name)?.statistics.peers !== 0).length;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(0);
    const known = await listed();
    for (const { name, received } of rooms) {
      expect({ name, packets: known.get(name)?.statistics.totalPackets }).toEqual({ name, packets: received });
    }
    const { statistics } = await relay.admin<AppTotals>("/apps/480/totals");
    const lost = known.get(VICTIM)?.statistics;
    const counted = rooms.reduce((sum, { received }) => sum + received, 0);
    expect(statistics.totalPackets - (lost?.totalPackets ?? 0)).toBe(counted);
    expect(statistics.totalBytes - (lost?.totalBytes ?? 0)).toBe(counted * PAYLOAD.length);
    expect(statistics.joins - (lost?.joins ?? 0)).toBe(ROOMS * PLAYERS);
    expect(statistics.drops).toMatchObject({ rate_limited: 0 });
    expect(relay.failures()).toEqual([]);
  },
);
