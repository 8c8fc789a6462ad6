import { decode } from "hono/jwt";
import { describe, expect, it } from "vitest";
import { loadTicketKeys, signTicket, verifyTicket } from "../../../src/auth/index.ts";
import type { TicketClaims } from "../../../src/auth/sign-ticket.ts";
import { TEST_SECRET, base64url } from "../../support/tickets.ts";
import { keyPair } from "./keys.ts";

const NOW = 1_800_000_000_999;
const sign = (claims: unknown, key: Parameters<typeof signTicket>[1] = TEST_SECRET) =>
  signTicket(claims as TicketClaims, key, { now: NOW });

describe("claims", () => {
  it("holds what was asked for, and nothing else", async () => {
    const full = { peer: 76561197960287930n, app: 480, room: "lobby", expiresInSeconds: 60, id: "t-1", visible: true };
    expect(decode(await sign({ ...full, rateClass: "server" })).payload).toEqual({
      aud: "edge-relay",
      sub: "76561197960287930",
      app: 480,
      room: "lobby",
      iat: 1_800_000_000,
      exp: 1_800_000_060,
      jti: "t-1",
      visible: true,
      class: "server",
    });
    const { header, payload } = decode(await sign({ peer: "1", app: 1 }));
    expect(Object.keys(payload).toSorted()).toEqual(["app", "aud", "exp", "iat", "sub"]);
    expect(payload.exp).toBe(1_800_003_600);
    expect(header).toEqual({ alg: "HS256", typ: "JWT" });
  });

  it("starts at the machine's clock unless told otherwise", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { iat } = decode(await signTicket({ peer: 1n, app: 1 }, TEST_SECRET)).payload;
    expect(iat).toBeGreaterThanOrEqual(before);
    expect(iat).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
  });

  const bad: [string, Record<string, unknown>, string][] = [
    ["a number as peer", { peer: Number("76561197960287930") }, "bigint or a decimal string; a number loses digits"],
    ["no peer", { peer: undefined }, "peer must be"],
    ["peer 0", { peer: 0n }, "peer must be"],
    ["a negative peer", { peer: -1n }, "peer must be"],
    ["peer 2^64", { peer: 2n ** 64n }, "peer must be"],
    ["leading zeros", { peer: "007" }, "peer must be"],
    ["no app", { app: undefined }, "app must be"],
    ["app 0", { app: 0 }, "app must be"],
    ["an app as text", { app: "480" }, "app must be a number"],
    ["an empty room", { room: "" }, "room must be"],
    ["a room of null", { room: null }, "room must be"],
    ["no time", { expiresInSeconds: 0 }, "expiresInSeconds must be a positive number of seconds."],
    ["a negative time", { expiresInSeconds: -5 }, "expiresInSeconds must be"],
    ["no number as time", { expiresInSeconds: Number.NaN }, "expiresInSeconds must be"],
    ["text as time", { expiresInSeconds: "60" }, "expiresInSeconds must be"],
    ["for ever", { expiresInSeconds: Infinity }, "expiresInSeconds must be"],
    ["an empty id", { id: "" }, "id must be"],
    ["an id with a line end", { id: "a\n" }, "id must be"],
    ["a number as id", { id: 5 }, "id must be"],
    ["a class in capitals", { rateClass: "Server" }, "rateClass must be 1 to 32 characters of a-z 0-9 _ -"],
    ["a number as visible", { visible: 1 }, "visible must be true or false."],
    ["text as lobby", { lobby: "yes" }, "lobby must be true or false."],
  ];
  it.each(bad)("refuses %s", async (_, change, expected) => {
    const error: unknown = await sign({ peer: 1n, app: 480, ...change }).catch((error: unknown) => error);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect(String(error)).toContain("Cannot sign a ticket: ");
    expect(String(error)).toContain(expected);
  });

  it("whatever it signs, the relay accepts", async () => {
    const loaded = await loadTicketKeys({ TICKET_SECRET: TEST_SECRET });
    if (!loaded.ok) throw new Error(loaded.message);
    for (const expiresInSeconds of [0.5, 1, 86_400 * 3650]) {
      const token = await sign({ peer: 1n, app: 480, id: " ~", expiresInSeconds });
      expect(await verifyTicket(token, loaded.keys, NOW)).toMatchObject({ ok: true });
    }
  });
});

describe("keys", () => {
  const claims = { peer: 1n, app: 480 };

  it("names a JWK's kid in the header", async () => {
    const { privateKey } = await keyPair("ES256", "2031-a");
    expect(decode(await sign(claims, privateKey)).header).toEqual({ alg: "ES256", typ: "JWT", kid: "2031-a" });
  });

  it("signs EdDSA under the name that every library knows", async () => {
    const { privateKey } = await keyPair("EdDSA");
    expect(decode(await sign(claims, { ...privateKey, alg: "Ed25519" })).header).toEqual({ alg: "EdDSA", typ: "JWT" });
  });

  it.each(["short", "", `${TEST_SECRET}\n`, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END"])(
    "refuses the secret %j",
    async (secret) => {
      await expect(sign(claims, secret)).rejects.toThrow(/^The signing secret /);
      await expect(sign(claims, secret)).rejects.toBeInstanceOf(TypeError);
    },
  );

  it("a secret with PRIVATE in it is still a secret", async () => {
    const secret = `PRIVATE-PUBLIC-${TEST_SECRET}`;
    const loaded = await loadTicketKeys({ TICKET_SECRET: secret });
    if (!loaded.ok) throw new Error(loaded.message);
    expect(await verifyTicket(await sign(claims, secret), loaded.keys, NOW)).toMatchObject({ ok: true });
  });

  it("refuses a public key", async () => {
    await expect(sign(claims, (await keyPair("EdDSA")).publicKey)).rejects.toThrow(`needs its private part, "d"`);
  });

  it.each([{}, { kty: "RSA" }, { kty: "oct", k: base64url("short") }, { kty: "OKP", crv: "Ed25519", x: "AA", d: "?" }])(
    "refuses the JWK %j",
    async (jwk) => {
      await expect(sign(claims, jwk)).rejects.toBeInstanceOf(TypeError);
    },
  );

  it("refuses a private key that is none, without quoting it", async () => {
    const { privateKey } = await keyPair("ES256");
    const error: unknown = await sign(claims, { ...privateKey, d: "hushhush" }).catch((error: unknown) => error);
    expect(error).toMatchObject({
      name: "TicketKeyError",
      message: "Cannot sign a ticket: the JWK is not a valid private key for ES256.",
      cause: expect.any(Error),
    });
  });
});
