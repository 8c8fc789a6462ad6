/** Whose word on a client's address is taken: reverse proxies that the operator has named. */
import { BlockList, isIP } from "node:net";

export const TRUSTED_PROXIES_RULE = "addresses or networks, comma-separated, such as 127.0.0.1,10.0.0.0/8,fd00::/8";

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
   * the left of it is the client's own invention.
   */
  clientOf(remote: string | undefined, forwarded: string | null): string | undefined {
    const hops = (forwarded ?? "").split(",").map((hop) => hop.trim());
    let client = remote;
    while (client !== undefined && this.#trusts(client)) {
      const hop = hops.pop();
      if (hop === undefined || hop === "") return client;
      client = hop;
    }
    return client;
  }

  #trusts(address: string): boolean {
    const plain = unmapped(address);
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 4 ? "ipv4" : "ipv6");
  }

  #add(entry: string): boolean {
    const [address = "", prefix, ...rest] = entry.split("/");
    const family = isIP(address);
    if (family === 0 || rest.length > 0) return false;
    const type = family === 4 ? "ipv4" : "ipv6";
    if (prefix === undefined) this.#list.addAddress(address, type);
    else if (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)) {
      this.#list.addSubnet(address, Number(prefix), type);
    } else return false;
    return true;
  }
}

/** A socket that listens on `::` reports IPv4 clients as `::ffff:203.0.113.7`. */
function unmapped(address: string): string {
  return /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address;
}
