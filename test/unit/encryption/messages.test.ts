import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encrypt } from "../../../src/client/encryption/index.ts";
import { Kind, deriveDirections } from "../../../src/client/encryption/key-schedule.ts";
import {
  MESSAGES_PER_KEY,
  ReliableOpener,
  Sealer,
  UnreliableOpener,
} from "../../../src/client/encryption/message-cipher.ts";
import { ReplayWindow, WINDOW } from "../../../src/client/encryption/replay-window.ts";
import { createSocketPair } from "../../../src/client/simulator/index.ts";
import {
  ALICE,
  BOB,
  type Deliver,
  type Hop,
  alice,
  bob,
  encryptBoth,
  hostilePair,
  other,
  read,
  readAll,
  sleep,
  text,
} from "./players.ts";

const DATA = 2; // messages 0 and 1 of each direction are the handshake's
const utf8 = (value: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(value));

/** Hands on the handshake, and lets `meddle` have Alice's messages, numbered from 0. */
function meddlingWithAlice(meddle: (hop: Hop, deliver: Deliver) => void) {
  return hostilePair((hop, deliver) => {
    if (hop.from === "bob" || hop.index < DATA) deliver(other(hop.from), hop.message);
    else meddle({ ...hop, index: hop.index - DATA }, deliver);
  });
}

async function sendAll(count: number, reliable: boolean, meddle: (hop: Hop, deliver: Deliver) => void) {
  const { a, b, relay } = meddlingWithAlice(meddle);
  const [atA, atB] = await encryptBoth(a, b);
  const reading = readAll(atB);
  for (let i = 0; i < count; i++) atA.send(`${i}`, { reliable, noNagle: true });
  // Reliable: until Bob has noticed. Unreliable: until the last has had time to arrive.
  await (reliable ? Promise.race([b.closed, sleep(5_000)]) : sleep(300));
  if (!a.ending) await atA.close();
  return { ...(await reading), atA, atB, b, relay };
}

describe("reliable messages through a hostile relay", () => {
  const cases: Record<string, [expected: string[], (hop: Hop, deliver: Deliver) => void]> = {
    "one is dropped": [["0", "1"], ({ index, message }, deliver) => void (index !== 2 && deliver("bob", message))],
    "one comes twice": [
      ["0", "1", "2"],
      ({ index, message }, deliver) => {
        deliver("bob", message);
        if (index === 2) deliver("bob", message);
      },
    ],
    "one bit is flipped": [
      ["0", "1"],
      ({ index, message }, deliver) => {
        const payload = message.payload.slice();
        if (index === 2) payload[1]! ^= 0x80;
        deliver("bob", { ...message, payload });
      },
    ],
    "it is put on another lane": [
      ["0", "1"],
      ({ index, message }, deliver) => deliver("bob", { ...message, lane: index === 2 ? 1 : 0 }),
    ],
    "it is put on another channel": [
      ["0", "1"],
      ({ index, message }, deliver) => deliver("bob", { ...message, channel: index === 2 ? 1 : 0 }),
    ],
    "it is emptied": [
      ["0", "1"],
      ({ index, message }, deliver) =>
        deliver("bob", { ...message, payload: message.payload.slice(0, index === 2 ? 0 : undefined) }),
    ],
    "plaintext is put in": [
      ["0", "1"],
      ({ index, message }, deliver) => {
        if (index === 2) deliver("bob", { ...message, payload: utf8("give me your sword") });
        deliver("bob", message);
      },
    ],
  };

  test.each(Object.entries(cases))(
    "%s: what came before is read, then it fails for both",
    async (_, [expected, meddle]) => {
      const { texts, failure, b } = await sendAll(6, true, meddle);
      expect(texts.slice(0, expected.length)).toEqual(expected);
      expect(texts.length).toBeLessThanOrEqual(expected.length + 1); // another lane: 0 and 1 do not wait for lane 1
      expect(failure).toBe("decryption_failed");
      expect(await b.closed).toMatchObject({ reason: 2000, debug: expect.stringContaining("decryption_failed") });
    },
  );

  test("two are swapped", async () => {
    let held: Hop["message"] | undefined;
    const { texts, failure } = await sendAll(6, true, ({ index, message }, deliver) => {
      if (index === 2) held = message;
      else deliver("bob", message);
      if (index === 3 && held) deliver("bob", held);
    });
    expect([texts, failure]).toEqual([["0", "1"], "decryption_failed"]);
  });

  test("one's own messages, reflected", async () => {
    const { a, b } = hostilePair((hop, deliver) => {
      deliver(hop.index < DATA ? other(hop.from) : hop.from, hop.message);
    });
    const [atA] = await encryptBoth(a, b);
    atA.send("echo");
    expect(await readAll(atA)).toEqual({ texts: [], failure: "decryption_failed" });
  });

  test("messages of another connection of the same two", async () => {
    const earlier = hostilePair();
    const [earlierA, earlierB] = await encryptBoth(earlier.a, earlier.b);
    earlierA.send("pay 10 gold");
    await read(earlierB, 1);
    const recorded = earlier.relay.seen.findLast(({ from }) => from === "alice")?.message;
    const { a, b, relay } = hostilePair();
    const [, atB] = await encryptBoth(a, b);
    relay.deliver("bob", recorded!);
    expect(await readAll(atB)).toEqual({ texts: [], failure: "decryption_failed" });
  });

  test("a reliable message sent on as an unreliable one is dropped, and missed by the next", async () => {
    const { texts, failure } = await sendAll(4, true, ({ index, message }, deliver) =>
      deliver("bob", { ...message, reliable: index !== 1 }),
    );
    expect([texts, failure]).toEqual([["0"], "decryption_failed"]);
  });

  test("after a failure nothing is sent in silence", async () => {
    const { a, b, relay } = hostilePair();
    const [atA, atB] = await encryptBoth(a, b);
    relay.deliver("bob", { payload: utf8("x"), lane: 0, channel: 0, reliable: true });
    await Promise.all([a.closed, b.closed]);
    expect(() => atB.send("more")).toThrowError(expect.objectContaining({ code: "decryption_failed" }));
    expect(() => atA.send("more")).toThrowError(expect.objectContaining({ code: "connection_closed" }));
  });
});

