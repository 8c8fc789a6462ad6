import { parsePeerId } from "../../protocol/index.ts";
import type { Admission } from "../../relay/ports.ts";

/** Worker → object, inside Cloudflare only: the worker overwrites whatever a client sent under this name. */
const HEADER = "edge-relay-admission";

/**
 * `peer;visible;address;rateClass;ticketId;isBound`, each percent-encoded, so that no value can hold a separator or anything
 * that a header may not. What is not known is empty, and left out at the end.
 */
export function writeAdmission(headers: Headers, admission: Admission): void {
  const { peer, visible, address, rateClass, ticketId, isBound } = admission;
  const fields = [
    String(peer),
    visible ? "1" : "0",
    address ?? "",
    rateClass ?? "",
    ticketId ?? "",
    isBound ? "1" : "",
  ];
  while (fields.at(-1) === "") fields.pop();
  headers.set(HEADER, fields.map(encodeURIComponent).join(";"));
}

export function readAdmission(headers: Headers): Admission {
  const [peerText, visible, address, rateClass, ticketId, bound = "", ...others] = (headers.get(HEADER) ?? "")
    .split(";")
    .map(decode);
  const peer = parsePeerId(peerText);
  const isKnown = (visible === "0" || visible === "1") && (bound === "" || bound === "1");
  if (peer === undefined || !isKnown || others.length > 0) {
    throw new Error("Cannot admit a socket: the request did not come through the relay's worker");
  }
  return {
    peer,
    visible: visible === "1",
    ...(address && { address }),
    ...(ticketId && { ticketId }),
    ...(rateClass && { rateClass }),
    ...(bound && { isBound: true }),
  };
}

/** What is no encoding is not the worker's, and fails with the rest of the header. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
