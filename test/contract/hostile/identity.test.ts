/** Being somebody else: foreign handles in every frame that names one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionState, DataFlag, encodeControl } from "../../../src/protocol/index.ts";
import type { ConnectionDetail } from "../../../src/relay/connection-detail.ts";
import type { ConnectionView } from "../../../src/relay/connection-view.ts";
import { ackFrame, batch, dataFrame, multicastFrame, probeFrame } from "../../support/frames.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

const FORGED = new TextEncoder().encode("I am your friend");

/** Unknown, foreign and closed handles are answered alike (C12): the error, and that it is about this handle. */
async function expectUnknown(attacker: Attacker, handle: number): Promise<void> {
  const { about, message } = await attacker.next("error");
  expect({ about, message }).toEqual({ about: handle, message: await unknownText(attacker, handle) });
}

/** What the relay says of a handle that surely never was. */
async function unknownText(attacker: Attacker, handle: number): Promise<string> {
  attacker.control("accept", { handle: 0xdead_beef });
  const { message, about } = await attacker.next("error");
  expect(about).toBe(0xdead_beef);
  return message.replace(String(0xdead_beef), String(handle));
}

describe("a connection of others", () => {
  const moved = { refusals: { unknown_handle: 2 } };

  test("[S7][D2] spoofed sender: data on the bystanders' connection is unknown_handle, and reaches nobody", () =>
    siege.withstand({ ...moved, drops: { unknown_handle: 1 } }, async () => {
      const attacker = await siege.attacker();
      const { handle } = siege.bystanders;
      attacker.send(dataFrame({ handle, payload: FORGED, flags: DataFlag.Reliable, number: 900, sequence: 900 }));
      await expectUnknown(attacker, handle);
    }));

  test("[S7][D4] spoofed sender: a multicast to others' connections reaches none of them", () =>
    siege.withstand({ refusals: { unknown_handle: 1_024 }, drops: { unknown_handle: 1_024 } }, async () => {
      const attacker = await siege.attacker();
      const targets = Array.from({ length: 1_024 }, (_, handle) => ({ handle, number: 1, sequence: 0 }));
      attacker.send(multicastFrame({ targets, payload: FORGED }));
      await attacker.settled();
      expect(attacker.errors()).toEqual(Array.from({ length: 16 }, () => "unknown_handle"));
    }));

  test("[D2] acks and probes on the bystanders' connection are unknown_handle", () =>
    siege.withstand({ refusals: { unknown_handle: 4 } }, async () => {
      const attacker = await siege.attacker();
      const { handle } = siege.bystanders;
      attacker.send(ackFrame({ handle, lane: 0, cumulative: 1_000_000, selective: 0, window: 0 }));
      await expectUnknown(attacker, handle);
      attacker.send(probeFrame({ handle, answer: true, stamp: 1, quality: 0, jitter: 0 }));
      await expectUnknown(attacker, handle);
    }));

  test("[Q3] quality of the bystanders' connection, and of a thousand that never were, is skipped unanswered", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker();
      const { handle } = siege.bystanders;
      const forged = { ping: 4_321, local: 0, remote: 0 };
      attacker.control("quality", { handle, ...forged });
      const unknown = Array.from({ length: 1_000 }, (_, i) => ({ handle: 0xdead_0000 + i, ...forged }));
      attacker.send(batch(...unknown.map((values) => encodeControl("quality", values))));
      await attacker.settled();
      expect(attacker.errors()).toEqual([]);
      const { connections } = await siege.relay.admin<{ connections: ConnectionView[] }>("/apps/480/connections");
      const { ends } = await siege.relay.admin<ConnectionDetail>(
        `/apps/480/connections/${connections[0]?.connectionId}`,
      );
      expect(ends.map(({ quality }) => quality?.pingMs)).not.toContain(forged.ping);
    }));

  test("[C7] accept of a foreign handle is unknown_handle", () =>
    siege.withstand(moved, async () => {
      const attacker = await siege.attacker();
      attacker.control("accept", { handle: siege.bystanders.handle });
      await expectUnknown(attacker, siege.bystanders.handle);
    }));

  test("[C7] refuse of a foreign handle is unknown_handle", () =>
    siege.withstand(moved, async () => {
      const attacker = await siege.attacker();
      attacker.control("refuse", { handle: siege.bystanders.handle, reason: 1000, debug: "" });
      await expectUnknown(attacker, siege.bystanders.handle);
    }));

  test("[C12] close of a foreign handle, graceful or not, is unknown_handle", () =>
    siege.withstand({ refusals: { unknown_handle: 4 } }, async () => {
      const attacker = await siege.attacker();
      const { handle } = siege.bystanders;
      for (const flags of [0, 1]) {
        attacker.control("close", { handle, reason: 1000, closedBy: 0, debug: "" }, flags);
        await expectUnknown(attacker, handle);
      }
    }));

  test("[C12][E1] trying 40,000 handles in one message: each counted, 16 answered, none of them telling", () =>
    siege.withstand({ refusals: { unknown_handle: 40_000 } }, async () => {
      const attacker = await siege.attacker();
      const payload = new Uint8Array();
      attacker.send(batch(...Array.from({ length: 40_000 }, (_, handle) => dataFrame({ handle, payload }))));
      await attacker.settled();
      expect(attacker.errors()).toEqual(Array.from({ length: 16 }, () => "unknown_handle"));
    }));
});

describe("one's own connection", () => {
  test("[C7] accepting or refusing one's own connect is illegal_state", () =>
    siege.withstand({ refusals: { illegal_state: 2 } }, async () => {
      const attacker = await siege.attacker();
      attacker.control("connect", connectTo(siege.bystanders.peers[0]!));
      const { handle, state } = await attacker.next("connecting");
      expect(state).toBe(ConnectionState.Connecting);
      attacker.control("accept", { handle });
      expect(await attacker.error()).toBe("illegal_state");
      attacker.control("refuse", { handle, reason: 1000, debug: "" });
      expect(await attacker.error()).toBe("illegal_state");
    }));

  test("[D2] data, acks and probes before the accept are not_connected, and wake nobody", () =>
    siege.withstand({ refusals: { not_connected: 3 }, drops: { not_connected: 1 } }, async () => {
      const attacker = await siege.attacker();
      attacker.control("connect", connectTo(siege.bystanders.peers[1]!));
      const { handle } = await attacker.next("connecting");
      const ack = ackFrame({ handle, lane: 0, cumulative: 0, selective: 0, window: 0 });
      const probe = probeFrame({ handle, answer: false, stamp: 1, quality: 0, jitter: 0 });
      attacker.send(batch(dataFrame({ handle, payload: FORGED }), ack, probe));
      for (let i = 0; i < 3; i++) expect(await attacker.error()).toBe("not_connected");
    }));

  test("[C10][P10] a connect to oneself, to peer 0, of type 200, to port 70000", () =>
    siege.withstand({ refusals: { connect_to_self: 1, invalid_argument: 3 } }, async () => {
      const peer = siege.newPeer();
      const attacker = await siege.attacker({ peer });
      attacker.control("connect", connectTo(peer));
      expect(await attacker.error()).toBe("connect_to_self");
      for (const wrong of [{ peer: 0n }, { connectionType: 200 }, { virtualPort: 70_000 }]) {
        attacker.control("connect", { ...connectTo(1n), ...wrong });
        expect(await attacker.error()).toBe("invalid_argument");
      }
    }));
});

function connectTo(peer: bigint) {
  return { request: 1, connectionType: 2, peer, virtualPort: 9, channel: 0, timeoutMs: 0 };
}
