/** Which messages frames leave in (docs/performance.md): what one turn sends, and under load what comes soon after. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectionState, DataFlag } from "../../../src/protocol/index.ts";
import { Gathering, RoomLoad } from "../../../src/relay/flow/coalescing.ts";
import { type TestPeer, TestRoom, frames, peerId } from "../../support/room.ts";
import { walk } from "../../support/frames.ts";

const COALESCE_MS = 5;

/** A mesh: everybody has a connection to everybody. `handles[a][b]` is that of a and b. */
class Mesh {
  readonly room: TestRoom;
  readonly peers: TestPeer[];
  readonly handles: number[][] = [];

  constructor(size: number, coalesceMs = COALESCE_MS) {
    const settings = { coalesceMs, messagesPerSecond: 0, bytesPerSecond: 0 };
    // What is counted has been handed on, and may still wait: the check that compares the two is for rooms without.
    this.room = new TestRoom({ settings, checks: coalesceMs === 0 });
    this.peers = Array.from({ length: size }, (_, index) => this.room.join(peerId(index)));
    this.handles = this.peers.map(() => []);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < a; b++) {
        this.handles[a]![b] = this.handles[b]![a] = this.room.pair(this.peers[a]!, this.peers[b]!);
      }
    }
  }

  /** One message from `from` with a frame to everybody else. */
  tick(from: number, payload = "tick"): void {
    this.peers[from]!.send(...this.handles[from]!.filter(Boolean).map((handle) => frames.data(handle, payload)));
  }

  /** All send within the same ms, `ticksPerSecond` times a second, for `ms`. What they are sent is forgotten. */
  play(ms: number, ticksPerSecond: number): void {
    for (let at = 0; at < ms; at += 1000 / ticksPerSecond) {
      this.peers.forEach((_, index) => this.tick(index));
      this.room.advance(Math.round(1000 / ticksPerSecond));
    }
    this.room.advance(50); // the longest wait there is
    this.forget();
  }

  forget(): void {
    for (const peer of this.peers) peer.take();
  }

  /** Messages that each peer was sent. */
  messages(): number[] {
    return this.peers.map((peer) => peer.take().length);
  }
}

function loaded(coalesceMs = COALESCE_MS): Mesh {
  const mesh = new Mesh(12, coalesceMs);
  mesh.play(1_000, 60); // 12 in, 132 out, 60 times a second
  return mesh;
}

describe("a quiet room", () => {
  test("sends what a turn brings when the turn ends", () => {
    const mesh = new Mesh(3);
    mesh.tick(0);
    mesh.tick(1);
    expect(mesh.messages()).toEqual([1, 1, 2]);
    expect(mesh.room.room.sendAt).toBe(Infinity);
  });

  test("stays so at eight players and thirty ticks: no packet is late", () => {
    const mesh = new Mesh(8);
    mesh.play(3_000, 30);
    mesh.tick(0);
    mesh.tick(1);
    expect(mesh.messages()).toEqual([1, 1, 2, 2, 2, 2, 2, 2]);
  });
});

