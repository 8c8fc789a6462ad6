import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  CONTROL_FRAMES,
  CloseFlag,
  ClosedBy,
  ConnectionState,
  ConnectionType,
  DATA_PAYLOAD_OFFSET,
  DROP_REASONS,
  DataFlag,
  ERRORS,
  FIRST_IGNORABLE_TYPE,
  FrameType,
  MAX_BATCH,
  MAX_DEBUG,
  MAX_ERROR_TEXT,
  MAX_MULTICAST,
  MAX_PAYLOAD,
  PING,
  PONG,
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX,
  connectionStateName,
  connectionTypeName,
  hasVirtualPort,
  isConnectionType,
  isControlType,
  multicastPayloadOffset,
} from "../../../src/protocol/index.ts";

import { ASKED_FRAMES } from "../../support/frames.ts";

const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

describe("frame types", () => {
  const types = Object.entries(FrameType);

  test("have no number twice", () => {
    expect(new Set(types.map(([, type]) => type)).size).toBe(types.length);
  });

  test("[P4] [T1] [Q1] [G1] [V1] are below the ones that a reader may skip, but for hints and what only some clients know", () => {
    expect(FIRST_IGNORABLE_TYPE).toBe(0x80);
    const skippable = types.filter(([, type]) => type >= FIRST_IGNORABLE_TYPE).map(([name]) => name);
    expect(skippable).toEqual(["Pace", "Quality", "Join", "Joined", "Leave", "Cast", "Attend", "Host"]);
  });

  test("are the ones of docs/protocol.md", () => {
    const rows = [...page.matchAll(/\| (0x[0-9a-f]{2}) \| (\w+) \|/g)].map(([, type, name]) => [name, Number(type)]);
    expect(Object.fromEntries(rows)).toEqual(
      Object.fromEntries(types.map(([name, type]) => [name.toLowerCase(), type])),
    );
  });

  test("are control frames, end to end, or of groups and hosting", () => {
    const endToEnd = [FrameType.Data, FrameType.Ack, FrameType.Probe, FrameType.Multicast] as number[];
    const asked = [FrameType.Cast, ...Object.values(ASKED_FRAMES).map(({ type }) => type)];
    for (let type = 0; type <= 0xff; type++) {
      const known = types.some(([, value]) => value === type);
      expect(isControlType(type), `type ${type}`).toBe(known && !endToEnd.includes(type) && !asked.includes(type));
    }
  });

  test("of control frames stand under their own name", () => {
    const named = Object.entries(CONTROL_FRAMES).map(([name, { type }]) => [name, type]);
    const control = types.filter(([, type]) => isControlType(type)).map(([name, type]) => [name.toLowerCase(), type]);
    expect(named).toEqual(control);
  });
});

test.each([
  ["data", DataFlag],
  ["close", CloseFlag],
])("flags of a %s frame are one bit each", (_, flags) => {
  const bits = Object.values(flags);
  expect(new Set(bits).size).toBe(bits.length);
  for (const bit of bits) expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(bit);
});

describe("connections", () => {
  test.each(Object.entries(ConnectionType))("the family %s is named as its constant", (name, type) => {
    expect(connectionTypeName(type)).toBe(name);
    expect(isConnectionType(type)).toBe(true);
  });

  test.each([-1, 4, 255, 1.5, Number.NaN])("%d is no family", (value) => {
    expect(isConnectionType(value)).toBe(false);
  });

  test.each(Object.entries(ConnectionState))("the state %s is named as its constant", (name, state) => {
    expect(connectionStateName(state)).toBe(name);
  });

  test("[C1] a virtual port is what NetworkOld and NetworkingSockets have", () => {
    const withPort = Object.entries(ConnectionType).filter(([, type]) => hasVirtualPort(type));
    expect(withPort.map(([name]) => name)).toEqual(["NetworkOld", "NetworkingSockets"]);
  });

  test("[C8] who closed is numbered as the wire has it", () => {
    expect(ClosedBy).toEqual({ Local: 0, Peer: 1, Relay: 2 });
  });
});

describe("limits", () => {
  test("the longest texts fit the length byte before them", () => {
    expect(MAX_DEBUG).toBe(127);
    expect(MAX_ERROR_TEXT).toBeLessThanOrEqual(255);
  });

  test("a full frame to as many targets as there may be fits one message", () => {
    expect(DATA_PAYLOAD_OFFSET + MAX_PAYLOAD).toBeLessThan(MAX_BATCH);
    expect(multicastPayloadOffset(MAX_MULTICAST) + MAX_PAYLOAD).toBeLessThan(MAX_BATCH);
  });

  test("[P8] the keep-alive pair", () => {
    expect([PING, PONG]).toEqual(["ping", "pong"]);
  });

  test("the subprotocols are tokens as RFC 6455 §4.1 wants them", () => {
    expect(SUBPROTOCOL).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(TICKET_SUBPROTOCOL_PREFIX).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(SUBPROTOCOL.startsWith(TICKET_SUBPROTOCOL_PREFIX)).toBe(false);
  });
});

test("[D7] drop reasons are distinct, and those that are the sender's fault are named as their error", () => {
  expect(new Set(DROP_REASONS).size).toBe(DROP_REASONS.length);
  expect(DROP_REASONS.filter((reason) => !Object.hasOwn(ERRORS, reason))).toEqual([
    "peer_away",
    "peer_stalled",
    "connection_rate_limited",
  ]);
});
