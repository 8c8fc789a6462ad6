import { describe, expect, test } from "vitest";
import { TrustedProxies } from "../../../src/runtime/standalone/trusted-proxies.ts";

function clientOf(trusted: string, remote: string, forwarded: string | null): string | undefined {
  return TrustedProxies.parse(trusted)?.clientOf(remote, forwarded);
}

describe("the client's address", () => {
  test.each([
    ["nobody is trusted: the header is the client's invention", "", "203.0.113.9", "1.1.1.1", "203.0.113.9"],
    ["a stranger that sends the header", "10.0.0.0/8", "203.0.113.9", "1.1.1.1", "203.0.113.9"],
    ["a proxy's word", "127.0.0.1", "127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["what the client wrote before the proxy added", "127.0.0.1", "127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["a chain of proxies", "127.0.0.1,10.0.0.0/8", "127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
    ["a proxy that adds nothing", "127.0.0.1", "127.0.0.1", null, "127.0.0.1"],
    ["only proxies", "10.0.0.0/8", "10.0.0.1", "10.0.0.2", "10.0.0.2"],
    ["an empty entry", "10.0.0.0/8", "10.0.0.1", "203.0.113.9,", "10.0.0.1"],
    ["a proxy seen as mapped IPv4", "127.0.0.0/8", "::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["a network of IPv6", "fd00::/8", "fd00::1", "2001:db8::1", "2001:db8::1"],
    ["rubbish from a proxy ends the walk", "10.0.0.0/8", "10.0.0.1", "1.1.1.1, unknown", "unknown"],
  ])("%s", (_, trusted, remote, forwarded, expected) => {
    expect(clientOf(trusted, remote, forwarded)).toBe(expected);
  });

  test.each(["x", "10.0.0.0/33", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/", "10.0.0/8", "127.0.0.1;10.0.0.1"])(
    "%s is no list of proxies",
    (text) => {
      expect(TrustedProxies.parse(text)).toBeUndefined();
    },
  );
});
