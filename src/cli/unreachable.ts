/** Why there was no answer. Node, Bun and Deno each have their own words for it, and Bun the same ones for two reasons. */
import { lookup } from "node:dns/promises";
import { Failure } from "./exit.ts";

export async function whyUnreachable(error: unknown, { origin, hostname }: URL): Promise<Failure> {
  const said = wordsOf(error);
  if (/TimeoutError/.test(said)) {
    return new Failure("timeout", `${origin} did not answer in time: is a firewall between, or the relay overloaded?`);
  }
  if (/certificate|self.signed|CERT_/i.test(said)) {
    const remedy = "trust it (Node: NODE_EXTRA_CA_CERTS=file.pem), or use the name it is for";
    return new Failure("untrusted_certificate", `The certificate of ${origin} is not trusted (${said}): ${remedy}.`);
  }
  if (!(await isKnown(hostname))) {
    return new Failure("unknown_host", `There is no host "${hostname}": check the spelling, and this machine's DNS.`);
  }
  if (/refused/i.test(said)) {
    const remedy = `start a relay ("edge-relay serve"), or name another with its address or EDGE_RELAY_URL`;
    return new Failure("refused", `Nothing listens at ${origin}: ${remedy}.`);
  }
  return new Failure("unreachable", `Cannot reach ${origin}: ${said}`);
}

async function isKnown(hostname: string): Promise<boolean> {
  try {
    await lookup(hostname.replace(/^\[|\]$/g, "")); // an IPv6 address has brackets in a URL
    return true;
  } catch {
    return false;
  }
}

/** Names, codes and messages, with those of causes: the reason may be in any of them. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, cause } = error;
  const code = "code" in error ? String(error.code) : "";
  const kind = name === "Error" || name === "TypeError" ? "" : name;
  return [kind, code, message, cause === undefined ? "" : wordsOf(cause)].filter((word) => word !== "").join(" ");
}
