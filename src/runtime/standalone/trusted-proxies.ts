/** Whose word on a client's address is taken: reverse proxies that the operator has named. */
import { BlockList, isIP } from "node:net";

export const TRUSTED_PROXIES_RULE =
  "addresses or networks, comma-separated, such as 127.0.0.1,10.0.0.0/8,fd00::/8; not /0, which believes everybody";

export class TrustedProxies {
  readonly #list = new BlockList();

  private constructor() {
    // Made by `parse`.
  }

  /** Undefined for text that is no such list. Empty text trusts nobody. */
  static parse(text: string): TrustedProxies | undefined {
    const proxies = new TrustedProxies();
    const entries = text.split(",").map((entry) => entry.trim());
    return entries.every((entry) => entry === "" || proxies.#add(entry)) ? proxies : undefined;
  }

  /**
   * `remote` is the other end of the TCP connection; each proxy has added whom it was asked by to the right of
   * `forwarded` (X-Forwarded-For). So the client is the first from the right that is no trusted proxy, and what stands to
   * the left of it is the client's own invention. A proxy that names nobody, or no address, stands for its clients itself:
   * without an address there would be no limit.
   */
  clientOf(remote: string | undefined, forwarded: string | null): string | undefined {
    const hops = (forwarded ?? "").split(",");
    let client = plainAddress(remote);
    while (client !== undefined && this.#trusts(client)) {
      const hop = plainAddress(hops.pop());
      if (hop === undefined) return client;
      client = hop;
    }
    return client;
  }

  #trusts(address: string): boolean {
    return this.#list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  }

  #add(entry: string): boolean {
    const [address = "", prefix, ...rest] = entry.split("/");
    const family = isIP(address);
    if (family === 0 || rest.length > 0) return false;
    const type = family === 4 ? "ipv4" : "ipv6";
    if (prefix === undefined) this.#list.addAddress(address, type);
    // Not /0: whom everybody is a proxy for, names the address of its liking.
    else if (/^[1-9][0-9]{0,2}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)) {
      this.#list.addSubnet(address, Number(prefix), type);
    } else return false;
    return true;
  }
}

/**
 * Without what may stand around an address: `::ffff:203.0.113.7` is an IPv4 client of a socket that listens on `::`,
 * `fe80::1%eth0` one of the same link, and some proxies add the client's port. Undefined for what is no address.
 */
function plainAddress(text: string | undefined): string | undefined {
  const [, bracketed, withPort] = /^\s*(?:\[([^\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+)\s*$/.exec(text ?? "") ?? [];
  const address = (bracketed ?? withPort ?? text ?? "").trim().replace(/%.*$/, "");
  const plain = /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address;
  return isIP(plain) === 0 ? undefined : plain;
}
