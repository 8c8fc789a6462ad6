/** Settings that bound abuse, and the rate classes that a ticket may name. */
import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS, limitsFor, parseSettings } from "../../../src/relay/settings.ts";
import { ALICE, TestRoom } from "../../support/room.ts";

function settingsOf(settings: unknown, app = 480) {
  const parsed = parseSettings(JSON.stringify(settings));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.settingsFor(app);
}

function problemOf(settings: string | object): string {
  const parsed = parseSettings(typeof settings === "string" ? settings : JSON.stringify(settings));
  if (parsed.ok) throw new Error("it was accepted");
  return parsed.message;
}

test("the defaults", () => {
  expect(DEFAULT_SETTINGS).toMatchObject({
    maxPeers: 16_384,
    joinsPerMinute: 120,
    connectBurst: 256,
    connectsPerSecond: 64,
    monthlyBytes: 0,
  });
  expect(DEFAULT_SETTINGS.classes).toBeUndefined();
});

test.each([
  ["maxPeers", 1, 32_768],
  ["joinsPerMinute", 0, 1_000_000],
  ["connectBurst", 1, 65_536],
  ["connectsPerSecond", 1, 65_536],
  ["monthlyBytes", 0, Number.MAX_SAFE_INTEGER],
])("%s is an integer from %d to %d", (name, min, max) => {
  for (const good of [min, max]) expect(settingsOf({ default: { [name]: good } })).toMatchObject({ [name]: good });
  for (const bad of [min - 1, max + 1, min + 0.5, String(min), null, true]) {
    expect(problemOf({ 480: { [name]: bad } })).toBe(
      `APP_SETTINGS sets ${name} of "480" to something else than an integer from ${min} to ${max}`,
    );
  }
});

describe("rate classes", () => {
  const text = {
    default: { messagesPerSecond: 10, classes: { server: { messagesPerSecond: 5_000 }, bot: { connectBurst: 1 } } },
    480: { connectBurst: 99, classes: { server: { connectsPerSecond: 7 }, "a-b_9": {} } },
  };

  test("what a class does not set is the app's own; an app's class replaces the default's of that name", () => {
    const settings = settingsOf(text);
    const own = { messagesPerSecond: 10, connectBurst: 99, connectsPerSecond: 64 };
    expect(limitsFor(settings, undefined)).toMatchObject(own);
    expect(limitsFor(settings, "a-b_9")).toMatchObject(own);
    expect(limitsFor(settings, "server")).toMatchObject({ ...own, connectsPerSecond: 7 });
    expect(limitsFor(settings, "bot")).toMatchObject({ ...own, connectBurst: 1 });
    expect(limitsFor(settingsOf(text, 730), "server")).toMatchObject({ messagesPerSecond: 5_000, connectBurst: 256 });
  });

  test("a class that there is not gets the app's own limits, also by the names of every object", () => {
    const settings = settingsOf(text);
    for (const name of ["other", "constructor", "__proto__", "toString", ""]) {
      expect(limitsFor(settings, name)).toBe(settings);
    }
    expect(limitsFor(DEFAULT_SETTINGS, "server")).toBe(DEFAULT_SETTINGS);
  });

  test("may be called what every object has", () => {
    const parsed = parseSettings(
      '{"480":{"classes":{"__proto__":{"connectBurst":3},"constructor":{"connectBurst":4}}}}',
    );
    if (!parsed.ok) throw new Error(parsed.message);
    expect(limitsFor(parsed.settingsFor(480), "__proto__").connectBurst).toBe(3);
    expect(limitsFor(parsed.settingsFor(480), "constructor").connectBurst).toBe(4);
    expect(limitsFor(parsed.settingsFor(481), "constructor").connectBurst).toBe(256);
  });

  test.each([
    [{ classes: [] }, 'must hold an object for classes of "480", from class to limits'],
    [{ classes: null }, 'must hold an object for classes of "480", from class to limits'],
    [
      { classes: { Server: {} } },
      'has the class "Server" for "480", whose name must be 1 to 32 characters of a-z 0-9 _ -',
    ],
    [{ classes: { "": {} } }, 'has the class "" for "480"'],
    [{ classes: { ["x".repeat(33)]: {} } }, `has the class "${"x".repeat(33)}" for "480"`],
    [{ classes: { server: 5 } }, 'must hold an object for class "server" of "480"'],
    [
      { classes: { server: { maxPayload: 5 } } },
      'has the unknown setting "maxPayload" for class "server" of "480" (known: maxConnectionsPerPeer, messagesPerSecond, ' +
        "bytesPerSecond, connectionBytesPerSecond, connectBurst, connectsPerSecond, groupCopiesPerSecond)",
    ],
    [{ classes: { server: { classes: {} } } }, 'has the unknown setting "classes" for class "server" of "480"'],
    [
      { classes: { server: { connectBurst: 0 } } },
      'sets connectBurst of class "server" of "480" to something else than an integer from 1 to 65536',
    ],
  ])("%j is refused with a message that names app, class and setting", (values, message) => {
    expect(problemOf({ 480: values })).toContain(`APP_SETTINGS ${message}`);
  });

  test("the welcome tells the limits of the peer's class, and they hold through an eviction", () => {
    const room = new TestRoom({ settings: settingsOf(text) });
    const alice = room.guest(ALICE, { rateClass: "bot" }).hello();
    expect(alice.heard()[0]).toMatchObject({ frame: "welcome", messagesPerSecond: 10 });
    expect(alice.link.rates.limits.connectBurst).toBe(1);
    room.evict();
    expect(alice.link.rates.limits.connectBurst).toBe(1);
    const classes = new Map([["vip", { ...DEFAULT_SETTINGS, maxConnectionsPerPeer: 2, bytesPerSecond: 9_999_999 }]]);
    const vip = new TestRoom({ settings: { classes } }).guest(ALICE, { rateClass: "vip" }).hello();
    expect(vip.heard()[0]).toMatchObject({ frame: "welcome", maxConnections: 2, bytesPerSecond: 9_999_999 });
  });
});
