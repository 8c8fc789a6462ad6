/**
 * Messages as the fuzzer invents, keeps and changes them: frames with their fields by name, and damage done to the bytes.
 * Control frames come from the protocol's own table, so that one which is added there is played here without more.
 */
import {
  CONTROL_FRAMES,
  type ControlFrameName,
  type FieldFrame,
  HEADER_SIZE,
  encodeControl,
  encodeFrame as encodeFields,
} from "../../src/protocol/index.ts";
import { type AnyField, bytes8, i32, u16, u32, u64, u8 } from "../../src/protocol/fields.ts";
import { ASKED_FRAMES, ackFrame, batch, castFrame, dataFrame, multicastFrame, probeFrame } from "../support/frames.ts";
import type { Random } from "./random.ts";

/** `known`: one of the values that this field has had on the wire, the newest first. u64 and bytes are text: decimal, hex. */
export type Value = number | string | { readonly known: number };

/** `resize`: bytes more or fewer at its end than its fields need, and its length says so. */
export type FrameSpec = (
  | { readonly frame: "control"; readonly name: ControlFrameName; readonly flags: number; readonly fields: Fields }
  /** Of groups and the host. */
  | { readonly frame: "asked"; readonly name: string; readonly fields: Fields }
  | { readonly frame: "data" | "ack" | "probe" | "cast"; readonly fields: Fields; readonly size: number }
  | { readonly frame: "multicast"; readonly targets: readonly Value[]; readonly fields: Fields; readonly size: number }
  | { readonly frame: "raw"; readonly hex: string }
) & { readonly resize?: number };
type Fields = Readonly<Record<string, Value>>;

export type Damage =
  | { readonly kind: "set"; readonly at: number; readonly byte: number }
  | { readonly kind: "cut"; readonly at: number }
  /** The bytes from one place once more, at another. */
  | { readonly kind: "splice"; readonly from: number; readonly size: number; readonly to: number };

export interface Message {
  readonly frames: readonly FrameSpec[];
  readonly damage: readonly Damage[];
}

/** What a field of this name may be that makes sense, the likeliest first. */
export type Known = (field: string) => readonly (number | bigint | Uint8Array | string)[];

