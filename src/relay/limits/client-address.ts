/**
 * Client addresses, for bans and limits: one text for all that are one client. An IPv6 client has a /64 to choose from,
 * so that is its address here; an IPv4 address written as IPv6 is the IPv4 address.
 */

export const ADDRESS_RULE = "an IPv4 address, an IPv6 address or an IPv6 network of /64";

/** Longest text of an address: IPv6 with an IPv4 tail and "/64". */
const MAX_LENGTH = 49;
const OCTET = /^(0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** `203.0.113.7`, or `2001:db8:0:1::/64` (RFC 5952). Undefined for what is no address. */
export function parseClientAddress(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > MAX_LENGTH) return undefined;
  if (!value.includes(":")) return parseIPv4(value)?.join(".");
  const isNetwork = value.endsWith("/64");
  const groups = parseIPv6(isNetwork ? value.slice(0, -3) : value);
  if (!groups) return undefined;
  const mapped = mappedIPv4(groups);
  if (mapped === undefined) return networkText(groups.slice(0, 4));
  return isNetwork ? undefined : mapped; // ::ffff:a.b.c.d/64 is all of IPv4, and surely a mistake
}

function parseIPv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part))) return undefined;
  const octets = parts.map(Number);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

/** Eight groups. */
function parseIPv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [readGroups(halves[0] ?? "", halves.length === 1), readGroups(halves[1] ?? "", true)];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for one group at least.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** Groups between colons; at the end of an address the last two may be written as IPv4. */
function readGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const [a = 0, b = 0, c = 0, d = 0] = (isEnd && index === parts.length - 1 && parseIPv4(part)) || [-1];
      if (a < 0) return undefined;
      groups.push(a * 256 + b, c * 256 + d);
    }
  }
  return groups;
}

/** `::ffff:a.b.c.d` */
function mappedIPv4(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return undefined;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The last four groups are zero and always the longest such run, so "::" stands at the end. */
function networkText(network: readonly number[]): string {
  let length = network.length;
  while (length > 0 && network[length - 1] === 0) length--;
  return `${network
    .slice(0, length)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}
