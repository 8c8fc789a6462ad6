/** What the property test of resharding has found, each with the fewest acts that showed it. */
import { describe, expect, it } from "vitest";
import { ConnectionState } from "../../../../src/protocol/index.ts";
import { type Act, World, check, connectionsOf } from "./world.ts";

const step = (choice: number, times: number): Act => ({ kind: "step", choice, times });
const come = (from: number): Act => ({ kind: "come", from });
const hear = (room: number): Act => ({ kind: "hear", room });
const shards = (to: number): Act => ({ kind: "shards", shards: to });
const cut: Act = { kind: "cut" };

/** As it is when all is quiet again. */
function after(...acts: readonly Act[]): World {
  const world = new World();
  for (const act of acts) world.run(act);
  world.quiet(70);
  check(world);
  expect(world.lost).toEqual([]);
  return world;
}

const states = ({ rooms }: World) => [...connectionsOf(rooms.rooms).values()].map(([one]) => one!.half.state);

describe("a connection whose two ends", () => {
  it("[SH6] leave one room for two others, and a cut before either has heard of the other, goes on", () => {
    const moving = [shards(2), hear(0), come(1), come(0), step(1, 2), step(0, 3), shards(1), step(0, 4)];
    const world = after(...moving, cut);
    expect(new Set(states(world))).toEqual(new Set([ConnectionState.Connected]));
    expect(states(world)).toHaveLength(10);
  });

  it("[SH6] leave one after the other, and the trunk breaks before the first has heard of it, goes on", () => {
    const moving = [shards(3), hear(0), come(1), come(3), step(0, 4), step(1, 3), step(6, 4)];
    const world = after(...moving, cut, step(6, 4), step(1, 1), come(2), cut);
    expect(new Set(states(world))).toEqual(new Set([ConnectionState.Connected]));
    expect(states(world)).toHaveLength(10);
  });

  it("[SH7] moved while it was accepted, is Open where that was, though the other asks once more", () => {
    const asked: Act = { kind: "connect", from: 1, to: 0, port: 0 };
    const closed: Act = { kind: "close", from: 0, nth: 0 };
    const accepted: Act = { kind: "accept", from: 0, nth: 3 };
    const world = after(
      ...[shards(3), asked, closed, hear(0), come(0), come(1), step(0, 3), accepted, step(3, 2), step(4, 2)],
      ...[cut, step(0, 2), come(2), step(0, 1), { kind: "pass", ms: 1_000 } as const],
    );
    expect(new Set(states(world))).toEqual(new Set([ConnectionState.Connected]));
  });
});
