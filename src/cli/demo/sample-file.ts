import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Large enough to be worth watching, and random, so that a byte in the wrong place changes its hash. */
const BYTES = 20 * 1024 * 1024;

export function makeSampleFile(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-demo-"));
  const path = join(folder, "sample.bin");
  writeFileSync(path, randomFillSync(new Uint8Array(BYTES)));
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
