import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseClientAddress } from "../../../src/relay/limits/client-address.ts";

const hex = (all: number[], width: number) => all.map((part) => part.toString(16).padStart(width, "0")).join(":");

describe("one text for one client", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::FFFF:cb00:7107", "203.0.113.7"],
    ["0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8::/64"],
    ["2001:db8:0:1::5", "2001:db8:0:1::/64"],
    ["2001:db8:1:2::/64", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:3::/64", "2001:db8:1:2::/64"],
    ["::1", "::/64"],
    ["::", "::/64"],
    ["0:0:0:1::", "0:0:0:1::/64"],
    ["1::", "1::/64"],
    ["64:ff9b::203.0.113.7", "64:ff9b::/64"],
    ["1:2:3:4:5:6:203.0.113.7", "1:2:3:4::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
  ])("%s is %s", (text, address) => {
    expect(parseClientAddress(text)).toBe(address);
    expect(parseClientAddress(address)).toBe(address); // so an operator may write it either way
  });
});

test.each([
  "",
  " ",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "01.2.3.4",
  "1.2.3.4 ",
  "1.2.3.4/32",
  "1.2.3.4:80",
  "[::1]",
  "[::1]:80",
  "::1%eth0",
  ":::",
  "1::2::3",
  ":1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4::5:6:7:8",
  "12345::",
  "g::",
  "203.0.113.7::",
  "::203.0.113.7:1",
  "::1.2.3",
  "::256.1.1.1",
  "::ffff:203.0.113.7/64",
  "2001:db8::/48",
  "2001:db8::/64/64",
  "example.com",
  "1".repeat(60),
  undefined,
  null,
  5,
])("%j is no address", (value) => {
  expect(parseClientAddress(value)).toBeUndefined();
});

test("every IPv6 address of a /64 is one, in whatever way it is written, and no other is", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const groups = (length: number) => fc.array(group, { minLength: length, maxLength: length });
  fc.assert(
    fc.property(groups(4), groups(4), groups(4), fc.boolean(), (network, host, other, isUpper) => {
      fc.pre(network.slice(0, 4).some((part) => part !== 0));
      const long = hex([...network, ...host], 4);
      const one = parseClientAddress(isUpper ? long.toUpperCase() : long);
      expect(one).toBe(parseClientAddress(hex([...network, ...other], 1)));
      expect(one).toBe(parseClientAddress(`${hex(network, 1)}::`));
      const next = [...network.slice(0, 3), (network[3]! + 1) & 0xffff];
      expect(parseClientAddress(hex([...next, ...host], 1))).not.toBe(one);
    }),
  );
});

test("never throws, and what it gives it takes", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), (text) => {
      const address = parseClientAddress(text);
      if (address !== undefined) expect(parseClientAddress(address)).toBe(address);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(fc.property(fc.ipV4(), (text) => void expect(parseClientAddress(text)).toBe(text)));
  fc.assert(fc.property(fc.ipV6(), (text) => void expect(parseClientAddress(text)).toBeDefined()));
});
