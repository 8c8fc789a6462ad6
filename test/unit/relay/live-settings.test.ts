/** Settings that change while peers are here: they hold for all of them at once, and send nobody away. */
import { describe, expect, test } from "vitest";
import {
  type AppSettings,
  DEFAULT_SETTINGS,
  LIVE_SETTINGS,
  RANGES,
  type SettingOverrides,
  checkOverrides,
  limitsFor,
  parseSettings,
} from "../../../src/relay/settings.ts";
import { ALICE, BOB, CAROL, TestRoom, frames } from "../../support/room.ts";

const BASE = { graceMs: 0, coalesceMs: 0 };

function setup(settings: Partial<AppSettings> = {}) {
  const room = new TestRoom({ settings });
  const [a, b] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(a, b);
  const apply = (overrides: Partial<AppSettings>) =>
    room.room.applySettings({ ...DEFAULT_SETTINGS, ...BASE, ...settings, ...overrides }, room.now);
  return { room, a, b, handle, apply };
}

const errorsOf = (peer: { heard(): { frame?: string | undefined }[] }) =>
  peer.heard().filter(({ frame }) => frame === "error");

describe("what is open follows", () => {
  test("idleTimeoutMs, shorter and longer", () => {
    const { room, apply } = setup();
    apply({ idleTimeoutMs: 20_000 });
    for (let i = 0; i < 4; i++) {
      for (const peer of room.peers) peer.ping();
      room.advance(10_000);
    }
    expect(room.statistics).toMatchObject({ activeConnections: 0, peers: 2 });
    const patient = setup({ idleTimeoutMs: 20_000 });
    patient.apply({ idleTimeoutMs: 3_600_000 });
    for (let i = 0; i < 20; i++) {
      for (const peer of patient.room.peers) peer.ping();
      patient.room.advance(10_000);
    }
    expect(patient.room.statistics).toMatchObject({ activeConnections: 1, peers: 2 });
  });

  test("maxPayload and maxConnectionsPerPeer", () => {
    const { room, a, b, handle, apply } = setup();
    apply({ maxPayload: 4, maxConnectionsPerPeer: 1 });
    a.send(frames.data(handle, "12345"), frames.data(handle, "1234"));
    expect(errorsOf(a)).toMatchObject([{ error: "payload_too_large" }]);
    expect(b.heard()).toHaveLength(1);
    a.send(frames.connect(CAROL, { port: 1 }));
    expect(errorsOf(a)).toHaveLength(1);
    apply({});
    a.send(frames.data(handle, "12345"));
    expect(b.heard()).toHaveLength(1);
    expect(room.statistics.peers).toBe(2);
  });

  test("messagesPerSecond, of the class that the ticket names", () => {
    const slow = { ...DEFAULT_SETTINGS, messagesPerSecond: 2 };
    const room = new TestRoom();
    const [a, b] = [room.join(ALICE), room.join(BOB, { rateClass: "server" })];
    const handle = room.pair(a, b);
    room.room.applySettings({ ...slow, graceMs: 0, classes: new Map([["server", DEFAULT_SETTINGS]]) }, room.now);
    for (let i = 0; i < 6; i++) for (const peer of [a, b]) peer.send(frames.data(handle, "x"));
    expect(errorsOf(a)).toHaveLength(2); // four at once, two beyond, and eight would be a flood
    expect(errorsOf(b)).toHaveLength(0);
    expect(room.statistics).toMatchObject({ peers: 2, drops: { rate_limited: 2 } });
    room.room.applySettings({ ...DEFAULT_SETTINGS, graceMs: 0 }, room.now);
    for (let i = 0; i < 100; i++) a.send(frames.data(handle, "x"));
    expect(errorsOf(a)).toHaveLength(0);
  });

  test("connectsPerSecond and connectionBytesPerSecond", () => {
    const { a, b, handle, apply } = setup({ connectionBytesPerSecond: 10 });
    apply({ connectBurst: 1, connectsPerSecond: 1, connectionBytesPerSecond: 0 });
    a.send(frames.data(handle, "x".repeat(1_000)));
    expect(b.heard()).toHaveLength(1);
    a.send(frames.connect(CAROL, { port: 1 }), frames.connect(CAROL, { port: 2 }));
    expect(errorsOf(a)).toHaveLength(1);
  });

  test("maxPeers, graceMs, connectTimeoutMs and paceIntervalMs, which are looked up when they are needed", () => {
    const { room, a, apply } = setup();
    apply({ maxPeers: 1, graceMs: 5_000, connectTimeoutMs: 2_000 });
    expect(room.refusalOf(CAROL)?.code).toBe("room_full");
    a.send(frames.connect(CAROL, { port: 1 }));
    a.take();
    room.advance(2_000);
    expect(a.heard()).toMatchObject([{ frame: "close" }]);
    a.drop();
    expect(room.statistics).toMatchObject({ peers: 1, away: 1 });
  });

  test("maxQueuedBytes and coalesceMs", () => {
    const { room, a, b, handle, apply } = setup({ maxQueuedBytes: 64 * 1024 * 1024 });
    apply({ maxQueuedBytes: 64 * 1024, coalesceMs: 50 });
    b.isReading = false;
    b.socket.buffered = 1_000_000;
    for (let i = 0; i < 20; i++) a.send(frames.data(handle, new Uint8Array(16_384)));
    expect(room.statistics.drops.peer_stalled).toBeGreaterThan(0);
    expect(room.statistics.peers).toBe(2);
  });
});

