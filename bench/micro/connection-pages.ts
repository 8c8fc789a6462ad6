/**
 * `node --experimental-strip-types --no-warnings bench/micro/connection-pages.ts [connections]`: what a page of the admin
 * API's connection list costs the object of a large room, in ms; the JSON is the worker's to write.
 */
import type { AppId, ConnectionType, PeerId } from "../../src/protocol/index.ts";
import { P2PRelayManager } from "../../src/relay/manager.ts";
import { CONNECTION_SORTS, connections } from "../../src/relay/operations/connections.ts";
import type { Room } from "../../src/relay/room.ts";

const COUNT = Number(process.argv[2] ?? 10_000);
const ROUNDS = 20;
const START = 1_700_000_000_000;

const manager = new P2PRelayManager({ idleTimeoutMs: 60_000, log: () => undefined });
for (let i = 0; i < COUNT; i++) {
  const [from, to] = [BigInt(1 + (i % 1_000)) as PeerId, BigInt(2_000 + i) as PeerId];
  const id = manager.createOrGetConnection(from, to, 480 as AppId, 2 as ConnectionType, { now: START + i });
  for (let packet = (i * 7_919) % 13; packet > 0; packet--) {
    manager.recordPacketRelayed(id, 100 + ((i * 31) % 400), START + ((i * 104_729) % 1_000_000));
  }
}
const room = { manager } as unknown as Room;

for (const sort of CONNECTION_SORTS) {
  for (const isDescending of [false, true]) {
    for (const limit of [100, 1_000]) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const begun = performance.now();
        connections(room, START, { sort, isDescending, limit });
        times.push(performance.now() - begun);
      }
      const sorted = times.toSorted((a, b) => a - b);
      const [first = 0] = times;
      const text = `${sort} ${isDescending ? "desc" : "asc"}, ${limit} of ${COUNT}`;
      console.log(`${text.padEnd(40)} first ${first.toFixed(2)}  median ${(sorted[ROUNDS / 2] ?? 0).toFixed(2)} ms`);
    }
  }
}
