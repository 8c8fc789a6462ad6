import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionState } from "../../../../src/protocol/index.ts";
import { runs } from "../../../support/hunting.ts";
import { World, acts, check, connectionsOf } from "./world.ts";

const tries = runs("SHARD", 150);

describe("an app's own room that is divided anew", () => {
  it("[SH3] [SH4] [SH5] [SH6] keeps every session and every connection that nobody closes", () => {
    let moved = 0;
    fc.assert(
      fc.property(fc.array(acts(false), { minLength: 20, maxLength: 120 }), (all) => {
        const world = new World();
        const [made, two] = [new Set<string>(), new Set<string>()];
        for (const act of all) {
          world.run(act);
          for (const [ends, [one, other]] of connectionsOf(world.rooms.rooms)) {
            // Both have asked, each from its own shard: that ends when they come into one (docs/shards.md).
            if (other && one!.half.handle !== other.half.handle) two.add(ends);
            else if (one!.half.state === ConnectionState.Connected) made.add(ends);
          }
        }
        world.quiet(70); // what a lost word has left of sessions that are elsewhere is over by then
        check(world);
        expect(world.lost).toEqual([]);
        for (const room of world.rooms.rooms) moved += room.logged("connection_moved").length;
        const left = connectionsOf(world.rooms.rooms);
        for (const ends of two) made.delete(ends);
        for (const ends of made)
          expect([ends, left.get(ends)?.[0]?.half.state]).toEqual([ends, ConnectionState.Connected]);
      }),
      tries,
    );
    expect(moved).toBeGreaterThan(tries.numRuns); // or it shows nothing
  }, 3_600_000);

  it("[SH5] [SH6] agrees on everything once all is quiet, whatever has ended and crashed", () => {
    fc.assert(
      fc.property(fc.array(acts(true), { minLength: 20, maxLength: 120 }), (all) => {
        const world = new World();
        for (const act of all) world.run(act);
        world.quiet(70);
        check(world);
      }),
      tries,
    );
  }, 3_600_000);
});
