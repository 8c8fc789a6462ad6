import { describe, expect, it } from "vitest";
import { importVerifyKey, readJwk } from "../../../src/auth/key-material.ts";
import { loadTicketKeys } from "../../../src/auth/ticket-keys.ts";
import { TEST_SECRET, base64url } from "../../support/tickets.ts";
import { keyPair, keySet, loadFault, loadOrThrow } from "./keys.ts";

const OCT = { kty: "oct", kid: "a", k: base64url(TEST_SECRET) };

describe("not configured", () => {
  it.each([{}, { TICKET_SECRET: "" }, { TICKET_SECRET: undefined, TICKET_KEYS: "" }])("%j", async (config) => {
    const message = await loadFault(config);
    expect(message).toMatch(/^No key to verify tickets with: set TICKET_SECRET /);
    expect(message).toContain("TICKET_KEYS");
    expect(message).toContain("wrangler secret put");
  });
});

describe("TICKET_SECRET", () => {
  it("counts bytes, not characters", async () => {
    expect((await loadOrThrow({ TICKET_SECRET: "é".repeat(16) })).withoutKid?.alg).toBe("HS256");
    expect(await loadFault({ TICKET_SECRET: "é".repeat(15) })).toMatch(
      /^TICKET_SECRET has 30 bytes and needs 32; make/,
    );
  });

  it.each(["\n", " ", "\r\n"])("refuses the %j that a shell leaves behind", async (space) => {
    expect(await loadFault({ TICKET_SECRET: TEST_SECRET + space })).toMatch(/^TICKET_SECRET begins or ends with white/);
  });

  it("refuses a public key, with which anybody could sign", async () => {
    const pem =
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END-----";
    for (const secret of [pem, JSON.stringify((await keyPair("EdDSA")).publicKey)]) {
      expect(await loadFault({ TICKET_SECRET: secret })).toContain("TICKET_KEYS");
    }
  });

  it("may have PUBLIC or PRIVATE in it without being taken for PEM", async () => {
    expect((await loadOrThrow({ TICKET_SECRET: `PRIVATE-PUBLIC-${TEST_SECRET}` })).withoutKid).toBeDefined();
  });

  it("keys cannot be taken out again", async () => {
    expect((await loadOrThrow({ TICKET_SECRET: TEST_SECRET })).withoutKid?.key.extractable).toBe(false);
  });
});