const NAMES = Object.keys(CONTROL_FRAMES) as ControlFrameName[];
const ASKED = Object.keys(ASKED_FRAMES);
const NUMBERS = [
  0, 1, 2, 3, 4, 5, 7, 99, 100, 255, 999, 1_000, 1_999, 3_000, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
const BIG = ["0", "1", "2", "4294967296", "9007199254740993", "18446744073709551615"];
const TEXTS = ["", "no", "é", "\u0000", "x".repeat(127), "€".repeat(90)];
const DATA_FIELDS = ["flags", "lane", "handle", "channel", "number", "sequence"];
const ACK_FIELDS = ["handle", "lane", "cumulative", "selective", "window"];
const PROBE_FIELDS = ["handle", "answer", "stamp", "quality", "jitter"];
const CAST_FIELDS = ["group", "number"];
const PAYLOADS = [0, 1, 10, 60, 70, 1_200, 5_000];

export function randomMessage(random: Random, names: readonly ControlFrameName[] = NAMES): Message {
  const frames = random.list(random.oneIn(4) ? 6 : 1, () => randomFrame(random, names));
  return { frames, damage: random.oneIn(8) ? [randomDamage(random)] : [] };
}

export function mutateMessage(message: Message, random: Random, names: readonly ControlFrameName[] = NAMES): Message {
  const { frames, damage } = message;
  const at = random.below(frames.length);
  switch (random.below(6)) {
    case 0:
      return { frames: frames.toSpliced(at, 0, randomFrame(random, names)), damage };
    case 1:
      return { frames: frames.toSpliced(at, frames.length > 1 ? 1 : 0), damage };
    case 2:
      return { frames, damage: random.oneIn(3) ? [] : [...damage, randomDamage(random)] };
    default:
      return { frames: frames.map((frame, index) => (index === at ? mutateFrame(frame, random) : frame)), damage };
  }
}

/** An undamaged control frame; fields that are not named are 0. */
export function controlSpec(name: ControlFrameName, fields: Fields = {}, flags = 0): FrameSpec {
  return { frame: "control", name, flags, fields };
}

export function messageOf(...frames: readonly FrameSpec[]): Message {
  return { frames, damage: [] };
}

export function bytesOf({ frames, damage }: Message, known: Known): Uint8Array {
  let bytes: Uint8Array = batch(...frames.map((frame) => resized(encodeFrame(frame, known), frame.resize ?? 0)));
  for (const one of damage) bytes = doDamage(bytes, one);
  return bytes;
}

function randomFrame(random: Random, names: readonly ControlFrameName[]): FrameSpec {
  const frame = newFrame(random, names);
  return random.oneIn(8) ? { ...frame, resize: randomResize(random) } : frame;
}

function randomResize(random: Random): number {
  return random.pick([-24, -8, -4, -2, -1, -1, 1, 4, 60]);
}

function newFrame(random: Random, names: readonly ControlFrameName[]): FrameSpec {
  switch (random.below(15)) {
    case 0:
    case 1:
      return { frame: "data", fields: randomFields(DATA_FIELDS, random), size: random.pick(PAYLOADS) };
    case 2:
      return { frame: "ack", fields: randomFields(ACK_FIELDS, random), size: 0 };
    case 3:
      return { frame: "probe", fields: randomFields(PROBE_FIELDS, random), size: 0 };
    case 4: {
      const targets = random.list(4, () => randomValue(u32, "handle", random));
      return {
        frame: "multicast",
        targets,
        fields: randomFields(["flags", "lane", "channel"], random),
        size: random.pick(PAYLOADS),
      };
    }
    case 5:
      return { frame: "raw", hex: randomHex(random, 40) };
    case 6:
      return { frame: "cast", fields: randomFields(CAST_FIELDS, random), size: random.pick(PAYLOADS) };
    case 7:
    case 8: {
      const name = random.pick(ASKED);
      const fields = askedFields(name).map(([key, field]) => [key, randomValue(field, key, random)] as const);
      return { frame: "asked", name, fields: Object.fromEntries(fields) };
    }
    default: {
      const name = random.pick(names);
      const fields = Object.entries(CONTROL_FRAMES[name].fields as Record<string, AnyField>).map(
        ([key, field]) => [key, randomValue(field, key, random)] as const,
      );
      return {
        frame: "control",
        name,
        flags: random.oneIn(3) ? random.below(4) : 0,
        fields: Object.fromEntries(fields),
      };
    }
  }
}

function askedFields(name: string): readonly (readonly [string, AnyField])[] {
  return (ASKED_FRAMES[name]?.fields ?? []) as unknown as readonly (readonly [string, AnyField])[];
}

function tableOf(frame: FrameSpec): Readonly<Record<string, AnyField>> {
  if (frame.frame === "control") return CONTROL_FRAMES[frame.name].fields as Record<string, AnyField>;
  return frame.frame === "asked" ? Object.fromEntries(askedFields(frame.name)) : {};
}

function randomFields(names: readonly string[], random: Random): Fields {
  return Object.fromEntries(names.map((name) => [name, randomValue(u32, name, random)]));
}

function mutateFrame(frame: FrameSpec, random: Random): FrameSpec {
  if (random.oneIn(6)) return { ...frame, resize: random.oneIn(3) ? 0 : randomResize(random) };
  if (frame.frame === "raw") return { frame: "raw", hex: randomHex(random, 40) };
  if (frame.frame === "control" && random.oneIn(6)) return { ...frame, flags: random.below(256) };
  if (frame.frame === "multicast" && random.oneIn(3)) {
    return { ...frame, targets: random.list(4, () => randomValue(u32, "handle", random)) };
  }
  if (frame.frame !== "control" && frame.frame !== "asked" && random.oneIn(4))
    return { ...frame, size: random.pick(PAYLOADS) };
  const keys = Object.keys(frame.fields);
  if (keys.length === 0) return frame;
  const key = random.pick(keys);
  return { ...frame, fields: { ...frame.fields, [key]: randomValue(tableOf(frame)[key] ?? u32, key, random) } };
}

/** What a reader looks up is mostly something that there is; what it only reads is anything. */
function randomValue(field: AnyField, name: string, random: Random): Value {
  const isLookedUp = /handle|peer|session|token|version|mark|request|connectionId|number|sequence/.test(name);
  if (random.below(8) < (isLookedUp ? 6 : 1)) return { known: random.oneIn(3) ? random.below(8) : 0 };
  if (field === u64) return random.pick(BIG);
  if (field === bytes8) return randomHex(random, 20);
  if (!isNumber(field)) return random.pick(TEXTS);
  if (field === i32 && random.oneIn(2)) return random.pick([-1, 0]);
  if (random.oneIn(2)) return random.below(5);
  return random.pick(NUMBERS);
}

function isNumber(field: AnyField): boolean {
  return field === u8 || field === u16 || field === u32 || field === i32;
}

function randomHex(random: Random, most: number): string {
  return Buffer.from(random.list(most, () => random.below(256))).toString("hex");
}

function randomDamage(random: Random): Damage {
  const at = random.below(random.oneIn(2) ? 12 : 200);
  if (random.oneIn(3)) return { kind: "cut", at };
  if (random.oneIn(3)) return { kind: "splice", from: at, size: random.below(40), to: random.below(200) };
  return { kind: "set", at, byte: random.pick([0, 1, 8, 0x20, 0x7f, 0x80, 0xff, random.below(256)]) };
}

function encodeFrame(spec: FrameSpec, known: Known): Uint8Array {
  if (spec.frame === "raw") return Buffer.from(spec.hex, "hex");
  if (spec.frame === "control") {
    const table = CONTROL_FRAMES[spec.name].fields as Record<string, AnyField>;
    // By the table, so that a field which was added since the input was found has its nothing.
    const values = Object.entries(table).map(([key, field]) => [key, fieldValue(field, key, spec.fields[key], known)]);
    return encodeControl(spec.name, Object.fromEntries(values), spec.flags);
  }
  if (spec.frame === "asked") {
    const values = askedFields(spec.name).map(([key, field]) => [key, fieldValue(field, key, spec.fields[key], known)]);
    return encodeFields(ASKED_FRAMES[spec.name] as FieldFrame, Object.fromEntries(values));
  }
  const number = (key: string): number => Number(fieldValue(u32, key, spec.fields[key], known));
  const payload = new Uint8Array(spec.size).fill(0x61);
  const [handle, lane, channel, flags] = [number("handle"), number("lane"), number("channel"), number("flags")];
  switch (spec.frame) {
    case "data":
      return dataFrame({
        handle,
        lane,
        channel,
        flags,
        number: number("number"),
        sequence: number("sequence"),
        payload,
      });
    case "cast":
      return castFrame({ group: number("group"), number: number("number"), payload });
    case "ack":
      return ackFrame({
        handle,
        lane,
        cumulative: number("cumulative"),
        selective: number("selective"),
        window: number("window"),
      });
    case "probe": {
      const [answer, stamp, quality, jitter] = [
        number("answer") % 2 === 1,
        number("stamp"),
        number("quality"),
        number("jitter"),
      ];
      return probeFrame({ handle, answer, stamp, quality, jitter });
    }
    case "multicast": {
      const targets = spec.targets.map((target, index) => ({
        handle: Number(fieldValue(u32, "handle", target, known)),
        number: index + 1,
        sequence: 0,
      }));
      return multicastFrame({ targets, payload, flags, lane, channel });
    }
  }
}

function fieldValue(field: AnyField, name: string, value: Value | undefined, known: Known): unknown {
  let literal: unknown = value;
  if (typeof value === "object") {
    const values = known(name);
    literal = values[value.known % Math.max(1, values.length)];
  }
  if (field === u64) return BigInt((literal as bigint | string | undefined) ?? 0n);
  if (field === bytes8) {
    return literal instanceof Uint8Array ? literal : Buffer.from(typeof literal === "string" ? literal : "", "hex");
  }
  if (isNumber(field)) return Number(literal ?? 0);
  return typeof literal === "string" ? literal : "";
}

function resized(bytes: Uint8Array, by: number): Uint8Array {
  if (by === 0 || bytes.length < HEADER_SIZE) return bytes;
  const copy = new Uint8Array(Math.max(HEADER_SIZE, bytes.length + by)).fill(0xcd);
  copy.set(bytes.subarray(0, copy.length));
  new DataView(copy.buffer).setUint32(4, copy.length - HEADER_SIZE, true);
  return copy;
}

function doDamage(bytes: Uint8Array, damage: Damage): Uint8Array {
  const at = (place: number): number => (bytes.length === 0 ? 0 : place % bytes.length);
  switch (damage.kind) {
    case "set": {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at(damage.at)] = damage.byte;
      return copy;
    }
    case "cut":
      return bytes.slice(0, at(damage.at));
    case "splice": {
      const from = at(damage.from);
      const to = at(damage.to);
      return batch(bytes.slice(0, to), bytes.slice(from, from + damage.size), bytes.slice(to));
    }
  }
}
