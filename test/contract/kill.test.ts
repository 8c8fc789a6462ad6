import { describe, expect, test } from "vitest";
import { DataFlag } from "../../src/protocol/index.ts";
import { TIMES } from "../../src/relay/settings.ts";
import { batch, dataFrame } from "../support/frames.ts";
import { RawPeer, connectPair } from "../support/raw-peer.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { capabilities } from "./capabilities.ts";

interface Statistics {
  activeConnections: number;
  totalPackets: number;
  totalBytes: number;
  peers: number;
}
interface Connections {
  connections: {
    connectionId: string;
    fromPeerId: string;
    state: string;
    virtualPort: number;
    packetsRelayed: number;
  }[];
}

const BIG = 76561197960287930n; // beyond 2^53: must survive the disk
const FLUSH_MS = TIMES.flushMs;
const PAYLOAD = new Uint8Array(100);

// Each test has a relay of its own and mostly waits for real time to pass, so they wait together.
describe.concurrent("a relay that is killed", () => {
  test("kill -9 under traffic: every connection that a peer was told about exists after the restart", async () => {
    await using relay = await RunningRelay.start();
    const a = await RawPeer.join(relay.url, BIG);
    const b = await RawPeer.join(relay.url, BIG + 1n);
    const handle = await connectPair(a, b, BIG + 1n, 0);
    const told: string[] = [];
    // Connects keep coming, and traffic flows, until the moment of the kill: there is always something in flight.
    const traffic = setInterval(() => {
      a.send(batch(...Array.from({ length: 20 }, (_, i) => dataFrame({ handle, number: i, payload: PAYLOAD }))));
    }, 2);
    for (let port = 1; port <= 200; port++) {
      a.control("connect", {
        request: port,
        connectionType: 2,
        peer: BIG + 1n,
        virtualPort: port,
        channel: -1,
        timeoutMs: 60_000,
      });
      if (port % 10 === 0) told.push(String((await a.next("connecting")).connectionId));
    }
    await relay.kill();
    clearInterval(traffic);
    // What arrived before the end counts as told, too.
    for (const { control } of a.frames)
      if (control?.frame === "connecting") told.push(String(control.values.connectionId));
    expect(told.length).toBeGreaterThanOrEqual(20);

    await relay.restart();
    const { connections } = await relay.admin<Connections>("/apps/480/connections?limit=1000");
    const known = new Set(connections.map(({ connectionId }) => connectionId));
    expect(told.filter((id) => !known.has(id))).toEqual([]);
    expect(connections[0]).toMatchObject({ fromPeerId: String(BIG), state: "Connected", virtualPort: 0 });
  });

  test("kill -9: statistics lose at most one flush interval", { timeout: 60_000 }, async () => {
    await using relay = await RunningRelay.start();
    const a = await RawPeer.join(relay.url, 1n);
    const b = await RawPeer.join(relay.url, 2n);
    const handle = await connectPair(a, b, 2n);
    const sentAt: number[] = [];
    let number = 1;
    const traffic = setInterval(() => {
      a.send(dataFrame({ handle, number: number++, flags: DataFlag.Reliable, payload: PAYLOAD }));
      sentAt.push(performance.now());
    }, 20);
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS + 4_000));
    const { totalPackets: counted } = await relay.admin<Statistics>("/apps/480/statistics");
    clearInterval(traffic);
    await relay.kill();
    const killedAt = performance.now();

    await relay.restart();
    const { totalPackets, totalBytes } = await relay.admin<Statistics>("/apps/480/statistics");
    const olderThanAFlush = sentAt.filter((at) => at < killedAt - FLUSH_MS - 500).length;
    expect(olderThanAFlush).toBeGreaterThan(50);
    expect(totalPackets).toBeGreaterThanOrEqual(olderThanAFlush);
    expect(totalPackets).toBeLessThanOrEqual(counted + 5);
    expect(totalBytes).toBe(totalPackets * PAYLOAD.length);
  });

  test(
    "kill -9: cleanup that was pending happens after the restart, without a request to the room",
    { timeout: 60_000 },
    async () => {
      await using relay = await RunningRelay.start({
        APP_SETTINGS: JSON.stringify({ default: { idleTimeoutMs: 3_000 } }),
      });
      const a = await RawPeer.join(relay.url, 1n);
      const b = await RawPeer.join(relay.url, 2n);
      await connectPair(a, b, 2n);
      await relay.kill();
      await relay.restart();
      // The alarm alone must do it. The first look at the room comes after the time it needs.
      await new Promise((resolve) => setTimeout(resolve, 15_000));
      expect(await relay.admin<Statistics>("/apps/480/statistics")).toMatchObject({ activeConnections: 0 });
    },
  );

  test("a message that is too large for the platform is closed by it with 1009, and nobody else notices", async () => {
    await using relay = await RunningRelay.start();
    const a = await RawPeer.join(relay.url, 1n);
    const b = await RawPeer.join(relay.url, 2n);
    const attacker = await RawPeer.join(relay.url, 3n);
    const handle = await connectPair(a, b, 2n);
    attacker.send(new Uint8Array(capabilities.largestMessage + 1024 * 1024));
    expect((await attacker.closed).code).toBe(capabilities.namesViolations ? 1009 : 1006);
    a.send(dataFrame({ handle, payload: PAYLOAD }));
    const { data } = await b.take("data", (frame) => frame.data !== undefined);
    expect(data?.payload).toEqual(PAYLOAD);
  });
});