describe("unreliable messages through a hostile relay", () => {
  test("lost ones are lost, and the rest arrives", async () => {
    const { texts, failure } = await sendAll(9, false, ({ index, message }, deliver) => {
      if (index % 3 !== 1) deliver("bob", message);
    });
    expect([texts, failure]).toEqual([["0", "2", "3", "5", "6", "8"], undefined]);
  });

  test("repeated, forged, reflected, shortened and relabelled ones are dropped and counted", async () => {
    const { texts, failure, atB } = await sendAll(4, false, ({ index, message }, deliver) => {
      const { payload } = message;
      const flipped = payload.slice();
      flipped[1]! ^= 1; // its counter
      deliver("bob", message);
      if (index !== 3) return;
      deliver("bob", message);
      deliver("bob", { ...message, payload: flipped });
      deliver("bob", { ...message, payload: payload.slice(0, 20) });
      deliver("bob", { ...message, payload: new Uint8Array(0) });
      deliver("bob", { ...message, lane: 2 });
      deliver("bob", { ...message, channel: 2 });
      const far = payload.slice();
      far.fill(0xff, 1, 5);
      deliver("bob", { ...message, payload: far });
    });
    expect([texts, failure]).toEqual([["0", "1", "2", "3"], undefined]);
    expect(atB.dropped).toBe(7);
  });

  test("any order, loss and repetition: each arrives at most once, unaltered", { timeout: 60_000 }, async () => {
    const plan = fc.array(fc.nat(29), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(plan, async (order) => {
        const held: Hop["message"][] = [];
        const { a, b, relay } = meddlingWithAlice(({ message }) => void held.push(message));
        const [atA, atB] = await encryptBoth(a, b);
        for (let i = 0; i < 30; i++) atA.send(`${i}`, { reliable: false, noNagle: true });
        while (held.length < 30) await sleep(1);
        for (const index of order) relay.deliver("bob", held[index]!);
        const expected = [...new Set(order)].map(String);
        const messages = await read(atB, expected.length);
        // The order of arrival is kept; the engine below may itself have dropped none: it numbers them anew.
        expect(messages.map(text)).toEqual(expected);
        await a.close({ linger: false });
      }),
      { numRuns: 25, seed: 1 },
    );
  });
});

const filled = (index: number, size: number): Uint8Array => {
  const payload = new Uint8Array(size + 2).fill(index);
  return payload;
};

