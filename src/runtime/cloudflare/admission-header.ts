import { parsePeerId } from "../../protocol/index.ts";
import type { Admission } from "../../relay/ports.ts";

/** Worker → object, inside Cloudflare only: the worker overwrites whatever a client sent under this name. */
const HEADER = "edge-relay-admission";

export function writeAdmission(headers: Headers, { peer, visible }: Admission): void {
  headers.set(HEADER, `${peer};${visible ? 1 : 0}`);
}

export function readAdmission(headers: Headers): Admission {
  const [peerText, visible] = (headers.get(HEADER) ?? "").split(";");
  const peer = parsePeerId(peerText);
  if (peer === undefined) throw new Error("Cannot admit a socket: the request did not come through the relay's worker");
  return { peer, visible: visible === "1" };
}
