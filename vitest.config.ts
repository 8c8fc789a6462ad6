import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { buildPages } from "./scripts/build-pages.ts";
import { CONTRACT_PROJECT, RUNTIMES, type Runtime } from "./test/support/runtimes.ts";

// Relays serve them, and @cloudflare/vitest-plugin needs the folder before any test runs: nobody tests pages of yesterday.
await buildPages();

/** Keys exist in tests only; the relay itself has no default secret. */
const testBindings = {
  TICKET_SECRET: "test-secret-of-at-least-thirty-two-bytes",
  ADMIN_TOKEN: "test-admin-token-0123456789abcdef",
  APP_SETTINGS: JSON.stringify({
    "730": { idleTimeoutMs: 120_000 },
    "289070": { idleTimeoutMs: 600_000 },
    "4000": { graceMs: 0 },
    "4001": { maxQueuedBytes: 262_144 },
    // One for each test of test/workerd/trunk.test.ts.
    ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [5_000 + index, { crossRooms: 1 }])),
    "5010": { crossRooms: 1, directoryShards: 2 },
    "5011": { crossRooms: 1, retentionMs: 86_400_000 },
    "3000": { maxPayload: 1_000, maxConnectionsPerPeer: 3 },
    "3001": { maxPeers: 2 },
    "3002": { joinsPerMinute: 3 },
    "3003": { monthlyBytes: 10 },
    "3005": { jurisdiction: "eu" },
    "3006": { directoryShards: 4 },
    "3007": { ownRoomRetentionMs: 3_600_000, retentionMs: 0 },
    "3004": { messagesPerSecond: 5, classes: { server: { messagesPerSecond: 5_000, connectBurst: 3 } } },
  }),
};

/**
 * What every relay must do that a client can see: the same files, unchanged, against the relay on one runtime, as
 * processes. Where a runtime differs, test/contract/capabilities.ts says in what, and why.
 */
function contractOn(runtime: Runtime) {
  return {
    test: {
      name: `${CONTRACT_PROJECT}${runtime}`,
      env: { RELAY_RUNTIME: runtime },
      include: ["test/contract/**/*.test.ts"],
      testTimeout: 60_000,
      hookTimeout: 60_000,
      maxConcurrency: 16,
      // Much of it is waiting: for 20 s without a credit, for alarms, for the end of grace periods.
      maxWorkers: 3,
      isolate: false,
      sequence: { groupOrder: 1 },
    },
  };
}

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/tables.ts"],
    coverage: {
      provider: "v8",
      include: ["src/relay/**", "src/protocol/**", "src/auth/**", "src/storage/**"],
      thresholds: { lines: 95 },
    },
    projects: [
      // Rules, bytes, tickets, storage over node:sqlite: plain Node, no platform.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      // The Durable Object in workerd itself: hibernation, eviction, alarms.
      {
        plugins: [
          cloudflareTest({ wrangler: { configPath: "./wrangler.toml" }, miniflare: { bindings: testBindings } }),
        ],
        test: {
          name: "workerd",
          include: ["test/workerd/**/*.test.ts"],
          setupFiles: ["test/workerd/support/quiet.ts"],
          testTimeout: 20_000,
        },
      },
      // Real processes and sockets on 127.0.0.1: the client against a running relay, kill -9, the demo.
      {
        test: {
          name: "network",
          include: ["test/network/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      ...RUNTIMES.map(contractOn),
      // The pages in Debian's Chromium, against real relays: one file after another, since a browser takes both cores.
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      // The packed package in an empty project: Node, Bun, Deno, and a page in Chromium. One file after another: each packs,
      // which builds into the same folder.
      {
        test: {
          name: "package",
          include: ["test/package/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
