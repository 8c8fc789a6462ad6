import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ID_RULES, type PeerId, parseRoomName } from "../../../../src/protocol/index.ts";
import {
  everyHomeOf,
  everyPart,
  handlesOf,
  homeOf,
  isPart,
  parseShardName,
  shardName,
} from "../../../../src/relay/shards/names.ts";
import { MAX_SHARDS, everyShardOfPeer, shardOfPeer } from "../../../../src/relay/shards/rendezvous.ts";
import { peerId } from "../../../support/room.ts";

const anyPeer = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }) as fc.Arbitrary<PeerId>;

describe("the shard of a peer", () => {
  it("[SH1] is what it has always been: another one would lose every session that is away", () => {
    const golden = [1n, 2n, 76_561_197_960_287_930n, 2n ** 64n - 1n].map((peer) =>
      [1, 2, 3, 4, 8, 64].map((shards) => shardOfPeer(peer as PeerId, shards)),
    );
    expect(golden).toEqual(GOLDEN);
  });

  it("[SH1] with one more shard is the same, or that one", () => {
    fc.assert(
      fc.property(anyPeer, fc.integer({ min: 1, max: MAX_SHARDS - 1 }), (peer, shards) => {
        expect([shardOfPeer(peer, shards), shards]).toContain(shardOfPeer(peer, shards + 1));
      }),
    );
  });

  it("[SH1] is one of those that the peer may have been in", () => {
    fc.assert(
      fc.property(anyPeer, fc.integer({ min: 1, max: MAX_SHARDS }), fc.nat(MAX_SHARDS), (peer, shards, more) => {
        const most = Math.min(MAX_SHARDS, shards + more);
        expect(everyShardOfPeer(peer, most)).toContain(shardOfPeer(peer, shards));
        expect(everyHomeOf(peer, most)).toContain(homeOf(peer, shards));
      }),
    );
  });

  it("[SH1] is found by as many peers as any other, also of accounts that were made one after the other", () => {
    const shards = 16;
    const peers = 16_000;
    const counts = Array.from({ length: shards }, () => 0);
    let moved = 0;
    for (let i = 0; i < peers; i++) {
      const shard = shardOfPeer(peerId(i), shards);
      counts[shard]!++;
      if (shardOfPeer(peerId(i), shards + 1) !== shard) moved++;
    }
    // 1,000 each, whose standard deviation is 31.
    for (const count of counts) expect(Math.abs(count - peers / shards)).toBeLessThan(155);
    expect(Math.abs(moved - peers / (shards + 1))).toBeLessThan(155);
  });
});

describe("names of shards", () => {
  it("[SH1] are no room's that a client may ask for, and one shard is the app's own room", () => {
    for (let shard = 0; shard < MAX_SHARDS; shard++) {
      expect(parseShardName(shardName(shard))).toBe(`~${shard}`);
      expect(parseRoomName(shardName(shard))).toBeUndefined();
    }
    expect(ID_RULES.room).toContain("beginning with a letter or digit");
    for (const other of ["", "~", "~64", "~01", "~-1", "~1a", "lobby"]) expect(parseShardName(other)).toBeUndefined();
    expect(homeOf(peerId(1), 1)).toBe("");
    expect(everyPart(1)).toEqual([undefined]);
    expect(everyPart(2)).toEqual([undefined, "~0", "~1"]);
    expect(["", "~3", "lobby"].map(isPart)).toEqual([true, true, false]);
  });

  it("[SH6] no two of them give out the same handle, and the app's own room begins with 1", () => {
    const ranges = everyPart(MAX_SHARDS).map((room) => handlesOf(room ?? ""));
    expect(ranges[0]!.first).toBe(1);
    for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.first).toBe(ranges[i - 1]!.last + 1);
    expect(ranges.at(-1)!.last).toBe(2 ** 32 - 1);
    expect(handlesOf("lobby")).toEqual({ first: 1, last: 2 ** 32 - 1 });
  });
});

/** For 1, 2, 3, 4, 8 and 64 shards. */
const GOLDEN = [
  [0, 1, 2, 2, 5, 9],
  [0, 1, 1, 1, 1, 62],
  [0, 0, 0, 0, 0, 52],
  [0, 0, 2, 2, 2, 15],
];