describe("lanes", () => {
  test("any interleaving of lanes and kinds arrives in order within each", { timeout: 60_000 }, async () => {
    const sends = fc.array(
      fc.record({ lane: fc.nat(3), reliable: fc.boolean(), size: fc.nat(3000), channel: fc.integer() }),
      { minLength: 1, maxLength: 80 },
    );
    await fc.assert(
      fc.asyncProperty(sends, async (list) => {
        const { a, b } = hostilePair();
        const [atA, atB] = await encryptBoth(a, b);
        for (const [i, { size, ...options }] of list.entries()) {
          await atA.write(filled(i, size), { ...options, channel: options.channel | 0 });
        }
        const got = await read(atB, list.length);
        for (let lane = 0; lane < 4; lane++) {
          const seen = got
            .filter((m) => m.lane === lane)
            .map((m) => [m.payload[0], m.payload.length, m.channel, m.reliable]);
          const sent = list.flatMap((m, i) => (m.lane === lane ? [[i, m.size + 2, m.channel | 0, m.reliable]] : []));
          expect(seen).toEqual(sent);
        }
        await a.close({ linger: false });
      }),
      { numRuns: 25, seed: 2 },
    );
  });

  test("a bad network: all that is reliable arrives in order, nothing twice", { timeout: 60_000 }, async () => {
    const [a, b] = createSocketPair({
      peers: [BOB, ALICE],
      conditions: { loss: 15, lagMs: 3, jitterMs: 4, reorderPercent: 20, reorderMs: 6, duplicatePercent: 10, seed: 5 },
    });
    for (const end of [a, b]) end.configureLanes([0, 1], [1, 1]);
    const [atA, atB] = await encryptBoth(a, b);
    const reading = readAll(atB);
    for (let i = 0; i < 300; i++) {
      await atA.write(`r${i}`, { lane: i % 2 });
      atA.send(`u${i}`, { lane: i % 2, reliable: false });
    }
    await atA.close();
    const { texts, failure } = await reading;
    expect(failure).toBeUndefined();
    for (const lane of [0, 1]) {
      const reliable = texts.filter((t) => t.startsWith("r") && Number(t.slice(1)) % 2 === lane);
      expect(reliable).toEqual(Array.from({ length: 150 }, (_, i) => `r${2 * i + lane}`));
    }
    const unreliable = texts.filter((t) => t.startsWith("u"));
    expect(unreliable.length).toBeGreaterThan(150);
    expect(new Set(unreliable).size).toBe(unreliable.length);
  });
});

const code = (value: string): unknown => expect.objectContaining({ code: value });

describe("the API", () => {
  test("limits: size, lanes, the send buffer; write waits", async () => {
    const { a, b } = hostilePair();
    const [atA, atB] = await Promise.all([encrypt(a, { ...alice, sendBufferSize: 1000 }), encrypt(b, bob)]);
    expect(() => atA.send(new Uint8Array(512 * 1024 - 20))).toThrowError(code("payload_too_large"));
    expect(() => atA.send("x", { lane: 4 })).toThrowError(code("invalid_argument"));
    atA.send(new Uint8Array(900));
    expect(() => atA.send(new Uint8Array(200))).toThrowError(code("limit_exceeded"));
    expect(atA.bufferedAmount).toBe(900);
    for (let i = 0; i < 20; i++) await atA.write(new Uint8Array(900).fill(i));
    await atA.write(new Uint8Array(300_000)); // above the buffer: alone in it
    expect((await read(atB, 22)).map(({ payload }) => payload.length)).toEqual([...Array(21).fill(900), 300_000]);
    await atA.close();
    expect(() => atA.send("late")).toThrowError(code("connection_closed"));
    await expect(atA.write("late")).rejects.toMatchObject({ code: "connection_closed" });
  });

  test("the largest message that fits", async () => {
    const { a, b } = hostilePair();
    const [atA, atB] = await encryptBoth(a, b);
    const payload = crypto.getRandomValues(new Uint8Array(512 * 1024 - 21).subarray(0, 65_536));
    const largest = new Uint8Array(512 * 1024 - 21);
    largest.set(payload);
    atA.send(largest);
    expect((await read(atB, 1))[0]?.payload).toEqual(largest);
  });

  test("bytes are copied at the call, and close delivers what was sent", async () => {
    const { a, b } = hostilePair();
    const [atA, atB] = await encryptBoth(a, b);
    const bytes = utf8("before");
    for (let i = 0; i < 50; i++) atA.send(bytes);
    bytes.fill(0);
    await atA.close({ reason: 1500, debug: "done" });
    expect((await readAll(atB)).texts).toEqual(Array(50).fill("before"));
    expect(await atB.closed).toMatchObject({ reason: 1500, debug: "done" });
  });

  test("a reader that does not read holds the sender back, and nothing is lost", { timeout: 30_000 }, async () => {
    const [a, b] = createSocketPair({
      peers: [BOB, ALICE],
      tuning: { receiveBufferSize: 0, maxMessageSize: 70_000, sendRate: Infinity },
    });
    const [atA, atB] = await encryptBoth(a, b);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 60; i++) {
        await atA.write(new Uint8Array(60_000).fill(i));
        written++;
      }
    })();
    await sleep(300);
    expect(written).toBeLessThan(40);
    const received = await read(atB, 60);
    await writing;
    expect(received.map(({ payload }) => payload[0])).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });
});