describe("a loaded room", () => {
  test("gathers what comes within the room's time into one message for each client", () => {
    const mesh = loaded();
    for (let from = 0; from < 12; from++) mesh.tick(from);
    expect(mesh.messages()).toEqual(mesh.peers.map(() => 0));
    expect(mesh.room.room.sendAt).toBe(mesh.room.now + COALESCE_MS);
    mesh.room.advance(COALESCE_MS - 1);
    expect(mesh.messages()).toEqual(mesh.peers.map(() => 0));
    mesh.room.advance(1);
    expect(mesh.messages()).toEqual(mesh.peers.map(() => 1));
    expect(mesh.room.room.sendAt).toBe(Infinity);
  });

  test("with 0 nothing waits", () => {
    const mesh = loaded(0);
    for (let from = 0; from < 12; from++) mesh.tick(from);
    expect(mesh.messages()).toEqual(mesh.peers.map(() => 11));
  });

  test("counts what waits, and each client hears every frame once", () => {
    const mesh = loaded();
    const before = mesh.room.statistics.totalPackets;
    for (let from = 0; from < 12; from++) mesh.tick(from, String(from));
    expect(mesh.room.statistics.totalPackets - before).toBe(12 * 11);
    mesh.room.advance(COALESCE_MS);
    for (const [index, peer] of mesh.peers.entries()) {
      const payloads = peer.heard().map(({ payload }) => payload);
      expect(payloads).toEqual(mesh.peers.map((_, from) => String(from)).filter((from) => from !== String(index)));
    }
  });

  test("a full message does not wait", () => {
    const mesh = loaded();
    mesh.tick(0);
    mesh.peers[1]!.send(frames.data(mesh.handles[1]![0]!, new Uint8Array(16 * 1024)));
    mesh.peers[2]!.send(frames.data(mesh.handles[2]![3]!, new Uint8Array(16 * 1024)));
    expect(mesh.messages().slice(0, 5)).toEqual([1, 0, 0, 1, 0]);
    mesh.room.advance(COALESCE_MS);
    expect(mesh.messages().slice(0, 5)).toEqual([0, 1, 1, 0, 1]);
  });

  test("control frames keep their place among the data", () => {
    const mesh = loaded();
    const handle = mesh.handles[0]![1]!;
    mesh.tick(2);
    mesh.peers[0]!.send(frames.data(handle, "last"), frames.close(handle));
    mesh.room.advance(COALESCE_MS);
    expect(mesh.peers[1]!.heard().map(({ frame, payload }) => payload ?? frame)).toEqual(["tick", "last", "close"]);
  });

  test("what waits leaves before the relay closes the socket", () => {
    const mesh = loaded();
    mesh.tick(0);
    mesh.room.kick(mesh.peers[1]!.id);
    expect(mesh.peers[1]!.heard().map(({ frame }) => frame)).toEqual(["data", "bye"]);
  });

  test("what waits for a socket that is lost is forgotten with it", () => {
    const mesh = loaded();
    mesh.tick(0);
    mesh.peers[1]!.drop();
    mesh.room.advance(COALESCE_MS);
    expect(mesh.peers[1]!.take()).toEqual([]);
    expect(mesh.room.room.sendAt).toBe(Infinity);
  });

  test("falls silent: what comes then goes out at once", () => {
    const mesh = loaded();
    mesh.room.advance(300);
    mesh.tick(0);
    expect(mesh.messages()).toEqual([0, ...Array.from({ length: 11 }, () => 1)]);
  });

  test("where the timer is late, the next turn sends", () => {
    const mesh = loaded();
    mesh.tick(0);
    mesh.room.now += COALESCE_MS + 9; // no timer rings
    mesh.tick(1);
    expect(mesh.messages()[2]).toBe(0);
    mesh.room.now += 1;
    mesh.tick(2);
    expect(mesh.messages()[3]).toBe(1);
  });

  test("a clock that goes back keeps nothing waiting", () => {
    const mesh = loaded();
    mesh.tick(0);
    mesh.room.now -= 60_000;
    mesh.tick(1);
    expect(mesh.messages()[2]).toBeGreaterThan(0);
  });

  test("a client that plays ping-pong is not kept waiting for long", () => {
    const mesh = loaded();
    let waits = 0;
    for (let round = 0; round < 400; round++) {
      const [from, to] = round % 2 === 0 ? [0, 1] : [1, 0];
      for (let other = 2; other < 12; other += 2)
        mesh.peers[other]!.send(frames.data(mesh.handles[other]![other + 1]!, "x"));
      mesh.peers[from]!.send(frames.data(mesh.handles[from]![to]!, "ball"));
      if (mesh.peers[to]!.take().length === 0) waits++;
      mesh.room.advance(COALESCE_MS);
      mesh.forget();
    }
    // Some attempts at first, and after each vain one a longer pause.
    expect(waits).toBeGreaterThan(0);
    expect(waits).toBeLessThan(60);
  });
});

