/** Groups as a client sees them (rules G1 to G9), on each runtime. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Group, type GroupMessage, Groups } from "../../src/client/groups/index.ts";
import { type ConnectOptions, type RelayClient, RelayError, connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { EventLog, newPeer } from "./context.ts";

let relay: RunningRelay;
beforeAll(async () => {
  const settings = { joinsPerMinute: 0, maxGroupsPerPeer: 3, maxGroupMembers: 4, graceMs: 20_000 };
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: settings }) });
});
afterAll(() => relay[Symbol.asyncDispose]());

let rooms = 0;
const newRoom = (): string => `groups-${rooms++}`;

interface Member extends AsyncDisposable {
  readonly client: RelayClient;
  readonly groups: Groups;
}

async function enter(room: string, options: Partial<ConnectOptions> = {}): Promise<Member> {
  const peer = newPeer();
  const ticket = (): Promise<string> => testTicket({ peer: String(peer), app: 480 });
  const client = await connect({ url: relay.url, app: 480, room, ticket, ...options });
  return { client, groups: new Groups(client), [Symbol.asyncDispose]: async () => void (await client.close()) };
}

async function take(group: Group, count: number): Promise<GroupMessage[]> {
  const messages: GroupMessage[] = [];
  for await (const message of group) if (messages.push(message) === count) break;
  return messages;
}

const textOf = ({ payload }: GroupMessage): string => new TextDecoder().decode(payload);

describe("groups", () => {
  test("[G4] [G5] what one sends comes to all others, in order, with its name; and to nobody else", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await using b = await enter(room);
    await using c = await enter(room);
    await using d = await enter(room);
    const [inA, inB, inC] = [a.groups.join("zone"), b.groups.join("zone"), c.groups.join("zone")];
    const other = d.groups.join("elsewhere");
    await Promise.all([inA, inB, inC, other].map(({ joined }) => joined));
    for (const text of ["one", "two", "three"]) inA.send(text);
    for (const group of [inB, inC]) {
      const got = await take(group, 3);
      expect(got.map(textOf)).toEqual(["one", "two", "three"]);
      expect(got.map(({ sender, number }) => [sender, number])).toEqual([1, 2, 3].map((n) => [a.client.peer, n]));
    }
    inB.send("last"); // behind all that could have come by mistake
    expect((await take(inA, 1)).map(textOf)).toEqual(["last"]);
    expect(other.receive()).toEqual([]);
  });

  test("[G1] the room's own group has no name", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await using b = await enter(room);
    const [inA, inB] = await Promise.all([a.groups.join().joined, b.groups.join("").joined]);
    inB.send(Uint8Array.of(1, 2, 3));
    const [message] = await take(inA, 1);
    expect(message).toEqual({ sender: b.client.peer, number: 1, payload: Uint8Array.of(1, 2, 3) });
  });

  test("[G3] nothing comes any more to who has left; what it sent before has left with it", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await using b = await enter(room);
    const [inA, inB] = await Promise.all([a.groups.join("zone").joined, b.groups.join("zone").joined]);
    inB.send("goodbye");
    inB.leave();
    expect((await take(inA, 1)).map(textOf)).toEqual(["goodbye"]);
    expect(inB.status).toBe("left");
    expect(() => inB.send("too late")).toThrow(RelayError);
    const again = await b.groups.join("zone").joined;
    inA.send("welcome back");
    expect((await take(again, 1)).map(textOf)).toEqual(["welcome back"]);
    expect(inB.receive()).toEqual([]);
  });

  test("[G6] too many groups, and a group that is full, reject the join", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await Promise.all(["1", "2", "3"].map((name) => a.groups.join(name).joined));
    await expect(a.groups.join("4").joined).rejects.toMatchObject({ code: "too_many_groups" });
    const members = await Promise.all([1, 2, 3, 4].map(() => enter(room)));
    const joins = members.slice(0, 3).map(({ groups }) => groups.join("1").joined);
    await Promise.all(joins);
    const refused = members[3]!.groups.join("1");
    const left = new EventLog<{ error: RelayError | undefined }>(refused, "left");
    await expect(refused.joined).rejects.toMatchObject({ code: "group_full" });
    expect((await left.first()).error?.code).toBe("group_full");
    for (const member of members) await member.client.close();
  });

  test("[G3] a client that comes back on another socket is in its groups again", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await using b = await enter(room);
    const [inA, inB] = await Promise.all([a.groups.join("zone").joined, b.groups.join("zone").joined]);
    const back = new EventLog(b.client, "reconnected");
    b.client.reconnect();
    await back.first();
    await expect.poll(() => inB.status).toBe("joined");
    inB.send("I am back");
    expect((await take(inA, 1)).map(textOf)).toEqual(["I am back"]);
    inA.send("so you are");
    expect((await take(inB, 1)).map(textOf)).toEqual(["so you are"]);
  });

  test("[G7] each copy is counted, in the totals and under groups", async () => {
    const room = newRoom();
    await using a = await enter(room);
    await using b = await enter(room);
    await using c = await enter(room);
    const groups = [a, b, c].map((member) => member.groups.join("zone"));
    await Promise.all(groups.map(({ joined }) => joined));
    groups[0]!.send("12345");
    await Promise.all([take(groups[1]!, 1), take(groups[2]!, 1)]);
    const statistics = await relay.admin<object>(`/apps/480/rooms/${room}/statistics`);
    expect(statistics).toMatchObject({ totalPackets: 2, totalBytes: 10, groups: { packets: 2, bytes: 10 } });
  });

  test("[G6] a payload above the limit is refused before it leaves", async () => {
    await using a = await enter(newRoom());
    const group = await a.groups.join().joined;
    expect(() => group.send(new Uint8Array(a.client.limits.maxPayload + 1))).toThrow(/at most/);
    expect(() => a.groups.join("x".repeat(33))).toThrow(/32 bytes/);
  });

  test("a client that leaves the relay is in no group; who reads is told that it is over", async () => {
    const a = await enter(newRoom());
    const group = await a.groups.join().joined;
    const read = take(group, 1);
    await a.client.close();
    expect(await read).toEqual([]);
    expect(a.groups.all).toEqual([]);
    expect(() => a.groups.join("other")).toThrow(/has left/);
  });
});