const SEVENS = new Uint8Array(32).fill(7);

const secrets = async () => {
  return (await deriveDirections({ ee: SEVENS, es: SEVENS, se: SEVENS }, SEVENS)).lowToHigh;
};

describe("keys over time", () => {
  test("reliable messages go on over the change of keys, and what was under way with it", async () => {
    const [direction, first] = [await secrets(), MESSAGES_PER_KEY - 5];
    const sealer = new Sealer(direction, Kind.Reliable, 0, first);
    const opener = new ReliableOpener(direction, 0, first);
    const sealed = await Promise.all(Array.from({ length: 10 }, (_, i) => sealer.seal(utf8(`${i}`), 0)));
    const opened = await Promise.all(sealed.map((message) => opener.open(message, 0)));
    expect(opened.map((payload) => payload && text({ payload }))).toEqual([..."0123456789"]);
  });

  test("unreliable messages across the change of keys, and keys skipped", async () => {
    const direction = await secrets();
    const opener = new UnreliableOpener(direction, 0);
    const seal = (counter: number): Promise<Uint8Array> =>
      new Sealer(direction, Kind.Unreliable, 0, counter).seal(utf8("m"), 0);
    const isOpened = async (counter: number): Promise<boolean> =>
      (await opener.open(await seal(counter), 0)) !== undefined;
    const order = [
      65_530,
      65_540,
      65_535,
      65_536,
      65_530,
      200_000,
      199_999,
      65_541,
      200_000 - WINDOW,
      200_001 - WINDOW,
    ];
    const results: boolean[] = [];
    for (const counter of order) results.push(await isOpened(counter));
    expect(results).toEqual([true, true, true, true, false, true, true, false, false, true]);
    expect(await isOpened(256 * MESSAGES_PER_KEY)).toBe(true);
    expect(await isOpened(600 * MESSAGES_PER_KEY)).toBe(false); // further ahead than any loss
  });

  test("the same message opened twice at once is delivered once", async () => {
    const direction = await secrets();
    const message = await new Sealer(direction, Kind.Unreliable, 0).seal(utf8("m"), 0);
    const opener = new UnreliableOpener(direction, 0);
    const both = await Promise.all([opener.open(message, 0), opener.open(message, 0)]);
    expect(both.filter((payload) => payload !== undefined).length).toBe(1);
  });

  test("no counter is used twice: behind the last there is none", async () => {
    const sealer = new Sealer(await secrets(), Kind.Unreliable, 0, 2 ** 32);
    expect(() => sealer.seal(utf8("one more"), 0)).toThrowError(expect.objectContaining({ code: "limit_exceeded" }));
  });

  test("the replay window is a set that forgets what is 1024 behind", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4000), { maxLength: 300 }), (counters) => {
        const [window, taken] = [new ReplayWindow(), new Set<number>()];
        let highest = -1;
        for (const counter of counters) {
          const expected = !taken.has(counter) && counter > highest - WINDOW;
          expect(window.take(counter)).toBe(expected);
          if (expected) taken.add(counter);
          highest = Math.max(highest, counter);
        }
      }),
      { seed: 3 },
    );
  });
});
