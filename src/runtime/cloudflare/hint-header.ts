import { type LocationHint, parseLocationHint } from "../../relay/placement/location-hints.ts";

/** Worker → object: where the object was to be created, should this request do so. The worker overwrites what a client sent. */
const HEADER = "edge-relay-hint";

export function writeHint(headers: Headers, hint: LocationHint | undefined): void {
  if (hint) headers.set(HEADER, hint);
  else headers.delete(HEADER);
}

export function readHint(headers: Headers): LocationHint | undefined {
  return parseLocationHint(headers.get(HEADER));
}
