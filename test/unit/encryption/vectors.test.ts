import { describe, expect, test } from "vitest";
import { verifyCertificate, importIssuers } from "../../../src/client/encryption/certificate.ts";
import { diffieHellman } from "../../../src/client/encryption/identity.ts";
import {
  Kind,
  deriveDirections,
  encodeHello,
  decodeHello,
  hashTranscript,
  isFinished,
  sealFinished,
} from "../../../src/client/encryption/key-schedule.ts";
import { Sealer } from "../../../src/client/encryption/message-cipher.ts";
import vectors from "../../vectors/encryption-v1.json" with { type: "json" };
import { makeVectors } from "./reference.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString("hex");

function importPrivate(raw: string): Promise<CryptoKey> {
  const der = bytes(`302e020100300506032b656e04220420${raw}`);
  return crypto.subtle.importKey("pkcs8", der, { name: "X25519" }, false, ["deriveBits"]);
}

const { low, high, context } = vectors;
const ends = { low: BigInt(low.peer), high: BigInt(high.peer) };
const hellos = { lowHello: bytes(low.hello), highHello: bytes(high.hello) };
const transcript = (): Promise<Uint8Array<ArrayBuffer>> => hashTranscript({ ...context, ...ends, ...hellos });
const directions = async () =>
  deriveDirections({ ee: bytes(vectors.ee), es: bytes(vectors.es), se: bytes(vectors.se) }, await transcript());

describe("encryption version 1 is what test/vectors/encryption-v1.json says", () => {
  test("the file is what the second implementation makes", () => {
    expect(makeVectors()).toEqual(vectors);
  });

  test.each([low, high])("hello of peer $peer", (end) => {
    expect(hex(encodeHello(bytes(end.ephemeralPublic), end.certificate))).toBe(end.hello);
    const { version, ephemeral, certificate } = decodeHello(bytes(end.hello)) ?? {};
    expect([version, hex(ephemeral), certificate]).toEqual([1, end.ephemeralPublic, end.certificate]);
  });

  test.each([low, high])("certificate of peer $peer", async (end) => {
    const [peer, issuers] = [BigInt(end.peer), await importIssuers([vectors.issuer])];
    const expected = { peer, app: context.app, issuers, now: 1_900_000_000_000 };
    const publicKey = Buffer.from(end.identityPublic, "hex").toString("base64url");
    const values = { peer, app: 480, publicKey, expiresAt: 4_102_444_800_000, issuer: "v1" };
    expect(await verifyCertificate(end.certificate, expected)).toEqual(values);
  });

  test("the three products, from either end", async () => {
    const [lowIdentity, lowEphemeral] = [
      await importPrivate(low.identityPrivate),
      await importPrivate(low.ephemeralPrivate),
    ];
    const [highIdentity, highEphemeral] = [
      await importPrivate(high.identityPrivate),
      await importPrivate(high.ephemeralPrivate),
    ];
    expect(hex(await diffieHellman(lowEphemeral, bytes(high.ephemeralPublic)))).toBe(vectors.ee);
    expect(hex(await diffieHellman(lowEphemeral, bytes(high.identityPublic)))).toBe(vectors.es);
    expect(hex(await diffieHellman(lowIdentity, bytes(high.ephemeralPublic)))).toBe(vectors.se);
    expect(hex(await diffieHellman(highEphemeral, bytes(low.ephemeralPublic)))).toBe(vectors.ee);
    expect(hex(await diffieHellman(highIdentity, bytes(low.ephemeralPublic)))).toBe(vectors.es);
    expect(hex(await diffieHellman(highEphemeral, bytes(low.identityPublic)))).toBe(vectors.se);
  });

  test("a point of small order gives no secret", async () => {
    const mine = await importPrivate(low.identityPrivate);
    const order8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    for (const point of ["00".repeat(32), `01${"00".repeat(31)}`, order8]) {
      expect(await diffieHellman(mine, bytes(point))).toBeUndefined();
    }
  });

  test("transcript and finished", async () => {
    expect(hex(await transcript())).toBe(vectors.transcript);
    const { lowToHigh, highToLow } = await directions();
    expect(hex(await sealFinished(lowToHigh))).toBe(vectors.finished.low);
    expect(hex(await sealFinished(highToLow))).toBe(vectors.finished.high);
    expect(await isFinished(lowToHigh, bytes(vectors.finished.low))).toBe(true);
    expect(await isFinished(lowToHigh, bytes(vectors.finished.high))).toBe(false);
  });

  test.each(vectors.messages)("kind $kind, lane $lane, counter $counter of $from", async (vector) => {
    const { lowToHigh, highToLow } = await directions();
    const direction = vector.from === "low" ? lowToHigh : highToLow;
    const kind = vector.kind === 3 ? Kind.Reliable : Kind.Unreliable;
    const sealer = new Sealer(direction, kind, vector.lane, vector.counter);
    expect(hex(await sealer.seal(Uint8Array.from(Buffer.from(vector.text)), vector.channel))).toBe(vector.sealed);
  });

  test("anything else in the transcript gives another one", async () => {
    const base = { ...context, ...ends, ...hellos };
    const changes = [{ app: 481 }, { low: 1n }, { high: 2n }, { type: 3 }, { virtualPort: -1 }];
    const swapped = { lowHello: hellos.highHello, highHello: hellos.lowHello };
    const hashes = await Promise.all(
      [base, ...[...changes, swapped].map((change) => ({ ...base, ...change }))].map(hashTranscript),
    );
    expect(new Set(hashes.map(hex)).size).toBe(changes.length + 2);
  });
});
