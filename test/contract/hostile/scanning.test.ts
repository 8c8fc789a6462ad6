/** Who is there? Nobody may learn it who was not let in on it (rule C6). */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClosedBy, ConnectionState, EndReason, encodeControl } from "../../../src/protocol/index.ts";
import { batch } from "../../support/frames.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start({ connectBurst: 1_100, connectTimeoutMs: 2_000 });
});
afterAll(() => siege[Symbol.asyncDispose]());

/** What the attacker hears of one connect: all but the numbers that are its own. */
async function story(attacker: Attacker, request: number): Promise<unknown> {
  const { control: answer } = await attacker.take(`answer to ${request}`, ({ control }) => {
    return (control?.frame === "connecting" || control?.frame === "error") && requestOf(control.values) === request;
  });
  if (answer?.frame !== "connecting") return answer;
  const { handle, state } = answer.values;
  const { control: end } = await attacker.take(`end of ${handle}`, ({ control }) => {
    return control !== undefined && "handle" in control.values && control.values.handle === handle;
  });
  return { state, end: { ...end, values: { ...end?.values, handle: 0 } } };
}

function requestOf(values: object): unknown {
  return "request" in values ? values.request : "about" in values ? values.about : undefined;
}

test("[C6] 1,000 connects to absent peers, one present, one refusing, one that left: all end alike, and at once", () =>
  siege.withstand({}, async () => {
    const [refusing, gone] = [siege.newPeer(), siege.newPeer()];
    const doorman = await siege.attacker({ peer: refusing });
    (await siege.attacker({ peer: gone })).control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" });
    const scanner = await siege.attacker();
    // 1001n is a bystander, whose client listens on port 0 only.
    const peers = [...Array.from({ length: 1_000 }, (_, at) => 5_000_000n + BigInt(at)), 1001n, refusing, gone];
    const sent = peers.map((peer, request) => {
      return encodeControl("connect", { request, connectionType: 2, peer, virtualPort: 9, channel: 0, timeoutMs: 0 });
    });
    scanner.send(batch(...sent));
    const { handle } = await doorman.next("incoming");
    doorman.control("refuse", { handle, reason: 1500, debug: "go away" });
    await scanner.until("first close", () => scanner.all("close").length > 0);
    expect(scanner.all("close").length).toBe(peers.length);
    const stories = await Promise.all(peers.map((_, request) => story(scanner, request)));
    const expected = {
      state: ConnectionState.Connecting,
      end: {
        frame: "close",
        flags: 0,
        values: { handle: 0, reason: EndReason.Timeout, closedBy: ClosedBy.Relay, debug: "" },
      },
    };
    expect(new Set(stories.map((told) => JSON.stringify(told)))).toEqual(new Set([JSON.stringify(expected)]));
  }));

test("[C6][C12] a connection that timed out, was refused or never was: its handle tells nothing either", () =>
  siege.withstand({ refusals: { unknown_handle: 2 } }, async () => {
    const scanner = await siege.attacker();
    scanner.control("connect", {
      request: 1,
      connectionType: 2,
      peer: 4_000_000n,
      virtualPort: 9,
      channel: 0,
      timeoutMs: 100,
    });
    const { handle } = await scanner.next("connecting");
    expect((await scanner.next("close")).reason).toBe(EndReason.Timeout);
    scanner.control("close", { handle, reason: 1000, closedBy: 0, debug: "" });
    scanner.control("close", { handle: handle + 1_000_000, reason: 1000, closedBy: 0, debug: "" });
    const [over, never] = [await scanner.next("error"), await scanner.next("error")];
    expect({ ...over, about: 0, message: over.message.replace(String(handle), "N") }).toEqual({
      ...never,
      about: 0,
      message: never.message.replace(String(handle + 1_000_000), "N"),
    });
  }));

test("[C10] 2,000 connects held open for an hour: 1,024 connections, and no more", async () => {
  await using other = await Siege.start({ connectBurst: 2_100 });
  await other.withstand({ refusals: { too_many_connections: 976 } }, async () => {
    const attacker = await other.attacker();
    const sent = Array.from({ length: 2_000 }, (_, request) => {
      const values = { request, connectionType: 2, peer: 5_000_000n + BigInt(request), virtualPort: 9 };
      return encodeControl("connect", { ...values, channel: 0, timeoutMs: 0xffff_ffff });
    });
    attacker.send(batch(...sent));
    await attacker.settled();
    expect(attacker.all("connecting").length).toBe(1_024);
    expect(new Set(attacker.errors())).toEqual(new Set(["too_many_connections"]));
  });
});
