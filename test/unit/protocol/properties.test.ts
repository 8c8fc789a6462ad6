/**
 * What holds for every frame, from the schema itself: a frame that is added to CONTROL_FRAMES is tested with no line
 * added here.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AnyField,
  type Cursor,
  type Field,
  bytes8,
  i32,
  text8,
  u16,
  u32,
  u64,
  u8,
} from "../../../src/protocol/fields.ts";
import {
  type Ack,
  CAST_PAYLOAD_OFFSET,
  CONTROL_FRAMES,
  type ControlFrame,
  type ControlFrameName,
  DATA_PAYLOAD_OFFSET,
  type DataHeader,
  FrameType,
  HEADER_SIZE,
  MAX_MULTICAST,
  type MulticastTarget,
  type Probe,
  decodeControl,
  decodeFrame,
  encodeControl,
  encodeFrame,
  frameEnd,
  readAck,
  readCastHeader,
  readDataHeader,
  readProbe,
  writeAck,
  writeCastHeader,
  writeDataHeader,
  writeMulticastHeader,
  writeProbe,
} from "../../../src/protocol/index.ts";
import {
  ASKED_FRAMES,
  ackFrame,
  batch,
  dataFrame,
  multicastFrame,
  probeFrame,
  walk,
  type WalkedFrame,
} from "../../support/frames.ts";

const RUNS = { numRuns: 1000 };

/* Arbitraries, from the schema */

const byte = fc.integer({ min: 0, max: 0xff });
const word = fc.integer({ min: 0, max: 0xffff });
const dword = fc.integer({ min: 0, max: 0xffff_ffff });
const signed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const payloads = fc.uint8Array({ maxLength: 600 });
const utf8 = new TextEncoder();

const OF_FIELD = new Map<AnyField, fc.Arbitrary<unknown>>([
  [u8, byte],
  [u16, word],
  [u32, dword],
  [i32, signed],
  [u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  [bytes8, fc.uint8Array({ maxLength: 255 })],
]);

/** Texts of at most `max` bytes; often exactly so many. */
function texts(max: number): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom("x", "é", "€", "🎮"),
  );
  return fc.array(unit, { maxLength: max, size: "max" }).map((characters) => {
    let text = "";
    let size = 0;
    for (const character of characters) {
      size += utf8.encode(character).length;
      if (size > max) break;
      text += character;
    }
    return text;
  });
}

function ofField(field: AnyField): fc.Arbitrary<unknown> {
  const known = OF_FIELD.get(field);
  if (known) return known;
  // What is not in the table is a text; its limit is how much of a long one it takes.
  const limit = (field as { size(value: string): number }).size("x".repeat(1000)) - 1;
  return texts(limit);
}

/** Keys in wire order: `fc.record` would not promise it. */
function valuesOf(name: ControlFrameName): fc.Arbitrary<Record<string, unknown>> {
  const fields: [string, AnyField][] = Object.entries(CONTROL_FRAMES[name].fields);
  return fc
    .tuple(...fields.map(([, field]) => ofField(field)))
    .map((values) => Object.fromEntries(fields.map(([key], index) => [key, values[index]])));
}

interface Control {
  frame: ControlFrameName;
  flags: number;
  values: Record<string, unknown>;
}

const NAMES = Object.keys(CONTROL_FRAMES) as ControlFrameName[];

function controlOf(name: ControlFrameName): fc.Arbitrary<Control> {
  return fc.tuple(valuesOf(name), byte).map(([values, flags]) => ({ frame: name, flags, values }));
}

function encode({ frame, flags, values }: Control): Uint8Array<ArrayBuffer> {
  return encodeControl(frame, values as never, flags);
}

