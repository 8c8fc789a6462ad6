/** The golden bytes of test/vectors, both ways. The encoder under test did not write them: see the README beside them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type AnyField, bytes8, u64 } from "../../../src/protocol/fields.ts";
import {
  CONTROL_FRAMES,
  type ControlFrame,
  type ControlFrameName,
  ERRORS,
  FrameType,
  type MulticastTarget,
  PROBE_ANSWER,
  PROTOCOL_VERSION,
  SUBPROTOCOL,
  decodeControl,
  encodeControl,
  encodeFrame,
  frameEnd,
} from "../../../src/protocol/index.ts";
import {
  ASKED_FRAMES,
  type WalkedFrame,
  ackFrame,
  batch,
  castFrame,
  dataFrame,
  multicastFrame,
  probeFrame,
  walk,
} from "../../support/frames.ts";

type Values = Record<string, unknown>;
interface Vector {
  name: string;
  frame: string;
  flags: number;
  lane: number;
  values: Values;
  hex: string;
}
interface BatchVector {
  name: string;
  frames: string[];
  hex: string;
}
interface Vectors {
  protocol: string;
  version: number;
  frames: Vector[];
  batches: BatchVector[];
  skippable: BatchVector[];
  extended: Vector[];
  cut: Vector[];
  invalid: { name: string; hex: string; error: string }[];
}

const vectors = JSON.parse(readFileSync(new URL("../../vectors/protocol-v1.json", import.meta.url), "utf8")) as Vectors;

/** For a table of tests that are named by their vector. */
function named<V extends { name: string }>(list: readonly V[]): [string, V][] {
  return list.map((vector) => [vector.name, vector]);
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fieldsOf(frame: string): [string, AnyField][] {
  return Object.entries(CONTROL_FRAMES[frame as ControlFrameName].fields);
}

/** The vector's values as the encoder takes them: u64 is text in JSON, and bytes are hex. */
function encode({ frame, flags, lane, values }: Vector): Uint8Array {
  if (frame in CONTROL_FRAMES) {
    const typed = fieldsOf(frame).map(([key, field]) => {
      const value = values[key];
      if (field === u64) return [key, BigInt(value as string)];
      return [key, field === bytes8 ? fromHex(value as string) : value];
    });
    return encodeControl(frame as ControlFrameName, Object.fromEntries(typed), flags);
  }
  const asked = ASKED_FRAMES[frame];
  if (asked) {
    const typed = asked.fields.map(([key, field]) => [
      key,
      field === u64 ? BigInt(values[key] as string) : values[key],
    ]);
    return encodeFrame(asked, Object.fromEntries(typed), flags);
  }
  const numbers = values as Record<string, number> & { handle: number };
  const payload = fromHex((values["payload"] as string | undefined) ?? "");
  switch (frame) {
    case "data":
      return dataFrame({ ...numbers, flags, lane, payload });
    case "cast":
      return castFrame({
        group: values["group"] as number,
        number: values["number"] as number,
        sender: BigInt(values["sender"] as string),
        payload,
      });
    case "ack":
      return ackFrame({ ...(numbers as unknown as Parameters<typeof ackFrame>[0]), lane });
    case "probe":
      return probeFrame({
        ...(numbers as unknown as Parameters<typeof probeFrame>[0]),
        answer: (flags & PROBE_ANSWER) !== 0,
      });
    case "multicast":
      return multicastFrame({
        targets: values["targets"] as MulticastTarget[],
        channel: values["channel"] as number,
        flags,
        lane,
        payload,
      });
    default:
      throw new Error(`No encoder for ${frame}`);
  }
}

function jsonOfControl({ frame, values }: ControlFrame): Values {
  const record = values as Values;
  const plain = fieldsOf(frame).map(([key, field]) => {
    const value = record[key];
    if (field === u64) return [key, String(value)];
    return [key, field === bytes8 ? toHex(value as Uint8Array) : value];
  });
  return Object.fromEntries(plain) as Values;
}

/** What was decoded, as the JSON says it. Key order is compared, too: it is the order on the wire. */
function jsonOf(walked: WalkedFrame): string {
  const { type, flags, lane, control, data, ack, probe, multicast, asked, cast } = walked;
  const frame = Object.entries(FrameType)
    .find(([, value]) => value === type)?.[0]
    .toLowerCase();
  let values: Values = {};
  if (control) {
    values = jsonOfControl(control);
  } else if (data) {
    const { handle, channel, number, sequence, payload } = data;
    values = { handle, channel, number, sequence, payload: toHex(payload) };
  } else if (asked) {
    values = Object.fromEntries(
      Object.entries(asked.values).map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]),
    );
  } else if (cast) {
    const { group, number, sender, payload } = cast;
    values = { group, number, sender: String(sender), payload: toHex(payload) };
  } else if (ack) {
    const { handle, cumulative, selective, window } = ack;
    values = { handle, cumulative, selective, window };
  } else if (probe) {
    const { handle, stamp, quality, jitter, held } = probe;
    values = { handle, stamp, quality, jitter, ...(held !== undefined && { held }) };
  } else if (multicast) {
    values = { ...multicast, payload: toHex(multicast.payload) };
  }
  return JSON.stringify({ frame, flags, lane, values });
}

