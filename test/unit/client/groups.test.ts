/** What the groups of a client make of a relay that is older, or says what none should. */
import { describe, expect, test, vi } from "vitest";
import { Groups } from "../../../src/client/groups/index.ts";
import { Hosting } from "../../../src/client/hosting/index.ts";
import { ERRORS, FrameType, HOST, JOINED, encodeControl, encodeFrame } from "../../../src/protocol/index.ts";
import { castFrame } from "../../support/frames.ts";
import { LASTING, ScriptedRelay, WELCOME } from "./scripted-relay.ts";

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const textOf = ({ payload }: { payload: Uint8Array }): string => new TextDecoder().decode(payload);
const joinsOf = (relay: ScriptedRelay) =>
  relay.received.flatMap(({ asked }) =>
    asked?.frame === "join" ? [asked.values as { request: number; name: string }] : [],
  );
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("groups", () => {
  test("[G9] a relay that does not answer is taken for an older one", async () => {
    const relay = new ScriptedRelay((each) =>
      each.send(encodeControl("welcome", { ...WELCOME, connectTimeoutMs: 20 })),
    );
    const client = await relay.connect();
    await expect(new Groups(client).join("zone").joined).rejects.toMatchObject({ code: "connect_timeout" });
    await client.close();
  });

  test("answers nobody asked for, casts to groups one is not in and broken frames change nothing", async () => {
    const relay = new ScriptedRelay();
    const client = await relay.connect();
    const groups = new Groups(client);
    const group = groups.join("zone");
    await turn();
    const [{ request } = { request: 0 }] = joinsOf(relay);
    relay.send(encodeFrame(JOINED, { request: request + 7, group: 4 }), castFrame({ group: 4, payload: bytes("no") }));
    relay.send(
      castFrame({ group: 9, payload: bytes("early") }),
      Uint8Array.of(0x93, 0, 0, 0, 1, 0, 0, 0, 1),
      Uint8Array.of(0x91, 0, 0, 0, 0, 0, 0, 0),
    );
    relay.send(encodeFrame(JOINED, { request, group: 9 }), castFrame({ group: 9, sender: 5n, payload: bytes("yes") }));
    await group.joined;
    expect(group.receive().map(textOf)).toEqual(["yes"]);
    await turn();
    expect(relay.received.some(({ asked }) => asked?.frame === "leave" && asked.values["group"] === 4)).toBe(true);
    await client.close();
  });

  test("a member that does not read keeps the newest, and knows how many it has missed", async () => {
    const relay = new ScriptedRelay();
    const client = await relay.connect();
    const group = new Groups(client).join();
    await turn();
    relay.send(encodeFrame(JOINED, { request: joinsOf(relay)[0]?.request ?? 0, group: 1 }));
    for (let number = 1; number <= 1_500; number++) relay.send(castFrame({ group: 1, number, payload: bytes("x") }));
    const numbers = group.receive().map(({ number }) => number);
    expect(numbers).toHaveLength(1_024);
    expect(numbers.at(-1)).toBe(1_500);
    expect(group.missed).toBe(476);
    await client.close();
  });

  test("[G3] [G5] on another socket groups are joined again; what is sent meanwhile is a gap in the numbers", async () => {
    const relay = new ScriptedRelay((each) => each.send(encodeControl("welcome", LASTING)));
    const client = await relay.connect();
    const group = new Groups(client).join("zone");
    await turn();
    relay.send(encodeFrame(JOINED, { request: joinsOf(relay)[0]?.request ?? 0, group: 3 }));
    await group.joined;
    expect(group.send("1")).toBe(1);
    await turn();
    relay.resumeWith();
    relay.socket?.drop();
    await vi.waitFor(() => expect(client.status).toBe("reconnecting"));
    expect(group.status).toBe("rejoining");
    expect(group.send("2")).toBe(2);
    client.reconnect();
    await vi.waitFor(() => expect(joinsOf(relay)).toHaveLength(2));
    relay.send(encodeFrame(JOINED, { request: joinsOf(relay)[1]?.request ?? 0, group: 8 }));
    group.send("3");
    await turn();
    const casts = relay.received.flatMap(({ cast }) => (cast ? [[cast.group, cast.number, textOf(cast)]] : []));
    expect(casts).toEqual([
      [3, 1, "1"],
      [8, 3, "3"],
    ]);
    await client.close();
  });

  test("[G4] a leave is behind what was sent before it", async () => {
    const relay = new ScriptedRelay();
    const client = await relay.connect();
    const group = new Groups(client).join("zone");
    await turn();
    relay.send(encodeFrame(JOINED, { request: joinsOf(relay)[0]?.request ?? 0, group: 3 }));
    group.send("bye");
    group.leave();
    await turn();
    const names = relay.received.map(({ asked, cast }) => asked?.frame ?? (cast ? "cast" : ""));
    expect(names.filter(Boolean)).toEqual(["join", "cast", "leave"]);
    await client.close();
  });

  test("[G6] a refusal for the rate is the client's to tell, one that has crossed with a leave is not", async () => {
    const relay = new ScriptedRelay();
    const client = await relay.connect();
    const errors: string[] = [];
    client.addEventListener("error", ({ detail }) => errors.push(detail.code));
    new Groups(client).join("zone");
    const about = { frame: FrameType.Cast, about: 3, message: "" };
    relay.send(encodeControl("error", { code: ERRORS.unknown_group.code, ...about }));
    relay.send(encodeControl("error", { code: ERRORS.rate_limited.code, ...about }));
    expect(errors).toEqual(["rate_limited"]);
    await client.close();
  });
});

describe("hosting", () => {
  test("[V1] [V2] says its role once, and again on another socket; in between it is not the host", async () => {
    const relay = new ScriptedRelay((each) => each.send(encodeControl("welcome", LASTING)));
    const client = await relay.connect();
    const hosting = new Hosting(client);
    hosting.offer();
    await turn();
    const roles = () =>
      relay.received.flatMap(({ asked }) => (asked?.frame === "attend" ? [asked.values["role"]] : []));
    expect(roles()).toEqual([2]);
    relay.send(encodeFrame(HOST, { epoch: 5n, peer: client.peer }));
    expect(hosting.isHost).toBe(true);
    relay.resumeWith();
    relay.socket?.drop();
    await vi.waitFor(() => expect(hosting.isHost).toBe(false));
    client.reconnect();
    await vi.waitFor(() => expect(roles()).toEqual([2, 2]));
    const changes: bigint[] = [];
    hosting.addEventListener("hostChanged", ({ detail }) => changes.push(detail.epoch));
    relay.send(encodeFrame(HOST, { epoch: 5n, peer: client.peer }));
    expect([hosting.isHost, changes]).toEqual([true, []]);
    relay.send(encodeFrame(HOST, { epoch: 6n, peer: 0n }));
    expect([hosting.isHost, changes, hosting.current]).toEqual([false, [6n], { epoch: 6n, peer: undefined }]);
    await client.close();
  });
});
