/** Groups and elections in the hands of who means harm. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ATTEND, JOIN, LEAVE, encodeFrame } from "../../../src/protocol/index.ts";
import { batch, castFrame } from "../../support/frames.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start({ groupCopiesPerSecond: 500, maxGroupMembers: 8, maxQueuedBytes: 256 * 1024 });
});
afterAll(() => siege[Symbol.asyncDispose]());

const join = (name: string, request = 1): Uint8Array => encodeFrame(JOIN, { request, name });
const attend = (role: number): Uint8Array => encodeFrame(ATTEND, { role });
const many = (count: number, make: (index: number) => Uint8Array): Uint8Array =>
  batch(...Array.from({ length: count }, (_, index) => make(index)));

async function member(name: string, options = {}): Promise<{ peer: Attacker; group: number }> {
  const peer = await siege.attacker(options);
  peer.send(join(name));
  const { asked } = await peer.take("joined", ({ asked: found }) => found?.frame === "joined");
  return { peer, group: asked?.values["group"] as number };
}

test("[G1] [C14] 10,000 joins in one message: 256 are answered, 999 refused, then the session ends", () =>
  siege.withstand({ refusals: { flooding: 1, rate_limited: 900 } }, async () => {
    const attacker = await siege.attacker();
    attacker.send(many(10_000, (index) => join(`group ${index}`, index)));
    expect(await attacker.closed()).toEqual({ code: 4010, reason: "flooding" });
  }));

test("[G6] joining and leaving all the time costs its own session, and leaves no group behind", () =>
  siege.withstand({ refusals: { flooding: 1 } }, async () => {
    const { peer, group } = await member("revolving");
    peer.send(many(5_000, (index) => (index % 2 === 0 ? encodeFrame(LEAVE, { group }) : join("revolving", index))));
    expect((await peer.closed()).code).toBe(4010);
  }));

test("[G4] 5,000 casts to groups that it is not in: nobody hears one, all are counted", () =>
  siege.withstand({ drops: { unknown_group: 5_000 }, refusals: { unknown_group: 5_000 } }, async () => {
    const { peer } = await member("private");
    const stranger = await siege.attacker();
    stranger.send(many(5_000, (index) => castFrame({ group: index, sender: 1n, payload: new Uint8Array(8) })));
    await stranger.settled();
    await peer.settled();
    expect(peer.frames.filter(({ cast }) => cast)).toEqual([]);
  }));

test("[G4] nobody can speak in another's name", () =>
  siege.withstand({}, async () => {
    const [a, b] = [await member("names"), await member("names")];
    a.peer.send(castFrame({ group: a.group, sender: siege.bystanders.peers[0]!, payload: new Uint8Array(1) }));
    const { cast } = await b.peer.take("cast", (frame) => frame.cast !== undefined);
    expect(siege.bystanders.peers).not.toContain(cast?.sender);
  }));

test("[G6] [G8] a flood into a group whose members do not read is charged to its sender, and bounded", () =>
  siege.withstand({ drops: { rate_limited: 1_000 } }, async () => {
    const deaf = await Promise.all(Array.from({ length: 7 }, () => member("deaf", { credits: false })));
    const { peer, group } = await member("deaf");
    expect(deaf.every((each) => each.group === group)).toBe(true);
    for (let message = 0; message < 20; message++) {
      peer.send(many(50, (number) => castFrame({ group, number, payload: new Uint8Array(1_000) })));
    }
    await peer.settled();
  }));

test("[D4] [G6] the largest payloads to the fullest group: no more copies than one message may become", () =>
  siege.withstand({}, async () => {
    const members = await Promise.all(Array.from({ length: 7 }, () => member("large")));
    const { peer, group } = await member("large");
    const large = castFrame({ group, payload: new Uint8Array(500 * 1024) });
    peer.send(batch(large, large));
    const { control } = await peer.take("refusal", (frame) => frame.control?.frame === "error");
    expect(control?.values).toMatchObject({ about: group });
    expect(members).toHaveLength(7);
  }));

test("[V1] [C14] one that stands and withdraws 10,000 times is refused, and then out", () =>
  siege.withstand({ refusals: { flooding: 1, rate_limited: 900 } }, async () => {
    const attacker = await siege.attacker();
    for (let message = 0; message < 10; message++)
      attacker.send(many(1_000, (index) => attend(index % 2 === 0 ? 2 : 1)));
    expect((await attacker.closed()).code).toBe(4010);
  }));

test("[V1] roles that do not exist, and frames that are cut, end nobody else's session", () =>
  siege.withstand({ refusals: { invalid_argument: 252, malformed_frame: 1 } }, async () => {
    const attacker = await siege.attacker();
    attacker.send(many(253, (index) => attend(index + 3)));
    attacker.send(Uint8Array.of(0x98, 0, 0, 0, 0, 0, 0, 0));
    expect((await attacker.closed()).code).toBe(4001);
  }));
