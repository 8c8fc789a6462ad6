import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { TEST_SECRET } from "../support/tickets.ts";

test("npm run demo: hashes match, and the relay counted what the peers counted", { timeout: 120_000 }, async () => {
  await using relay = await RunningRelay.start();
  const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "demo", "--", "--url", relay.url], {
    env: { ...process.env, TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: TEST_ADMIN_TOKEN },
  });
  expect(stdout).toContain("already running");
  expect(stdout).toMatch(/sha-256 +[0-9a-f]{64} matches/);
  expect(stdout).toMatch(/relay +\d+ packets, \d+ bytes agrees/);
});
