/** Lists of peers that come and go, against the plainest way to answer where one is: who named it last, and names it still. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { PeerId } from "../../../../src/protocol/index.ts";
import { Whereabouts, packPeers } from "../../../../src/relay/directory/whereabouts.ts";

const PEERS = [1n, 2n, 3n, 2n ** 64n - 1n] as PeerId[];
const act = fc.record({
  room: fc.constantFrom("", "x", "y"),
  peers: fc.array(fc.constantFrom(...PEERS), { maxLength: 6 }),
  isForgotten: fc.boolean(),
});

test("[X1] a peer is where it was named last, whatever rooms say of it and of others", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const rows = new Map<string, Uint8Array>();
      const whereabouts = new Whereabouts({
        loadPeers: () => [...rows].map(([name, peers]) => ({ name, peers })),
        savePeers: (name, peers) => rows.set(name, peers),
        deletePeers: (name) => rows.delete(name),
      });
      let said: { peer: PeerId; room: string; since: number }[] = [];
      acts.forEach(({ room, peers, isForgotten }, now) => {
        const named = isForgotten ? [] : peers;
        if (isForgotten) whereabouts.forget(room);
        else whereabouts.told(room, packPeers(peers), now);
        said = said.filter((one) => one.room !== room || named.includes(one.peer));
        for (const peer of new Set(named)) {
          if (!said.some((one) => one.room === room && one.peer === peer)) said.push({ peer, room, since: now });
        }
        for (const peer of PEERS) {
          const last = said.findLast((one) => one.peer === peer);
          expect(whereabouts.locate(peer)).toEqual(last && { room: last.room, since: last.since });
        }
        expect([...rows.keys()].toSorted()).toEqual([...new Set(said.map((one) => one.room))].toSorted());
      });
      whereabouts.reload();
      for (const peer of PEERS)
        expect(whereabouts.locate(peer) !== undefined).toBe(said.some((one) => one.peer === peer));
    }),
    { numRuns: 500 },
  );
});
