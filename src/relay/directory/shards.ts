/**
 * Which of an app's directory objects a room reports to, where there are several. By rendezvous: the room goes where the
 * hash of both is highest, so another number of shards moves only those rooms that must move.
 */
export function shardOf(room: string, shards: number): number {
  if (shards === 1 || room === "") return HEAD;
  let best = HEAD;
  let highest = -1;
  for (let shard = 0; shard < shards; shard++) {
    const weight = mixed(hashOf(room), shard);
    if (weight <= highest) continue;
    highest = weight;
    best = shard;
  }
  return best;
}

/** The one that has the app's own room, operators' settings and bans, and knows how many others there ever were. */
export const HEAD = 0;

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Murmur's finisher: every bit of both moves every bit of the result. */
function mixed(hash: number, shard: number): number {
  let mixed = hash ^ Math.imul(shard + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
