/**
 * The attacker as the other end of an honest client's connection: the relay forwards what it says (D1), so the client has
 * only its engine to protect it. It must go on, or close the connection with a reason, and hold a bounded amount.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RelayClient, type RelayConnection, RelayError, connect } from "../../../src/client/index.ts";
import { DataFlag, EndReason } from "../../../src/protocol/index.ts";
import { ackFrame, batch, dataFrame, probeFrame } from "../../support/frames.ts";
import { testTicket } from "../../support/tickets.ts";
import type { Attacker } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

/** The receive buffer is 1 MiB; early segments may have as much again (docs/client.md, `recvBufferSize`). */
const HELD_LIMIT = 2 * 1024 * 1024 + 64 * 1024;
const More = DataFlag.Reliable | DataFlag.More;
const EMPTY = new Uint8Array();

interface Meeting {
  readonly client: RelayClient;
  /** The honest end. */
  readonly victim: RelayConnection;
  readonly attacker: Attacker;
  readonly handle: number;
}

/** The client opens a connection to the attacker, or is asked for one: it makes no difference to what follows. */
async function meet(body: (meeting: Meeting) => Promise<void>): Promise<void> {
  const peer = siege.newPeer();
  const attacker = await siege.attacker({ peer });
  const ticket = await testTicket({ peer: siege.newPeer() });
  const client = await connect({ url: siege.relay.url, app: 480, ticket });
  const opening = client.open(peer);
  const { handle } = await attacker.next("incoming");
  attacker.control("accept", { handle });
  try {
    await body({ client, victim: await opening, attacker, handle });
    expect(client.status).toBe("connected");
  } finally {
    await client.close();
  }
}

/** Sends a good message, reliable segment `sequence`, and waits until the victim has it: all before it has been taken in. */
async function expectAlive({ victim, attacker, handle }: Meeting, sequence = 1, lane = 9): Promise<void> {
  const payload = Buffer.from("still there?");
  attacker.send(dataFrame({ handle, payload, lane, flags: DataFlag.Reliable, number: sequence, sequence }));
  for await (const message of victim) if (message.lane === lane) return;
  throw new Error(`the connection ended: ${JSON.stringify(victim.ending)}`);
}

/** Sequence numbers of the data that the victim has sent. */
function sequencesOf(attacker: Attacker): number[] {
  return attacker.frames.flatMap(({ data }) => (data ? [data.sequence] : []));
}

describe("acks that lie", () => {
  test("[D10] acks for the future, of all lanes, are of nothing: what the client sends after them comes whole", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        const lies = Array.from({ length: 256 }, (_, lane) =>
          ackFrame({ handle, lane, cumulative: 1_000_000 + lane, selective: 0xffff_ffff, window: 1 << 20 }),
        );
        attacker.send(batch(...lies));
        await expectAlive(meeting);
        for (let i = 0; i < 100; i++) victim.send(`message ${i}`);
        await attacker.until("100 messages", () => sequencesOf(attacker).length >= 100);
        expect(sequencesOf(attacker)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
      }),
    ));

  test("[D10] a window of 0 for ever: the client is told limit_exceeded, and holds its send buffer and no more", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        attacker.send(ackFrame({ handle, lane: 0, cumulative: 0, selective: 0, window: 0 }));
        await expectAlive(meeting);
        const kilobyte = new Uint8Array(1_024);
        const sent = attempts(() => victim.send(kilobyte), 10_000);
        expect(sent.refusal).toBe("limit_exceeded");
        expect(sent.count * 1_024).toBeLessThanOrEqual(512 * 1_024);
        await expectAlive(meeting, 2);
      }),
    ));

  test("[D10] a window of 2^32 - 1, and no ack: no more is under way than the send buffer holds", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        attacker.send(ackFrame({ handle, lane: 0, cumulative: 0, selective: 0, window: 0xffff_ffff }));
        await expectAlive(meeting);
        const sent = attempts(() => victim.send(new Uint8Array(16_000)), 10_000);
        expect(sent.refusal).toBe("limit_exceeded");
        await attacker.until("all of it", () => sequencesOf(attacker).length >= sent.count);
        expect(sent.count).toBeLessThan(40);
      }),
    ));

  test("[D11][L1] 8,000 acks and probes in one message are a few answers, not a storm", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { attacker, handle } = meeting;
        const probe = probeFrame({ handle, answer: false, stamp: 7, quality: 0xffff, jitter: 0xffff });
        const ack = ackFrame({ handle, lane: 255, cumulative: 0, selective: 0, window: 0 });
        attacker.send(batch(...Array.from({ length: 8_000 }, () => batch(ack, probe))));
        await expectAlive(meeting);
        await attacker.take("answer to a probe", ({ probe: answer }) => answer?.answer === true);
        expect(attacker.frames.filter(({ probe: answer }) => answer).length).toBeLessThan(50);
      }),
    ));
});

