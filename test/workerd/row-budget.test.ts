/** Promise 7: storage writes do not grow with packets. Rows written are billed, and a free account has 100,000 a day. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { batch, dataFrame } from "../support/frames.ts";
import { Billing } from "./support/billing.ts";
import { Clock } from "./support/clock.ts";
import { ALICE, BOB, TestPeer, joinUpOften, nextClose, pairUp, pause } from "./support/peer.ts";
import { operatorOf, type RoomStub, freshApp, roomOf, storedTotals } from "./support/room.ts";

/** Without a history; of that a minute has one row more, and a run of 60 s sees the end of one. */
const BUDGET = 20 + 1;
/** Nine tables at two rows each, what the room is called for life, seven columns that came later, and the schema's version. */
const SCHEMA = 27;
const SIZE = 32;

/** The relay's own count, which an eviction takes away. */
function ownCount(stub: RoomStub): Promise<number> {
  return runInDurableObject<RelayRoom, number>(stub, (room) => room.sql.rowsWritten);
}

/** `packets` from one end to the other, in one message; waits until they have arrived. */
async function send(from: TestPeer, to: TestPeer, handle: number, packets: number, first: number): Promise<void> {
  const last = first + packets - 1;
  const frames = Array.from({ length: packets }, (_, i) => {
    return dataFrame({ handle, payload: new Uint8Array(SIZE), number: first + i });
  });
  from.socket.send(batch(...frames));
  await to.nextOf(`packet ${last}`, ({ data }) => data?.number === last);
  const arrived = to.inbox.filter(({ data }) => data !== undefined).length + 1;
  if (arrived !== packets) throw new Error(`${arrived} of ${packets} packets arrived`);
  to.inbox.length = 0;
}

interface Run {
  readonly seconds: number;
  readonly perTick: number;
  readonly tickMs: number;
  readonly evictEveryMs?: number;
}

interface Bill {
  readonly packets: number;
  /** Once in the life of a room: its tables. */
  readonly schema: number;
  /** From the first join to the last close. */
  readonly rows: number;
  readonly alarmsSet: number;
  /** `schema` and `rows` together, as the relay counts them. */
  readonly own: number;
  readonly statements: Record<string, number>;
}

/** A connection's whole life in a new room. */
async function life(billing: Billing, { seconds, perTick, tickMs, evictEveryMs }: Run): Promise<Bill> {
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  billing.reset();
  await operatorOf(stub).statistics();
  const schema = billing.rows;
  const { a, b, handle } = await pairUp({ app });
  const end = clock.now + seconds * 1000;
  let packets = 0;
  let own = 0;
  let firedByTest = 0;
  let nextEviction = clock.now + (evictEveryMs ?? Infinity);
  for (let tick = 1; clock.now < end; tick++) {
    const [from, to] = tick % 2 === 0 ? [b, a] : [a, b];
    await send(from, to, handle, perTick, packets + 1);
    packets += perTick;
    clock.set(clock.now + tickMs);
    if ((billing.alarmsSet.at(-1) ?? Infinity) <= clock.now && (await runDurableObjectAlarm(stub))) firedByTest++;
    if (clock.now < nextEviction) continue;
    own += await ownCount(stub);
    await evictDurableObject(stub);
    nextEviction += evictEveryMs ?? Infinity;
  }
  a.control("close", { handle, reason: 1000, closedBy: 0, debug: "" });
  await Promise.all([nextClose(a), nextClose(b)]);
  a.socket.close(1000);
  b.socket.close(1000);
  await Promise.all([a.closed, b.closed]);
  expect(await storedTotals(stub)).toEqual({ packets, bytes: packets * SIZE });
  own += await ownCount(stub);
  // Running an alarm by hand deletes it by hand, too; the platform does not bill one that goes off.
  billing.alarmsDeleted -= firedByTest;
  const { rows, alarmsSet, statements } = billing;
  return { packets, schema, rows: rows - schema, alarmsSet: alarmsSet.length, own, statements };
}

