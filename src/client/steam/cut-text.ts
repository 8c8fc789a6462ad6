import { MAX_DEBUG } from "../../protocol/index.ts";

/** What fits Steam's 128 bytes with their terminating zero, in whole characters. */
export function cutText(text: string): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(MAX_DEBUG)).read);
}
