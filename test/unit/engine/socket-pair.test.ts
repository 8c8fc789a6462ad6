import { describe, expect, test } from "vitest";
import { createSocketPair } from "../../../src/client/simulator/index.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("createSocketPair", () => {
  test("two ends in memory, connected at once", async () => {
    const [a, b] = createSocketPair({ peers: [20n, 10n] });
    expect([a.peer, b.peer]).toEqual([20n, 10n]);
    a.send("to b");
    b.send("to a");
    expect(text((await b[Symbol.asyncIterator]().next()).value?.payload ?? new Uint8Array())).toBe("to b");
    expect(text((await a[Symbol.asyncIterator]().next()).value?.payload ?? new Uint8Array())).toBe("to a");
  });

  test("a bad network loses nothing that is reliable, and keeps its order", { timeout: 30_000 }, async () => {
    const [a, b] = createSocketPair({
      conditions: { loss: 20, lagMs: 5, jitterMs: 5, reorderPercent: 30, reorderMs: 8, duplicatePercent: 10, seed: 7 },
    });
    const sent = Array.from({ length: 300 }, (_, i) => `message ${i}`);
    for (const message of sent) await a.write(message);
    const received: string[] = [];
    for await (const { payload } of b) {
      received.push(text(payload));
      if (received.length === sent.length) break;
    }
    expect(received).toEqual(sent);
    expect(a.engine.counters.framesResent).toBeGreaterThan(0);
  });

  test("closing lingers, and the other end is told why", async () => {
    const [a, b] = createSocketPair({ conditions: { lagMs: 10, loss: 10, seed: 3 } });
    for (let i = 0; i < 20; i++) a.send(`${i}`);
    await a.close({ reason: 1234, debug: "enough" });
    expect(b.receive().length).toBe(20);
    expect(await b.closed).toEqual({ reason: 1234, debug: "enough", closedBy: "peer" });
  });

  test("the same seed gives the same network", async () => {
    const runs = await Promise.all(
      [1, 1].map(async () => {
        const [a, b] = createSocketPair({ conditions: { loss: 50, seed: 42 } });
        for (let i = 0; i < 50; i++) a.send(`${i}`, { reliable: false, noNagle: true });
        await new Promise((resolve) => setTimeout(resolve, 50));
        return b.receive().map(({ payload }) => text(payload));
      }),
    );
    expect(runs[0]).toEqual(runs[1]);
  });
});
