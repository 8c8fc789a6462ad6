/** [Q2] What a client tells the relay of its connections, and that it costs no message. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConnectOptions, RelayClient, RelayConnection } from "../../../src/client/index.ts";
import { type ControlValues, FrameType, PROBE_UNKNOWN, encodeControl } from "../../../src/protocol/index.ts";
import { type WalkedFrame, dataFrame, probeFrame, walk } from "../../support/frames.ts";
import { LASTING, ScriptedRelay } from "./scripted-relay.ts";

const HANDLE = 7;
const STEP_MS = 10;
const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

type Report = ControlValues<"quality"> & { readonly at: number };

/** A client with one connection, whose other end answers probes after a while, and what the client sent, by message. */
class Play {
  readonly relay: ScriptedRelay;
  readonly client: RelayClient;
  readonly connection: RelayConnection;
  readonly messages: WalkedFrame[][] = [];
  readonly reports: Report[] = [];
  rttMs = 50;
  /** As the other end tells it. */
  quality = 10_000;
  #number = 0;
  #seen = 0;
  readonly #questions: { readonly due: number; readonly stamp: number }[] = [];

  private constructor(relay: ScriptedRelay, client: RelayClient, connection: RelayConnection) {
    this.relay = relay;
    this.client = client;
    this.connection = connection;
  }

  static async begin(options: Partial<ConnectOptions> = {}): Promise<Play> {
    const welcome = encodeControl("welcome", { ...LASTING, heartbeatMs: 3_600_000 });
    const relay = new ScriptedRelay((self) => self.send(welcome));
    const joining = relay.connect(options);
    await pass(1);
    const client = await joining;
    const connection = client.begin(5n);
    await pass();
    relay.send(relay.name(HANDLE));
    return new Play(relay, client, connection);
  }

  /** Lets `ms` pass. The client sends a message every so many ms, and is sent one; who sends also asks, every 5 s. */
  async run(ms: number, { sendsEvery = 0, hearsEvery = 0 } = {}): Promise<void> {
    for (let at = 0; at < ms; at += STEP_MS) {
      if (sendsEvery > 0 && at % sendsEvery === 0) this.connection.send("state", { reliable: false, noNagle: true });
      if (hearsEvery > 0 && at % hearsEvery === 0) this.#says();
      if (hearsEvery > 0 && at % 5_000 === 0) this.#asks();
      // oxlint-disable-next-line no-await-in-loop
      await pass(STEP_MS);
      this.#look();
    }
  }

  #says(): void {
    this.relay.send(dataFrame({ handle: HANDLE, number: ++this.#number, payload: Uint8Array.of(1) }));
  }

  #asks(): void {
    this.relay.send(probeFrame({ handle: HANDLE, answer: false, stamp: 1, quality: this.quality, jitter: 0 }));
  }

  #look(): void {
    const now = performance.now();
    const sent = this.relay.sockets.flatMap((socket) => socket.sent).filter((data) => typeof data !== "string");
    for (const bytes of sent.slice(this.#seen)) {
      this.#seen++;
      const frames = walk(bytes);
      if (frames[0]?.type === FrameType.Hello) continue;
      this.messages.push(frames);
      for (const { control, probe } of frames) {
        if (control?.frame === "quality") this.reports.push({ at: now, ...control.values });
        if (probe && !probe.answer) this.#questions.push({ due: now + this.rttMs - STEP_MS, stamp: probe.stamp });
      }
    }
    while (this.#questions[0] && this.#questions[0].due <= now) {
      const { stamp } = this.#questions.shift()!;
      this.relay.send(probeFrame({ handle: HANDLE, answer: true, stamp, quality: this.quality, jitter: 0 }));
    }
  }
}

/** A minute of play with a ping that never is what it was. */
async function restless(options: Partial<ConnectOptions> = {}): Promise<Play> {
  const play = await Play.begin(options);
  for (let i = 0; i < 30; i++) {
    play.rttMs = i % 2 === 0 ? 50 : 400;
    play.quality = i % 3 === 0 ? 10_000 : 5_000;
    // oxlint-disable-next-line no-await-in-loop
    await play.run(2_000, { sendsEvery: 100, hearsEvery: 200 });
  }
  return play;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("[Q2] a report", () => {
  test("says what the connection's status says", async () => {
    const play = await Play.begin();
    play.quality = 9_500;
    await play.run(1_000, { sendsEvery: 100, hearsEvery: 100 });
    const { pingMs } = play.connection.status();
    expect(play.reports).toEqual([
      { at: expect.any(Number), handle: HANDLE, ping: pingMs, local: 10_000, remote: 9_500 },
    ]);
    expect(pingMs).toBeGreaterThanOrEqual(40);
    expect(pingMs).toBeLessThanOrEqual(60);
  });

  test("says what is not known: no data has come, and the other end has not seen any either", async () => {
    const play = await Play.begin();
    play.quality = PROBE_UNKNOWN;
    await play.run(1_000, { sendsEvery: 100 });
    expect(play.reports).toMatchObject([{ local: PROBE_UNKNOWN, remote: PROBE_UNKNOWN }]);
  });

  test("leaves with other frames of the connection, never more than one in 5 s, however restless it is", async () => {
    const play = await restless();
    expect(play.reports.length).toBeGreaterThan(5);
    for (const [i, { at }] of play.reports.slice(1).entries()) {
      expect(at - play.reports[i]!.at).toBeGreaterThanOrEqual(5_000);
    }
    for (const message of play.messages.filter((frames) => frames.some(({ type }) => type === FrameType.Quality))) {
      expect(message.map(({ type }) => type)).toContainEqual(expect.toSatisfy((type) => type >= 0x20 && type <= 0x22));
    }
  });

  test("adds no message: with and without there are as many", async () => {
    const [reporting, silent] = [await restless(), await restless({ reportQuality: false })];
    expect(silent.reports).toEqual([]);
    expect(reporting.messages.length).toBe(silent.messages.length);
  });

  test("of what has not changed is made once a minute", async () => {
    const play = await Play.begin();
    play.rttMs = 500; // of which the test's steps of 10 ms are nothing to speak of
    await play.run(185_000, { sendsEvery: 100, hearsEvery: 100 });
    const gaps = play.reports.slice(1).map(({ at }, i) => at - play.reports[i]!.at);
    expect(play.reports.length).toBe(4);
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(60_000);
  });

  test("a quiet minute has no message at all, whatever has changed", async () => {
    const play = await Play.begin();
    await play.run(3_000, { sendsEvery: 100, hearsEvery: 100 });
    await play.run(10_000);
    const sent = play.messages.length;
    play.rttMs = 900;
    await play.run(60_000);
    expect(play.messages.length).toBe(sent);
  });

  test("is also made by who only listens, with the acks and answers that it sends", async () => {
    const play = await Play.begin();
    await play.run(20_000, { hearsEvery: 50 });
    expect(play.reports[0]).toMatchObject({ local: 10_000 });
  });
});
