/** The books of the fault campaign: that they find what a relay must never do. */
import { describe, expect, test } from "vitest";
import { type Flow, Ledger } from "../../faults/ledger.ts";

const ROUTE = { from: 0, to: 1, family: "sockets", lane: 2, isReliable: true } as const;
const AT = { to: 1, family: "sockets", lane: 2 } as const;

function sent(ledger: Ledger, flow: Flow, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const message = ledger.next(flow);
    flow.sent++;
    return message;
  });
}

describe("the ledger", () => {
  test("finds nothing wrong with what comes once and in order", () => {
    const ledger = new Ledger(1);
    const flow = ledger.open(ROUTE, false);
    for (const message of sent(ledger, flow, 2_000)) ledger.check(message, AT);
    expect(ledger.violations).toEqual([]);
    expect(flow.received).toBe(2_000);
  });

  test.each([
    ["lost or overtaken", [0, 1, 3], { duplicated: 0, outOfOrder: 1, corrupted: 0 }],
    ["repeated", [0, 1, 1, 2], { duplicated: 1, outOfOrder: 0, corrupted: 0 }],
    ["swapped", [0, 2, 1, 3], { duplicated: 1, outOfOrder: 1, corrupted: 0 }],
  ] as const)("a message that is %s", (_, order, counts) => {
    const ledger = new Ledger(1);
    const messages = sent(ledger, ledger.open(ROUTE, false), 4);
    for (const index of order) ledger.check(messages[index]!, AT);
    expect(ledger.counts).toEqual(counts);
    expect(ledger.violations.length).toBeGreaterThan(0);
  });

  test("a message of which a bit is another, that comes to another peer, lane or family, or was never sent", () => {
    const ledger = new Ledger(1);
    const flow = ledger.open(ROUTE, false);
    const [message] = sent(ledger, flow, 1);
    for (let byte = 0; byte < message!.length; byte++) {
      ledger.check(
        message!.map((value, at) => (at === byte ? value ^ 1 : value)),
        AT,
      );
    }
    for (const wrong of [{ to: 2 }, { lane: 1 }, { family: "p2p" as const }])
      ledger.check(message!, { ...AT, ...wrong });
    ledger.check(ledger.next(flow), AT);
    expect(ledger.counts.corrupted).toBe(message!.length + 4);
    expect(flow.received).toBe(0);
  });

  test("an unreliable message may be missing, and come late only where the network reorders, and never twice", () => {
    for (const isLossy of [false, true]) {
      const ledger = new Ledger(1);
      const messages = sent(ledger, ledger.open({ ...ROUTE, isReliable: false }, isLossy), 5);
      for (const index of [0, 3, 2]) ledger.check(messages[index]!, AT);
      expect(ledger.violations.length).toBe(isLossy ? 0 : 1);
      ledger.check(messages[3]!, AT);
      expect(ledger.violations.length).toBe(isLossy ? 1 : 2);
    }
  });
});