const dataHeaders: fc.Arbitrary<DataHeader> = fc.record(
  { flags: byte, lane: byte, handle: dword, channel: signed, number: dword, sequence: dword },
  { noNullPrototype: true },
);
const acks: fc.Arbitrary<Ack> = fc.record(
  { handle: dword, lane: byte, cumulative: dword, selective: dword, window: dword },
  { noNullPrototype: true },
);
const probes: fc.Arbitrary<Probe> = fc.record(
  { handle: dword, answer: fc.boolean(), stamp: dword, quality: word, jitter: word },
  { noNullPrototype: true },
);
const target: fc.Arbitrary<MulticastTarget> = fc.record(
  { handle: dword, number: dword, sequence: dword },
  { noNullPrototype: true },
);
const multicasts = fc.record(
  {
    flags: byte,
    lane: byte,
    channel: signed,
    targets: fc.array(target, { minLength: 1, maxLength: MAX_MULTICAST }),
    payload: payloads,
  },
  { noNullPrototype: true },
);

/** A frame's bytes, and what taking them apart must give. */
interface Sample {
  bytes: Uint8Array;
  walked: Partial<WalkedFrame>;
}

const controlSample: fc.Arbitrary<Sample> = fc
  .oneof(...NAMES.map(controlOf))
  .map((control) => ({ bytes: encode(control), walked: { control: control as unknown as ControlFrame } }));

const sample: fc.Arbitrary<Sample> = fc.oneof(
  controlSample,
  fc.tuple(dataHeaders, payloads).map(([header, payload]) => ({
    bytes: dataFrame({ ...header, payload }),
    walked: { type: FrameType.Data, data: { ...header, payload } },
  })),
  acks.map((ack) => ({ bytes: ackFrame(ack), walked: { type: FrameType.Ack, ack } })),
  probes.map((probe) => ({ bytes: probeFrame(probe), walked: { type: FrameType.Probe, probe } })),
  multicasts.map((frame) => ({
    bytes: multicastFrame(frame),
    walked: {
      type: FrameType.Multicast,
      flags: frame.flags,
      lane: frame.lane,
      multicast: { channel: frame.channel, targets: frame.targets, payload: frame.payload },
    },
  })),
);

/* Placing bytes where reading or writing beside them shows */

/** `bytes` in the middle of a larger buffer of `sentinel`, seen through a view with a byteOffset. */
function surrounded(bytes: Uint8Array, sentinel: number, before: number): DataView {
  const buffer = new Uint8Array(before + bytes.length + 300).fill(sentinel);
  buffer.set(bytes, before);
  return new DataView(buffer.buffer, before, bytes.length);
}

const before = fc.integer({ min: 1, max: 40 });

function exactly(bytes: Uint8Array): DataView {
  return new DataView(bytes.slice().buffer);
}

/** Runs `write` at `offset` of sentinel-filled buffers, and checks that it fills `size` bytes there and no other. */
function writtenAt(offset: number, size: number, write: (view: DataView, offset: number) => void): DataView {
  const [zeros, ones] = [0x00, 0xff].map((sentinel) => {
    const buffer = new Uint8Array(offset + size + 50).fill(sentinel);
    // byteOffset 1: a writer that forgets it writes one byte too early.
    write(new DataView(buffer.buffer, 1), offset - 1);
    const beside = [...buffer.subarray(0, offset), ...buffer.subarray(offset + size)];
    expect(beside.every((value) => value === sentinel)).toBe(true);
    return buffer.slice(offset, offset + size);
  }) as [Uint8Array, Uint8Array];
  expect(zeros).toEqual(ones);
  return exactly(zeros);
}

const offsets = fc.integer({ min: 1, max: 40 });

/* Hostile bytes */

/** A frame's header with a body that may or may not be what it says. */
const nearlyFrame: fc.Arbitrary<Uint8Array> = fc
  .record({
    type: fc.oneof(fc.constantFrom(...Object.values(FrameType)), byte),
    flags: byte,
    announced: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 80 }) },
      { weight: 1, arbitrary: dword },
    ),
    // Small bytes are likely lengths of the fields that have one.
    body: fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 120 }).map((bytes) => Uint8Array.from(bytes)),
    ),
  })
  .map(({ type, flags, announced, body }) => {
    const bytes = new Uint8Array(HEADER_SIZE + body.length);
    bytes.set([type, flags, 0, 0]);
    new DataView(bytes.buffer).setUint32(4, announced ?? body.length, true);
    bytes.set(body, HEADER_SIZE);
    return bytes;
  });