describe("data that lies", () => {
  test("[D8] More without end: the connection ends with 2000, and the attacker hears why", () =>
    siege.withstand({}, () =>
      meet(async ({ victim, attacker, handle }) => {
        const payload = new Uint8Array(16_000);
        for (let at = 1; at <= 40; at++) {
          attacker.send(dataFrame({ handle, payload, flags: More, number: 1, sequence: at }));
        }
        expect(await victim.closed).toMatchObject({ reason: EndReason.AppExceptionGeneric, closedBy: "local" });
        const { reason, debug } = await attacker.next("close");
        expect({ reason, debug }).toEqual({ reason: 2000, debug: "protocol violation: MessageTooLarge" });
      }),
    ));

  test("[D8] 15,000 empty segments with More, and their end: one empty message", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        const segment = (sequence: number, flags: number) =>
          dataFrame({ handle, payload: EMPTY, flags, number: 1, sequence });
        const segments = Array.from({ length: 15_000 }, (_, at) => segment(at + 1, More));
        attacker.send(batch(...segments, segment(15_001, DataFlag.Reliable)));
        const { value } = await victim[Symbol.asyncIterator]().next();
        expect([value?.payload.length, value?.number]).toEqual([0, 1]);
        expect(victim.engine.bytesHeld).toBe(0);
        await expectAlive(meeting);
      }),
    ));

  test("[D9] sequences that leap, 4 MiB of them: no more than the buffer is held, and what is in order comes", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        const payload = new Uint8Array(16_000);
        for (let at = 1; at <= 256; at++) {
          const sequence = (at * 16_777_259) >>> 0;
          attacker.send(dataFrame({ handle, payload, flags: DataFlag.Reliable, number: sequence, sequence }));
          // Faster, and the relay would drop them for it (F2).
          if (at % 16 === 0) await until(() => victim.engine.counters.framesReceived >= at);
        }
        await expectAlive(meeting);
        expect(victim.engine.bytesHeld).toBeLessThan(HELD_LIMIT);
        expect(victim.engine.counters.overflowed).toBeGreaterThan(0);
      }),
    ));

  test("[D8] one message 12,000 times, reliable and not, is one of each", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        const payload = Buffer.from("again");
        const reliable = dataFrame({ handle, payload, flags: DataFlag.Reliable });
        const unreliable = dataFrame({ handle, payload, number: 2 });
        attacker.send(batch(...Array.from({ length: 6_000 }, () => batch(reliable, unreliable))));
        const texts: boolean[] = [];
        attacker.send(dataFrame({ handle, payload, flags: DataFlag.Reliable, lane: 9 }));
        for await (const message of victim) {
          if (message.lane === 9) break;
          texts.push(message.reliable);
        }
        expect(texts).toEqual([true, false]);
        expect(victim.engine.counters.framesRepeated).toBe(11_998);
      }),
    ));

  test("[D9] all 256 lanes at once, each with a gap: one bound for all of them", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        const payload = new Uint8Array(16_000);
        for (let lane = 0; lane < 256; lane++) {
          if (lane === 9) continue;
          attacker.send(dataFrame({ handle, payload, lane, flags: DataFlag.Reliable, number: 2, sequence: 2 }));
          if (lane % 16 === 0) await until(() => victim.engine.counters.framesReceived >= lane - 1);
        }
        await expectAlive(meeting);
        expect(victim.engine.bytesHeld).toBeLessThan(HELD_LIMIT);
      }),
    ));

  test("100,000 empty messages that nobody reads: 1,000 are kept, the rest is dropped", () =>
    siege.withstand({}, () =>
      meet(async (meeting) => {
        const { victim, attacker, handle } = meeting;
        for (let message = 0; message < 4; message++) {
          const frames = Array.from({ length: 25_000 }, (_, at) =>
            dataFrame({ handle, payload: EMPTY, lane: 255, number: message * 25_000 + at + 1 }),
          );
          attacker.send(batch(...frames));
        }
        await attacker.settled();
        // Those that come faster than they are taken in the relay drops (F2).
        await until(() => victim.engine.counters.framesReceived > 10_000);
        expect(victim.engine.bytesHeld).toBeLessThan(HELD_LIMIT);
        expect(victim.receive().length).toBe(1_000);
        await expectAlive(meeting);
      }),
    ));
});

/** How often `call` succeeded before it threw, and the code of what it threw. */
function attempts(call: () => unknown, max: number): { count: number; refusal: string | undefined } {
  for (let count = 0; count < max; count++) {
    try {
      call();
    } catch (error) {
      if (error instanceof RelayError) return { count, refusal: error.code };
      throw error;
    }
  }
  return { count: max, refusal: undefined };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !isTrue();) {
    if (Date.now() > deadline) throw new Error("it did not become true within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