function expected({ frame, flags, lane, values }: Vector): string {
  return JSON.stringify({ frame, flags, lane, values });
}

function vectorNamed(name: string): Vector {
  const found = vectors.frames.find((vector) => vector.name === name);
  if (!found) throw new Error(`No vector is named ${name}`);
  return found;
}

/** Every message once as it is, and once inside of a larger buffer where it does not begin at 0. */
function placements(hex: string): Uint8Array[] {
  const bytes = fromHex(hex);
  const larger = new Uint8Array(bytes.length + 29).fill(0xa5);
  larger.set(bytes, 13);
  return [bytes, larger.subarray(13, 13 + bytes.length)];
}

describe("frames", () => {
  test.each(named(vectors.frames))("[P2] %s: encodes to the golden bytes", (_, vector) => {
    expect(toHex(encode(vector))).toBe(vector.hex.replaceAll(" ", ""));
  });

  test.each(named(vectors.frames))("[P2] %s: decodes from the golden bytes", (_, vector) => {
    for (const bytes of placements(vector.hex)) {
      expect(walk(bytes).map(jsonOf)).toEqual([expected(vector)]);
    }
  });
});

describe("batches", () => {
  test.each(named(vectors.batches))("[P1] %s", (_, { frames, hex }) => {
    const parts = frames.map(vectorNamed);
    expect(toHex(batch(...parts.map(encode)))).toBe(hex.replaceAll(" ", ""));
    for (const bytes of placements(hex)) {
      expect(walk(bytes).map(jsonOf)).toEqual(parts.map(expected));
    }
  });

  test.each(named(vectors.skippable))("[P4] skips %s", (_, { frames, hex }) => {
    for (const bytes of placements(hex)) {
      const known = walk(bytes).filter(({ type }) => type < 0x80);
      expect(known.map(jsonOf)).toEqual(frames.map(vectorNamed).map(expected));
      expect(known.length).toBeLessThan(walk(bytes).length);
    }
  });
});

describe("what a reader tolerates, and a writer does not write", () => {
  test.each(named(vectors.extended))("[P6] [P9] %s", (_, vector) => {
    for (const bytes of placements(vector.hex)) {
      expect(walk(bytes).map(jsonOf)).toEqual([expected(vector)]);
    }
    expect(toHex(encode({ ...vector, flags: 0 }))).not.toBe(vector.hex.replaceAll(" ", ""));
  });

  test.each(named(vectors.cut))("[P6] a text over its limit is cut, never inside a character: %s", (_, vector) => {
    expect(toHex(encode(vector))).toBe(vector.hex.replaceAll(" ", ""));
  });
});

describe("invalid", () => {
  test.each(named(vectors.invalid))("[P3] [P4] [P6] [P7] %s", (_, { hex, error }) => {
    expect(Object.keys(ERRORS)).toContain(error);
    for (const bytes of placements(hex)) {
      expect(() => walk(bytes)).toThrow(new RegExp(`^${error} at `));
    }
  });

  // Straight to the source, so that these do not hang on what the helper makes of them.
  test.each(named(vectors.invalid.filter(({ error }) => error === "truncated_batch")))(
    "[P3] %s: some frame has no end",
    (_, { hex }) => {
      const bytes = fromHex(hex);
      const view = new DataView(bytes.buffer);
      let end = 0;
      for (let steps = 0; end >= 0 && end < bytes.length && steps < 9; steps++) end = frameEnd(view, end);
      expect(end).toBe(-1);
    },
  );

  const control = vectors.invalid.filter(({ hex, error }) => error === "malformed_frame" && /^[01]/.test(hex));
  test.each(named(control))("[P6] %s: decodes to undefined", (_, { hex }) => {
    for (const bytes of placements(hex)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      expect(frameEnd(view, 0)).toBeGreaterThan(0);
      expect(decodeControl(view, 0)).toBeUndefined();
    }
  });
});

describe("the file", () => {
  test("is of this version", () => {
    expect([vectors.protocol, vectors.version]).toEqual([SUBPROTOCOL, PROTOCOL_VERSION]);
  });

  test.each(Object.keys(FrameType))("has more than one %s frame", (type) => {
    expect(vectors.frames.filter(({ frame }) => frame === type.toLowerCase()).length).toBeGreaterThan(1);
  });

  test("names everything once", () => {
    for (const list of [vectors.frames, vectors.batches, vectors.skippable, vectors.extended, vectors.invalid]) {
      expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
    }
  });

  test("has every error that bytes alone can cause", () => {
    const errors = [...new Set(vectors.invalid.map(({ error }) => error))].toSorted();
    expect(errors).toEqual(["malformed_frame", "truncated_batch", "unknown_frame"]);
  });
});