const hostile: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  nearlyFrame,
  fc.array(nearlyFrame, { maxLength: 5 }).map((frames) => batch(...frames)),
);

type Mutation = { at: number } & ({ set: number } | { remove: number } | { insert: Uint8Array } | { length: number });

const mutation: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.nat(),
    fc.oneof(
      byte.map((set) => ({ set })),
      fc.integer({ min: 1, max: 12 }).map((remove) => ({ remove })),
      fc.uint8Array({ minLength: 1, maxLength: 12 }).map((insert) => ({ insert })),
      fc.oneof(dword, fc.integer({ min: 0, max: 64 })).map((length) => ({ length })),
    ),
  )
  .map(([at, change]) => ({ at, ...change }));

function mutated(bytes: Uint8Array, change: Mutation): Uint8Array {
  const at = bytes.length === 0 ? 0 : change.at % bytes.length;
  if ("remove" in change) return batch(bytes.subarray(0, at), bytes.subarray(at + change.remove));
  if ("insert" in change) return batch(bytes.subarray(0, at), change.insert, bytes.subarray(at));
  const copy = bytes.slice();
  if ("set" in change) copy.fill(change.set, at, at + 1);
  else if (at + 8 <= copy.length) new DataView(copy.buffer).setUint32(at + 4, change.length, true);
  return copy;
}

/** Every end and every control frame that the decoder finds from each offset of the view, and one past its end. */
function everything(view: DataView): unknown[] {
  const found: unknown[] = [];
  for (let offset = 0; offset <= view.byteLength + 1; offset++) {
    found.push(frameEnd(view, offset), decodeControl(view, offset));
  }
  return found;
}

/** As the relay walks: to the end, or to the first frame that has none. */
function walkEnds(view: DataView): { ends: number[]; frames: number } {
  const ends: number[] = [];
  let frames = 0;
  let offset = 0;
  while (offset < view.byteLength) {
    const end = frameEnd(view, offset);
    if (end < 0) break;
    expect(end).toBeGreaterThanOrEqual(offset + HEADER_SIZE);
    expect(end).toBeLessThanOrEqual(view.byteLength);
    if (decodeControl(view, offset)) frames++;
    ends.push(end);
    offset = end;
  }
  return { ends, frames };
}

/* The properties */

describe.each(NAMES)("%s", (name) => {
  test("[P2] comes back as it was, and is as long as it announces", () => {
    fc.assert(
      fc.property(controlOf(name), before, (control, gap) => {
        const bytes = encode(control);
        const view = surrounded(bytes, 0xff, gap);
        expect(decodeControl(view, 0)).toEqual(control);
        expect(view.getUint8(0)).toBe(CONTROL_FRAMES[name].type);
        expect(view.getUint32(4, true)).toBe(bytes.length - HEADER_SIZE);
        expect(frameEnd(view, 0)).toBe(bytes.length);
      }),
      RUNS,
    );
  });

  test("[P3] cut anywhere has no end, and is no frame", () => {
    fc.assert(
      fc.property(controlOf(name), before, (control, gap) => {
        const bytes = encode(control);
        for (let size = 0; size < bytes.length; size++) {
          // What follows in the buffer is the rest of the frame itself: nothing but the view says that it is not there.
          const view = new DataView(surrounded(bytes, 0, gap).buffer, gap, size);
          if (frameEnd(view, 0) !== -1 || decodeControl(view, 0) !== undefined) expect.fail(`cut at ${size}`);
        }
      }),
      RUNS,
    );
  });

  test("[P6] with a body that ends before its fields is no frame, whatever follows", () => {
    fc.assert(
      fc.property(controlOf(name), (control) => {
        const bytes = encode(control);
        const view = new DataView(bytes.buffer);
        for (let length = 0; length < bytes.length - HEADER_SIZE; length++) {
          view.setUint32(4, length, true);
          if (frameEnd(view, 0) !== HEADER_SIZE + length) expect.fail(`length ${length} has another end`);
          if (decodeControl(view, 0) !== undefined) expect.fail(`length ${length} decodes`);
        }
      }),
      RUNS,
    );
  });

  test("[P6] with more bytes behind its fields is the same frame", () => {
    fc.assert(
      fc.property(controlOf(name), fc.uint8Array({ minLength: 1, maxLength: 50 }), (control, more) => {
        const bytes = batch(encode(control), more);
        const view = new DataView(bytes.buffer);
        view.setUint32(4, bytes.length - HEADER_SIZE, true);
        expect(decodeControl(view, 0)).toEqual(control);
      }),
      RUNS,
    );
  });
});

