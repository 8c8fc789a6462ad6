import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { PeerId } from "../../../src/protocol/index.ts";
import type { Admission } from "../../../src/relay/ports.ts";
import { readAdmission, writeAdmission } from "../../../src/runtime/cloudflare/admission-header.ts";

const HEADER = "edge-relay-admission";
const peer = 76_561_197_960_287_930n as PeerId;

function written(admission: Admission): Headers {
  const headers = new Headers({ [HEADER]: "1;1;10.0.0.1;vip;mine;1" }); // as a client may have sent it
  writeAdmission(headers, admission);
  return headers;
}

test.each<[Admission, string]>([
  [{ peer, visible: false }, `${peer};0`],
  [{ peer, visible: true, address: "203.0.113.7" }, `${peer};1;203.0.113.7`],
  [{ peer, visible: true, address: "2001:db8::/64", rateClass: "vip" }, `${peer};1;2001%3Adb8%3A%3A%2F64;vip`],
  [{ peer, visible: false, ticketId: "a;b %é," }, `${peer};0;;;a%3Bb%20%25%C3%A9%2C`],
  [{ peer, visible: false, isBound: true }, `${peer};0;;;;1`],
])("%o is %s", (admission, text) => {
  expect(written(admission).get(HEADER)).toBe(text);
  expect(readAdmission(written(admission))).toStrictEqual(admission);
});

test("whatever is in it comes back as it was, and the client's own is overwritten", () => {
  const text = fc.string({ minLength: 1, maxLength: 64 });
  const any = fc.record(
    { visible: fc.boolean(), address: text, rateClass: text, ticketId: text },
    { requiredKeys: ["visible"] },
  );
  fc.assert(
    fc.property(any, fc.bigInt(1n, 2n ** 64n - 1n), (more, id) => {
      const admission = { ...more, peer: id as PeerId };
      expect(readAdmission(written(admission))).toEqual(admission);
    }),
    { numRuns: 1_000 },
  );
});

test.each([undefined, "", "x", "0;1", "1", "1;", "1;2", "1;true", "1;0;a;b;c;d", "1;0;a;b;c;1;e", "%;0", "1;%"])(
  "%j did not come through the worker",
  (text) => {
    const headers = new Headers(text === undefined ? {} : { [HEADER]: text });
    expect(() => readAdmission(headers)).toThrow("did not come through the relay's worker");
  },
);