test("every client hears the same frames in the same order, however long they may wait", () => {
  const step = fc.record({
    from: fc.nat(5),
    to: fc.uniqueArray(fc.nat(5), { minLength: 1 }),
    flags: fc.constantFrom(0, DataFlag.Reliable, DataFlag.NoNagle),
    size: fc.constantFrom(0, 64, 1_200, 9_000),
    pause: fc.constantFrom(0, 0, 0, 1, 3, 12),
    isClose: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (steps, waits) => {
      const [patient, prompt] = [waits, 0].map((coalesceMs) => {
        const mesh = new Mesh(6, coalesceMs);
        mesh.play(500, 200);
        const heard = mesh.peers.map(() => [] as string[]);
        for (const [index, { from, to, flags, size, pause, isClose }] of steps.entries()) {
          const handles = to.filter((peer) => peer !== from).map((peer) => mesh.handles[from]![peer]!);
          const isOpen = (handle: number) =>
            mesh.room.manager.getConnectionByHandle(handle)?.state === ConnectionState.Connected;
          const open = handles.filter(isOpen);
          if (open.length === 0) continue;
          const data = open.map((handle) => frames.data(handle, new Uint8Array(size), { flags, number: index + 1 }));
          mesh.peers[from]!.send(...data, ...(isClose ? [frames.close(open[0]!)] : []));
          mesh.room.advance(pause);
          mesh.peers.forEach((peer, at) => heard[at]!.push(...describeAll(peer)));
        }
        mesh.room.advance(waits);
        mesh.peers.forEach((peer, at) => heard[at]!.push(...describeAll(peer)));
        return heard;
      });
      expect(patient).toEqual(prompt);
    }),
    { numRuns: 30 },
  );
}, 60_000);

function describeAll(peer: TestPeer): string[] {
  return peer
    .take()
    .flatMap((message) =>
      walk(message).map(({ type, data, control }) => `${type} ${data?.handle} ${data?.number} ${control?.frame ?? ""}`),
    );
}

describe("RoomLoad", () => {
  test("grows with what is sent, up to the room's limit, and is gone after a silence", () => {
    const load = new RoomLoad(5);
    const seen = new Set<number>();
    let now = 1_000;
    for (let perMs = 1; perMs < 10; perMs++) {
      for (const end = now + 500; now < end; now++) load.add(perMs - 1, now);
      seen.add(load.delayMs);
    }
    expect([...seen]).toEqual([0, 2, 3, 4, 5]);
    load.add(1, now + 60_000);
    load.add(1, now + 120_000);
    load.add(1, now + 180_000);
    expect(load.delayMs).toBe(0);
  });
});

describe("Gathering", () => {
  test("waits no more where nothing comes meanwhile, and tries again ever later", () => {
    const gathering = new Gathering();
    const attempts: number[] = [];
    for (let now = 10_000; now < 10_000 + 120_000; now += 10) {
      if (!gathering.begin(now, 5)) continue;
      attempts.push(now);
      gathering.end(now + 5);
    }
    const pauses = attempts.slice(1).map((at, index) => at - attempts[index]!);
    expect(pauses.filter((pause) => pause > 1_000).length).toBeGreaterThan(3);
    expect(Math.max(...pauses)).toBeLessThan(31_000);
    expect(attempts.length).toBeLessThan(25);
  });

  test("goes on where a third turn in ten joins", () => {
    const gathering = new Gathering();
    let waits = 0;
    for (let window = 0; window < 1_000; window++) {
      if (!gathering.begin(10_000 + window * 10, 5)) continue;
      waits++;
      gathering.join();
      gathering.end(10_005 + window * 10);
    }
    expect(waits).toBe(999); // all but the first, which came after a silence
  });
});
