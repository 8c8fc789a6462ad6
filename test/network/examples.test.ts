import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunningRelay } from "../support/running-relay.ts";
import { TEST_SECRET } from "../support/tickets.ts";

const folder = join(import.meta.dirname, "../../examples");
const examples = readdirSync(folder).filter((name) => name.endsWith(".ts"));
let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

test("there is one per family, and one of a host that leaves", () => {
  expect(examples).toEqual([
    "host-migration.ts",
    "networking-messages.ts",
    "networking-sockets.ts",
    "p2p-networking.ts",
    "p2p-sockets.ts",
  ]);
});

test.each(examples)("%s runs to its end and by itself, in under 80 lines", async (name) => {
  const path = join(folder, name);
  expect(readFileSync(path, "utf8").trimEnd().split("\n").length).toBeLessThan(80);
  const args = ["--experimental-strip-types", "--no-warnings", path, relay.url];
  const env = { ...process.env, TICKET_SECRET: TEST_SECRET };
  // A failure exits with another code and rejects; so does an example that does not end.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 });
  expect(stdout.trim().split("\n").length).toBeGreaterThan(3);
});