it("a connection that relays 100,000 packets in 60 s writes at most 21 rows, joins and closes included", async () => {
  using billing = await Billing.start();
  const bill = await life(billing, { seconds: 60, perTick: 200, tickMs: 120 });
  console.log(JSON.stringify(bill));
  expect(bill.packets).toBe(100_000);
  expect(bill.rows).toBeLessThanOrEqual(BUDGET);
  expect(bill.schema).toBeLessThanOrEqual(SCHEMA);
  expect(bill.own).toBe(bill.rows + bill.schema); // what the relay itself counts is honest
});

it("one that relays nothing writes as many, but for the flushes and their alarms", async () => {
  using billing = await Billing.start();
  const bill = await life(billing, { seconds: 0, perTick: 0, tickMs: 1 });
  // Four of them for the two sessions, which outlive their sockets; one, in a room's life, when its directory first answers.
  expect(bill.rows).toBeLessThanOrEqual(11);
  expect(bill.own).toBe(bill.rows + bill.schema);
});

it("evictions do not add to it", async () => {
  using billing = await Billing.start();
  const run = { seconds: 60, perTick: 5, tickMs: 1_000 };
  const awake = await life(billing, run);
  const bill = await life(billing, { ...run, evictEveryMs: 11_000 });
  expect(bill.own).toBe(bill.rows + bill.schema);
  expect(bill.rows).toBeLessThanOrEqual(awake.rows);
});

it("the history of a busy hour is 62 rows at most, and none of a quiet one's", async () => {
  using billing = await Billing.start();
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  const { a, b, handle } = await pairUp({ app });
  const historyRows = () => billing.statements["INSERT OR REPLACE INTO history"] ?? 0;
  for (let tick = 1; tick <= 6 * 60; tick++) {
    await send(a, b, handle, 1, tick);
    b.stir();
    await b.fence();
    clock.set(clock.now + 10_000);
  }
  expect(historyRows()).toBeGreaterThanOrEqual(58);
  expect(historyRows()).toBeLessThanOrEqual(62);
  await clock.pass(60_000, stub, [a, b]);
  billing.reset();
  await clock.pass(180_000, stub, [a, b]);
  expect(billing.statements).toEqual({});
});

it("a room where nobody talks writes a row each time it looks for ghosts, and nothing else", async () => {
  using billing = await Billing.start();
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  const { a, b } = await pairUp({ app });
  await clock.pass(60_000, stub, [a, b]);
  billing.reset();
  const alarms = await clock.pass(120_000, stub, [a, b]);
  expect(billing.statements).toEqual({});
  expect(billing.alarmsSet).toHaveLength(alarms);
});

it("what is refused causes no write, also where the room sleeps in between", async () => {
  using billing = await Billing.start();
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  const { a, b } = await pairUp({ app });
  await clock.pass(15_000, stub);
  billing.reset();
  for (let i = 0; i < 4; i++) {
    a.control("accept", { handle: 999 });
    b.stir();
    await a.next("error");
    await pause(120); // past the checkpoint's interval
    await evictDurableObject(stub);
    await clock.pass(11_000, stub);
  }
  expect(billing.statements).toEqual({});
});

it("a room with more busy connections than an attachment holds writes no more often", async () => {
  using billing = await Billing.start();
  using clock = new Clock();
  const start = clock.now;
  const app = freshApp();
  const [a, b] = await Promise.all([TestPeer.enter({ app, peer: ALICE }), TestPeer.enter({ app, peer: BOB })]);
  const handles = await joinUpOften(a, b, 500);
  billing.reset();
  const payload = new Uint8Array(SIZE);
  // Bursts with gaps longer than the checkpoint's interval, as a game with ten ticks a second has.
  for (let tick = 1; tick <= 12; tick++) {
    a.send(...handles.map((handle) => dataFrame({ handle, payload, number: tick })));
    await pause(100);
  }
  await b.fence();
  expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ activeConnections: 500, totalPackets: 6_000 });
  expect(clock.now).toBe(start); // time stands still here, so the flush does not come
  expect(billing.sqlRows).toBe(0);
  await evictDurableObject(roomOf(app)); // waits for the timer that waits for the room to be quiet
  expect(billing.statements).toEqual({ "INSERT OR REPLACE INTO counters": 1 });
});
