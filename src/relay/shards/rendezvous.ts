/**
 * Which shard a peer is in, by its id alone: the one for which the hash of both is highest. So whoever knows how many there
 * are knows it without asking, and another number moves only those peers that must move (rule SH1).
 */
import type { PeerId } from "../../protocol/index.ts";

export const MAX_SHARDS = 64;

/** 2^64 over the golden ratio: consecutive shards lie far apart. */
const STRIDE = 0x9e37_79b9_7f4a_7c15n;
const U64 = 0xffff_ffff_ffff_ffffn;

/** 0 to `shards` - 1. */
export function shardOfPeer(peer: PeerId, shards: number): number {
  let best = 0;
  let highest = -1n;
  for (let shard = 0; shard < shards; shard++) {
    const weight = weigh(peer, shard);
    if (weight <= highest) continue;
    highest = weight;
    best = shard;
  }
  return best;
}

/** All shards that the peer has been in, whatever number of them up to `most` there was: few, since each must outweigh all before it. */
export function everyShardOfPeer(peer: PeerId, most: number): number[] {
  const found: number[] = [];
  let highest = -1n;
  for (let shard = 0; shard < most; shard++) {
    const weight = weigh(peer, shard);
    if (weight <= highest) continue;
    highest = weight;
    found.push(shard);
  }
  return found;
}

/** SplitMix64: ids of accounts that were made one after the other differ in few bits, and must not end up together. */
export function weigh(peer: PeerId, shard: number): bigint {
  return mixed(mixed(peer) ^ ((BigInt(shard + 1) * STRIDE) & U64));
}

function mixed(value: bigint): bigint {
  let mix = (value + STRIDE) & U64;
  mix = ((mix ^ (mix >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & U64;
  mix = ((mix ^ (mix >> 27n)) * 0x94d0_49bb_1331_11ebn) & U64;
  return mix ^ (mix >> 31n);
}
