import { describe, expect, test } from "vitest";
import { MAX_PAYLOAD } from "../../../src/protocol/index.ts";
import { DEFAULT_SETTINGS, TIMES, parseSettings } from "../../../src/relay/settings.ts";

function settingsOf(text: string | undefined, app: number) {
  const parsed = parseSettings(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.settingsFor(app);
}

function problemOf(settings: unknown): string {
  const parsed = parseSettings(typeof settings === "string" ? settings : JSON.stringify(settings));
  if (parsed.ok) throw new Error("it was accepted");
  return parsed.message;
}

describe("parseSettings", () => {
  test.each([undefined, "", "{}"])("%j is the defaults for every app", (text) => {
    expect(settingsOf(text, 480)).toEqual(DEFAULT_SETTINGS);
    expect(DEFAULT_SETTINGS).toEqual({
      idleTimeoutMs: 300_000,
      connectTimeoutMs: 10_000,
      maxPayload: MAX_PAYLOAD,
      maxConnectionsPerPeer: 1_024,
      graceMs: 30_000,
      maxQueuedBytes: 1_048_576,
      messagesPerSecond: 1_000,
      bytesPerSecond: 16_777_216,
      connectionBytesPerSecond: 0,
      coalesceMs: 5,
      connectBurst: 256,
      connectsPerSecond: 64,
      maxPeers: 16_384,
      joinsPerMinute: 120,
      monthlyBytes: 0,
      paceIntervalMs: 2_000,
      groupCopiesPerSecond: 10_000,
      maxGroupsPerPeer: 16,
      maxGroupMembers: 256,
      hostAwayMs: 5_000,
      retentionMs: 86_400_000,
      ownRoomRetentionMs: 0,
      directoryShards: 1,
      crossRooms: 0,
      shards: 1,
    });
  });

  test("an app's own before `default` before the defaults", () => {
    const text = JSON.stringify({
      default: { idleTimeoutMs: 600_000, maxPayload: 1_200 },
      730: { idleTimeoutMs: 120_000 },
    });
    expect(settingsOf(text, 730)).toEqual({ ...DEFAULT_SETTINGS, idleTimeoutMs: 120_000, maxPayload: 1_200 });
    expect(settingsOf(text, 480)).toEqual({ ...DEFAULT_SETTINGS, idleTimeoutMs: 600_000, maxPayload: 1_200 });
  });

  test("the limits of every setting are allowed, one beyond is not", () => {
    const ranges = {
      idleTimeoutMs: [1_000, 86_400_000],
      connectTimeoutMs: [100, 3_600_000],
      maxPayload: [1, MAX_PAYLOAD],
      maxConnectionsPerPeer: [1, 65_536],
      graceMs: [0, 3_600_000],
      maxQueuedBytes: [65_536, 67_108_864],
      messagesPerSecond: [0, 1_000_000],
      bytesPerSecond: [0, 0xffff_ffff],
      connectionBytesPerSecond: [0, 0xffff_ffff],
      coalesceMs: [0, 50],
      connectBurst: [1, 65_536],
      connectsPerSecond: [1, 65_536],
      maxPeers: [1, 32_768],
      joinsPerMinute: [0, 1_000_000],
      monthlyBytes: [0, Number.MAX_SAFE_INTEGER],
      paceIntervalMs: [0, 3_600_000],
      groupCopiesPerSecond: [0, 10_000_000],
      maxGroupsPerPeer: [0, 32],
      maxGroupMembers: [1, 16_384],
      hostAwayMs: [0, 3_600_000],
      retentionMs: [0, 31_536_000_000],
      ownRoomRetentionMs: [0, 31_536_000_000],
      directoryShards: [1, 64],
      crossRooms: [0, 1],
      shards: [1, 64],
    };
    expect(Object.keys(ranges)).toEqual(Object.keys(DEFAULT_SETTINGS));
    for (const [name, [min, max]] of Object.entries(ranges) as [string, [number, number]][]) {
      for (const good of [min, max]) {
        expect(settingsOf(JSON.stringify({ default: { [name]: good } }), 1)).toMatchObject({ [name]: good });
      }
      for (const bad of [min - 1, max + 1, min + 0.5, String(min), null, true]) {
        expect(problemOf({ 480: { [name]: bad } })).toBe(
          `APP_SETTINGS sets ${name} of "480" to something else than an integer from ${min} to ${max}`,
        );
      }
    }
  });

  test.each([
    ["no JSON", "{nope", "is not JSON"],
    ["a list", [], "must be a JSON object from app id to settings"],
    ["null", "null", "must be a JSON object from app id to settings"],
    ["a number", 5, "must be a JSON object from app id to settings"],
    ["app 0", { 0: {} }, 'has the key "0", which is no app id'],
    ["an app above 2^32", { 4_294_967_296: {} }, 'has the key "4294967296", which is no app id'],
    ["an app with a leading zero", { "0480": {} }, 'has the key "0480", which is no app id'],
    ["a name", { Default: {} }, 'has the key "Default", which is no app id'],
    ["__proto__", '{"__proto__":{"maxPayload":1}}', 'has the key "__proto__", which is no app id'],
    ["a long key", { ["x".repeat(100)]: {} }, `has the key "${"x".repeat(40)}", which is no app id`],
    ["settings that are no object", { 480: 5 }, 'must hold an object for "480"'],
    ["settings that are null", { default: null }, 'must hold an object for "default"'],
    [
      "an unknown setting",
      { 480: { idleTimeout: 5 } },
      `has the unknown setting "idleTimeout" for "480" (known: ${Object.keys(DEFAULT_SETTINGS).join(", ")})`,
    ],
    ["a setting of every object", '{"480":{"toString":5}}', 'has the unknown setting "toString" for "480"'],
  ])("%s is refused with a message that names it", (_, settings, message) => {
    expect(problemOf(settings)).toContain(`APP_SETTINGS ${message}`);
  });

  test("the largest app id", () => {
    expect(settingsOf('{"4294967295":{"maxPayload":7}}', 4_294_967_295).maxPayload).toBe(7);
  });
});

test("a ghost is two heartbeats and a little", () => {
  expect(TIMES.ghostMs).toBeGreaterThan(2 * TIMES.heartbeatMs);
  expect(TIMES.ghostMs).toBeLessThan(2.5 * TIMES.heartbeatMs);
});