describe("a session that changes its socket", () => {
  test("keeps what it has used up of the new limits", () => {
    const room = new TestRoom({ settings: { graceMs: 10_000 } });
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(a, b);
    const limited = { ...DEFAULT_SETTINGS, messagesPerSecond: 2, graceMs: 10_000 };
    room.room.applySettings(limited, room.now);
    for (let i = 0; i < 5; i++) a.send(frames.data(handle, "x"));
    a.drop();
    const again = room.resume(a);
    again.take();
    again.send(frames.data(handle, "x"));
    expect(errorsOf(again)).toHaveLength(1);
  });
});

describe("overrides", () => {
  const parsed = parseSettings(
    JSON.stringify({
      default: { maxPeers: 7, classes: { server: { connectBurst: 9 } } },
      480: { messagesPerSecond: 11 },
    }),
  );
  if (!parsed.ok) throw new Error(parsed.message);

  test("come before what the deployment sets, and are what a class does not set", () => {
    const settings = parsed.settingsFor(480, { messagesPerSecond: 5, maxPayload: 99 });
    expect(settings).toMatchObject({ messagesPerSecond: 5, maxPayload: 99, maxPeers: 7 });
    expect(limitsFor(settings, "server")).toMatchObject({ messagesPerSecond: 5, connectBurst: 9 });
    expect(parsed.settingsFor(480)).toMatchObject({ messagesPerSecond: 11, maxPeers: 7 });
  });

  test.each(LIVE_SETTINGS)("%s within its range", (name) => {
    const { min, max } = RANGES[name];
    for (const value of [min, max]) {
      expect(checkOverrides({ [name]: value })).toEqual({ ok: true, overrides: { [name]: value } });
    }
    for (const value of [min - 1, max + 1, min + 0.5, String(min), null]) {
      expect(checkOverrides({ [name]: value })).toEqual({
        ok: false,
        message: `this sets ${name} of the app to something else than an integer from ${min} to ${max}`,
      });
    }
  });

  test.each([
    [[], "settings must be a JSON object from setting to number"],
    [null, "settings must be a JSON object from setting to number"],
    [{ joinsPerMinute: 5 }, "joinsPerMinute can only be set in APP_SETTINGS: it holds before a room is known"],
    [{ classes: {} }, 'this has the unknown setting "classes" for the app (known: idleTimeoutMs, '],
    [JSON.parse('{"__proto__":{"maxPeers":5}}'), 'this has the unknown setting "__proto__"'],
  ])("%j are refused", (values: SettingOverrides, message) => {
    const checked = checkOverrides(values);
    expect(checked.ok ? undefined : checked.message).toContain(message);
  });

  test("none are good, too", () => {
    expect(checkOverrides({})).toEqual({ ok: true, overrides: {} });
  });
});