describe("TICKET_KEYS", () => {
  it("holds several kinds of key", async () => {
    const { publicKey: ed } = await keyPair("EdDSA", "ed");
    const { publicKey: ec } = await keyPair("ES256", "ec");
    const set = keySet({ ...ed, alg: "EdDSA", use: "sig" }, { ...ec, alg: "ES256", apps: [480] }, OCT);
    const { byKid, withoutKid } = await loadOrThrow({ TICKET_KEYS: set });
    expect([...byKid].map(([kid, { alg }]) => [kid, alg])).toEqual([
      ["ed", "EdDSA"],
      ["ec", "ES256"],
      ["a", "HS256"],
    ]);
    expect([...(byKid.get("ec")?.apps ?? [])]).toEqual([480]);
    expect(byKid.get("ed")?.apps).toBeUndefined();
    expect(withoutKid).toBeUndefined();
    for (const { key } of byKid.values()) expect(key.usages).toEqual(["verify"]);
    expect(byKid.get("a")?.key.extractable).toBe(false);
  });

  it("takes a secret of 32 bytes, which is the least", async () => {
    const k = base64url("x".repeat(32));
    expect((await loadOrThrow({ TICKET_KEYS: keySet({ ...OCT, k }) })).byKid.size).toBe(1);
  });

  it("takes the newer name of EdDSA as Node exports it", async () => {
    const { publicKey } = await keyPair("EdDSA", "k");
    expect((await loadOrThrow({ TICKET_KEYS: keySet({ ...publicKey, alg: "Ed25519" }) })).byKid.size).toBe(1);
  });

  it.each(["{", "null", "[]", "{}", `{"keys":{}}`, `{"keys":[]}`, "-----BEGIN PUBLIC KEY-----", JSON.stringify(OCT)])(
    "%s is no key set",
    async (text) => {
      const message = await loadFault({ TICKET_KEYS: text });
      expect(message).toMatch(/^TICKET_KEYS is not /);
      expect(message).toContain(`{"keys":[`);
    },
  );

  it("what is no JSON is told from what is no key set", async () => {
    expect(await loadFault({ TICKET_KEYS: "{" })).toMatch(/^TICKET_KEYS is not JSON; set it to a JWK set: /);
    expect(await loadFault({ TICKET_KEYS: "{}" })).toMatch(/^TICKET_KEYS is not a JWK set with at least one key: /);
  });

  it("is not quoted in the message", async () => {
    expect(await loadFault({ TICKET_KEYS: `{"keys":[{"k":"hush-hush` })).not.toContain("hush");
  });

  const faults: [string, unknown, string][] = [
    ["not an object", "x", "must be a JWK"],
    ["null", null, "must be a JWK"],
    ["no kty", { k: OCT.k }, `"kty" must be`],
    ["RSA", { kty: "RSA", n: "AQAB", e: "AQAB" }, `"kty" must be`],
    ["another curve", { kty: "EC", crv: "P-384", x: "AA", y: "AA" }, `"crv" of an EC key must be P-256`],
    ["X25519", { kty: "OKP", crv: "X25519", x: "AA" }, `"crv" of an OKP key must be Ed25519`],
    ["a curve on a secret", { ...OCT, crv: "P-256" }, `must be absent`],
    ["another algorithm", { ...OCT, alg: "HS512" }, `"alg" of an oct key must be "HS256"`],
    ["an encryption key", { ...OCT, use: "enc" }, `"use" must be "sig"`],
    ["a short secret", { ...OCT, k: base64url("x".repeat(31)) }, `"k" holds 31 bytes and needs 32`],
    ["no x", { kty: "OKP", crv: "Ed25519" }, `"x" must be base64url`],
    ["no y", { kty: "EC", crv: "P-256", x: "AA" }, `"y" must be base64url`],
    ["standard base64", { ...OCT, k: "+".repeat(44) }, `"k" must be base64url`],
    ["standard base64 at the beginning", { ...OCT, k: `+${OCT.k}` }, `"k" must be base64url`],
    ["padded base64", { ...OCT, k: `${OCT.k}=` }, `"k" must be base64url`],
    ["a short x", { kty: "OKP", crv: "Ed25519", x: "AAAA" }, "not a valid key for EdDSA"],
    ["a point off the curve", { kty: "EC", crv: "P-256", x: OCT.k, y: OCT.k }, "not a valid key for ES256"],
    ["a private key", { kty: "OKP", crv: "Ed25519", x: "AA", d: "AA" }, "put the public key only"],
    ["an empty kid", { ...OCT, kid: "" }, `"kid" must be`],
    ["a number as kid", { ...OCT, kid: 1 }, `"kid" must be`],
    ["a long kid", { ...OCT, kid: "x".repeat(129) }, `"kid" must be`],
    ["apps as a number", { ...OCT, apps: 480 }, `"apps" must list at least one app`],
    ["no apps", { ...OCT, apps: [] }, `"apps" must list at least one app`],
    ["an app as text", { ...OCT, apps: [480, "730"] }, `"apps" must list numbers`],
    ["app 0", { ...OCT, apps: [0] }, `"apps" must list numbers`],
  ];
  it.each(faults)("refuses %s, and says which key it is", async (_, key, expected) => {
    const message = await loadFault({ TICKET_KEYS: keySet({ ...OCT, kid: "first" }, key) });
    expect(message).toMatch(/^TICKET_KEYS, key 2: /);
    expect(message).toContain(expected);
  });

  it("needs a kid where a ticket could not choose otherwise", async () => {
    const { kid: _, ...nameless } = OCT;
    expect(await loadFault({ TICKET_KEYS: keySet(nameless, OCT) })).toBe(
      `TICKET_KEYS, key 1: it needs a "kid", or no ticket could choose it beside other keys.`,
    );
    const beside = { TICKET_SECRET: TEST_SECRET, TICKET_KEYS: keySet(nameless) };
    expect(await loadFault(beside)).toContain("beside TICKET_SECRET");
    const { withoutKid, byKid } = await loadOrThrow({ TICKET_KEYS: keySet(nameless) });
    expect(withoutKid?.alg).toBe("HS256");
    expect(byKid.size).toBe(0);
  });

  it("refuses a kid twice", async () => {
    expect(await loadFault({ TICKET_KEYS: keySet(OCT, OCT) })).toContain(`key 2: its "kid" is that of an earlier key`);
  });

  it("a bad set is refused even where the secret is good", async () => {
    expect(await loadFault({ TICKET_SECRET: TEST_SECRET, TICKET_KEYS: "x" })).toContain("TICKET_KEYS");
  });
});

it("what the runtime says of a bad key is kept as the cause", async () => {
  const material = readJwk({ kty: "OKP", crv: "Ed25519", x: "AAAA" });
  const fault = { name: "TicketKeyError", cause: expect.any(Error) };
  await expect(importVerifyKey(material)).rejects.toMatchObject(fault);
});

describe("a fault of the runtime", () => {
  it("is thrown, not reported as a bad key", async () => {
    const { importKey } = crypto.subtle;
    crypto.subtle.importKey = () => Promise.reject(new Error("no crypto today"));
    try {
      await expect(loadTicketKeys({ TICKET_SECRET: TEST_SECRET })).rejects.toThrow("no crypto today");
    } finally {
      crypto.subtle.importKey = importKey;
    }
  });
});
