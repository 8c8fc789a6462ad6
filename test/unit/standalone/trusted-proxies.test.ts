import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseClientAddress } from "../../../src/relay/limits/client-address.ts";
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
    ["rubbish from a proxy is the proxy's own", "10.0.0.0/8", "10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"],
    ["rubbish that a client in a trusted network wrote", "10.0.0.0/8", "10.0.0.1", "x, 10.6.6.6", "10.6.6.6"],
    ["a port behind an IPv4 address", "10.0.0.1", "10.0.0.1", "1.1.1.1, 203.0.113.9:51234", "203.0.113.9"],
    ["a port behind an IPv6 address", "10.0.0.1", "10.0.0.1", "[2001:db8::1]:51234", "2001:db8::1"],
    ["brackets alone", "10.0.0.1", "10.0.0.1", "[2001:db8::1]", "2001:db8::1"],
    ["an IPv6 address whose last group looks like a port", "10.0.0.1", "10.0.0.1", "2001:db8::1:80", "2001:db8::1:80"],
    ["a stranger seen as mapped IPv4", "127.0.0.1", "::ffff:203.0.113.9", "1.1.1.1", "203.0.113.9"],
    ["mapped IPv4 in the header", "127.0.0.1", "127.0.0.1", "1.1.1.1, ::FFFF:203.0.113.9", "203.0.113.9"],
    ["a client of the same link", "127.0.0.1", "fe80::1%eth0", "1.1.1.1", "fe80::1"],
    ["a proxy of the same link", "fe80::/10", "fe80::1%no-such-interface", "203.0.113.9", "203.0.113.9"],
    ["a network whose prefix ends within an octet", "172.16.0.0/12", "172.31.255.255", "203.0.113.9", "203.0.113.9"],
    ["an address beyond it", "172.16.0.0/12", "172.32.0.0", "203.0.113.9", "172.32.0.0"],
    ["an IPv6 address beyond it", "fc00::/7", "fe00::1", "203.0.113.9", "fe00::1"],
    ["IPv4 is within no network of IPv6", "fd00::/8", "203.0.113.9", "1.1.1.1", "203.0.113.9"],
  ])("%s", (_, trusted, remote, forwarded, expected) => {
    expect(clientOf(trusted, remote, forwarded)).toBe(expected);
  });

  test("no header is too much for it, and it never makes an address up", () => {
    const piece = fc.constantFrom(
      ...",,  []:::..%/0123456789abcdefxzfF\u0000\u00ff\t".split(""),
      "::ffff:",
      "127.0.0.1",
      "10.",
      "%eth0",
    );
    const header = fc.array(piece, { maxLength: 200 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(header, (forwarded) => {
        const client = clientOf("127.0.0.0/8,10.0.0.0/8,::/1", "127.0.0.1", forwarded);
        expect(parseClientAddress(client)).toBeDefined();
      }),
    );
  });

  test.each([
    "x",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/08",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10.0.0/8",
    "127.0.0.1;10.0.0.1",
  ])("%s is no list of proxies", (text) => {
    expect(TrustedProxies.parse(text)).toBeUndefined();
  });
});