describe.each(Object.entries(ASKED_FRAMES))("%s", (_name, frame) => {
  const values = fc.record(Object.fromEntries(frame.fields.map(([key, field]) => [key, ofField(field as AnyField)])));

  test("[P2] [P6] comes back as it was, also with more behind it; cut anywhere it is no frame", () => {
    fc.assert(
      fc.property(values, fc.uint8Array({ maxLength: 20 }), (value, more) => {
        const bytes = encodeFrame(frame, value as never);
        const longer = batch(bytes, more);
        new DataView(longer.buffer).setUint32(4, longer.length - HEADER_SIZE, true);
        expect(decodeFrame(frame, new DataView(longer.buffer), 0)).toEqual(value);
        expect(bytes[0]).toBe(frame.type);
        for (let length = 0; length < bytes.length - HEADER_SIZE; length++) {
          new DataView(longer.buffer).setUint32(4, length, true);
          if (decodeFrame(frame, new DataView(longer.buffer), 0) !== undefined) expect.fail(`length ${length} decodes`);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("[G4] a cast comes back from any offset, and its writer touches nothing else", () => {
  const headers = fc.record({ group: dword, number: dword, sender: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) });
  fc.assert(
    fc.property(headers, fc.nat(20), fc.nat(600), (header, offset, size) => {
      const bytes = new Uint8Array(offset + CAST_PAYLOAD_OFFSET + 9).fill(0xa5);
      const view = new DataView(bytes.buffer);
      expect(writeCastHeader(view, offset, header, size)).toBe(offset + CAST_PAYLOAD_OFFSET);
      expect(readCastHeader(view, offset)).toEqual(header);
      expect(view.getUint32(offset + 4, true)).toBe(CAST_PAYLOAD_OFFSET - HEADER_SIZE + size);
      const around = [...bytes.subarray(0, offset), ...bytes.subarray(offset + CAST_PAYLOAD_OFFSET)];
      expect(around.every((byte) => byte === 0xa5)).toBe(true);
    }),
  );
});

interface Written {
  field: Field<unknown>;
  value: unknown;
}

function sizeOf(pairs: readonly Written[]): number {
  return pairs.reduce((size, { field, value }) => size + field.size(value), 0);
}

describe("fields in any order", () => {
  // A later revision appends behind the texts that stand last today (P6).
  const kinds: AnyField[] = [u8, u16, u32, i32, u64, bytes8, text8(0), text8(5), text8(127), text8(255)];
  const written = fc
    .array(fc.constantFrom(...kinds), { maxLength: 8 })
    .chain((fields) => fc.tuple(...fields.map((field) => ofField(field).map((value) => ({ field, value })))))
    .map((pairs) => pairs as Written[]);

  test("come back as they were, take their size, and touch nothing else", () => {
    fc.assert(
      fc.property(written, offsets, (pairs, offset) => {
        const size = sizeOf(pairs);
        const view = writtenAt(offset, size, (view, at) => {
          for (const { field, value } of pairs) {
            field.write(view, at, value);
            at += field.size(value);
          }
        });
        const cursor: Cursor = { view, offset: 0, end: size, failed: false };
        expect(pairs.map(({ field }) => field.read(cursor))).toEqual(pairs.map(({ value }) => value));
        expect(cursor).toMatchObject({ offset: size, failed: false });
      }),
      RUNS,
    );
  });

  test("fail when they are cut, and do not recover", () => {
    fc.assert(
      fc.property(written, fc.nat(), (pairs, cut) => {
        const size = sizeOf(pairs);
        fc.pre(size > 0);
        const view = new DataView(new ArrayBuffer(size + 300));
        let at = 0;
        for (const { field, value } of pairs) {
          field.write(view, at, value);
          at += field.size(value);
        }
        const cursor: Cursor = { view, offset: 0, end: cut % size, failed: false };
        for (const { field } of pairs) field.read(cursor);
        expect(cursor.failed).toBe(true);
        expect(cursor.offset).toBeLessThanOrEqual(cursor.end);
      }),
      RUNS,
    );
  });
});

describe("texts", () => {
  const anyUnits = fc.array(word, { maxLength: 400, size: "max" }).map((units) => String.fromCharCode(...units));
  const long = fc.array(fc.constantFrom("x", "é", "€", "🎮", "\ud83c"), { maxLength: 300, size: "max" });
  const any = fc.oneof(
    anyUnits,
    long.map((characters) => characters.join("")),
  );

  test.each([
    ["bye", "debug", 127],
    ["error", "message", 255],
  ] as const)("of a %s are cut to the most characters that fit", (name, key, limit) => {
    fc.assert(
      fc.property(any, (text) => {
        const values = { code: 1, reconnectAfterMs: 2, frame: 3, about: 4, debug: text, message: text };
        const frame = decodeControl(exactly(encodeControl(name, values)), 0);
        const kept = (frame?.values as Record<string, unknown> | undefined)?.[key] as string;
        const whole = text.toWellFormed();
        expect(whole.startsWith(kept)).toBe(true);
        const size = utf8.encode(kept).length;
        expect(size).toBeLessThanOrEqual(limit);
        const next = whole.codePointAt(kept.length);
        if (next !== undefined) {
          expect(size + utf8.encode(String.fromCodePoint(next)).length).toBeGreaterThan(limit);
        }
      }),
      RUNS,
    );
  });
});

describe("end-to-end frames", () => {
  test("[P2] a data header comes back from any offset, and its writer touches nothing else", () => {
    fc.assert(
      fc.property(dataHeaders, payloads, offsets, (header, payload, offset) => {
        const write = (view: DataView, at: number) => {
          expect(writeDataHeader(view, at, header, payload.length)).toBe(at + DATA_PAYLOAD_OFFSET);
        };
        const view = writtenAt(offset, DATA_PAYLOAD_OFFSET, write);
        const into: DataHeader = { flags: 1, lane: 1, handle: 1, channel: 1, number: 1, sequence: 1 };
        readDataHeader(view, 0, into);
        expect(into).toEqual(header);
        expect([view.getUint8(0), view.getUint8(3)]).toEqual([FrameType.Data, 0]);
        expect(HEADER_SIZE + view.getUint32(4, true)).toBe(DATA_PAYLOAD_OFFSET + payload.length);
      }),
      RUNS,
    );
  });

  test("[P2] an ack comes back from any offset, and its writer touches nothing else", () => {
    fc.assert(
      fc.property(acks, offsets, (ack, offset) => {
        const view = writtenAt(offset, 24, (view, at) => writeAck(view, at, ack));
        expect(readAck(view, 0)).toEqual(ack);
        expect([view.getUint8(0), view.getUint8(1), view.getUint8(3)]).toEqual([FrameType.Ack, 0, 0]);
        expect(frameEnd(view, 0)).toBe(view.byteLength);
      }),
      RUNS,
    );
  });

  test("[P2] a probe comes back from any offset, and its writer touches nothing else", () => {
    fc.assert(
      fc.property(probes, offsets, (probe, offset) => {
        const view = writtenAt(offset, 20, (view, at) => writeProbe(view, at, probe));
        expect(readProbe(view, 0)).toEqual(probe);
        expect([view.getUint8(0), view.getUint8(2), view.getUint8(3)]).toEqual([FrameType.Probe, 0, 0]);
        expect(frameEnd(view, 0)).toBe(view.byteLength);
      }),
      RUNS,
    );
  });

  test("[P2] a multicast comes back from any offset, and its writer touches nothing else", () => {
    fc.assert(
      fc.property(multicasts, offsets, (frame, offset) => {
        const { flags, lane, channel, targets, payload } = frame;
        const size = 16 + 12 * targets.length;
        const view = writtenAt(offset, size, (view, at) => {
          expect(writeMulticastHeader(view, at, frame, payload.length)).toBe(at + size);
        });
        const bytes = batch(new Uint8Array(view.buffer), payload);
        expect(walk(bytes)).toEqual([
          { type: 0x23, flags, lane, offset: 0, end: size + payload.length, multicast: { channel, targets, payload } },
        ]);
      }),
      RUNS,
    );
  });

  test("[D1] readers at an offset in a batch read that frame, in a view that does not begin at 0", () => {
    fc.assert(
      fc.property(dataHeaders, acks, probes, before, (header, ack, probe, gap) => {
        const bytes = batch(probeFrame(probe), ackFrame(ack), dataFrame({ ...header, payload: Uint8Array.of(1) }));
        const view = surrounded(bytes, 0xff, gap);
        const into: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
        readDataHeader(view, 44, into);
        expect([readProbe(view, 0), readAck(view, 20), into]).toEqual([probe, ack, header]);
      }),
      RUNS,
    );
  });
});

describe("batches", () => {
  test("[P1] of any frames walk back to the same frames", () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 12 }), before, (samples, gap) => {
        const view = surrounded(batch(...samples.map(({ bytes }) => bytes)), 0xff, gap);
        const frames = walk(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        expect(frames.map(({ offset, end }) => end - offset)).toEqual(samples.map(({ bytes }) => bytes.length));
        expect(frames).toMatchObject(samples.map(({ walked }) => walked));
        expect(walkEnds(view).ends).toEqual(frames.map(({ end }) => end));
      }),
      RUNS,
    );
  });

  test("[P3] cut inside the last frame end there, and the frames before it stay what they were", () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 5 }), fc.nat(), (samples, cut) => {
        const bytes = batch(...samples.map((one) => one.bytes));
        const last = samples.at(-1)?.bytes.length ?? 0;
        const kept = exactly(bytes.subarray(0, bytes.length - 1 - (cut % (last - 1))));
        const { ends } = walkEnds(kept);
        expect(ends).toEqual(walkEnds(exactly(bytes)).ends.slice(0, -1));
        expect(frameEnd(kept, ends.at(-1) ?? 0)).toBe(-1);
      }),
      RUNS,
    );
  });

  test("mutated in any way, are walked to an end without a throw", () => {
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 6 });
    let broken = 0;
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 8 }), mutations, (samples, changes) => {
        const bytes = changes.reduce(mutated, batch(...samples.map((one) => one.bytes)) as Uint8Array);
        const { ends } = walkEnds(exactly(bytes));
        if (ends.at(-1) !== bytes.length) broken++;
        // The helper throws its refusals and nothing else.
        try {
          walk(bytes);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (malformed_frame|truncated_batch|unknown_frame) at \d+$/);
        }
      }),
      { numRuns: 3000 },
    );
    expect(broken).toBeGreaterThan(100);
  });
});

describe("random bytes", () => {
  test("are decoded from every offset without a throw, and with the same answer whatever lies around them", () => {
    let decoded = 0;
    fc.assert(
      fc.property(hostile, before, (bytes, gap) => {
        const alone = everything(exactly(bytes));
        decoded += alone.filter((found) => typeof found === "object").length;
        for (const sentinel of [0x00, 0x41, 0xff]) {
          expect(everything(surrounded(bytes, sentinel, gap))).toEqual(alone);
        }
      }),
      { numRuns: 3000 },
    );
    // The bytes are bad in a useful way only when some of them are good.
    expect(decoded).toBeGreaterThan(100);
  });

  test("that decode are the frame's own: encoded again, they are its beginning", () => {
    fc.assert(
      fc.property(nearlyFrame, (bytes) => {
        const view = exactly(bytes);
        const control = decodeControl(view, 0) as Control | undefined;
        if (!control) return;
        const again = encode(control);
        expect(again.length).toBeLessThanOrEqual(frameEnd(view, 0));
        expect(again.subarray(HEADER_SIZE)).toEqual(bytes.subarray(HEADER_SIZE, again.length));
      }),
      { numRuns: 5000 },
    );
  });
});
