import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { TICKET_REFUSAL_CODES } from "../../../src/auth/ticket-refusal.ts";
import type { TicketKeys } from "../../../src/auth/ticket-keys.ts";
import { CLOCK_SKEW_MS, MAX_TICKET_LENGTH, TICKET_AUDIENCE, type Ticket } from "../../../src/auth/ticket.ts";
import { signTicket } from "../../../src/auth/sign-ticket.ts";
import { type TicketRefusal, verifyTicket } from "../../../src/auth/verify-ticket.ts";
import { TEST_SECRET, base64url, forgeToken, testTicket } from "../../support/tickets.ts";
import { keyPair, keySet, loadOrThrow } from "./keys.ts";

const NOW = 1_800_000_000_000;
const SECONDS = NOW / 1000;
const HS256 = { alg: "HS256", typ: "JWT" };
const GOOD = { aud: TICKET_AUDIENCE, sub: "76561197960287930", app: 480, exp: SECONDS + 60 };

let keys: TicketKeys;
beforeAll(async () => {
  keys = await loadOrThrow({ TICKET_SECRET: TEST_SECRET });
});

async function accepted(token: string, by = keys, now = NOW): Promise<Ticket> {
  const verdict = await verifyTicket(token, by, now);
  if (!verdict.ok) throw new Error(`${verdict.refusal.code}: ${verdict.refusal.message}`);
  return verdict.ticket;
}

async function refusal(token: string, by = keys, now = NOW): Promise<TicketRefusal> {
  const verdict = await verifyTicket(token, by, now);
  if (verdict.ok) throw new Error("The ticket was accepted");
  expect(TICKET_REFUSAL_CODES).toContain(verdict.refusal.code);
  for (const part of token.split(".")) {
    if (part.length >= 16) expect(verdict.refusal.message).not.toContain(part);
  }
  return verdict.refusal;
}

const claims = (change: Record<string, unknown>) => forgeToken(HS256, { ...GOOD, ...change });

describe("a good ticket", () => {
  it("says who may enter where, and until when", async () => {
    const full = { room: "lobby-1", id: "t 1", visible: true, rateClass: "server", lobby: true, now: NOW };
    const token = await testTicket({ peer: 76561197960287930n, ...full });
    expect(await accepted(token)).toEqual({
      peer: 76561197960287930n,
      app: 480,
      room: "lobby-1",
      expiresAt: NOW + 3_600_000,
      id: "t 1",
      rateClass: "server",
      visible: true,
      mayAnnounce: true,
    });
  });

  it("has no room, no id and no visibility unless granted", async () => {
    const ticket = await accepted(await testTicket({ peer: "1", now: NOW }));
    expect(ticket).toEqual({ peer: 1n, app: 480, expiresAt: NOW + 3_600_000, visible: false });
    expect(Object.keys(ticket).toSorted()).toEqual(["app", "expiresAt", "peer", "visible"]);
  });

  it.each([9007199254740993n, 2n ** 64n - 1n, 1n])("keeps every digit of peer %d", async (peer) => {
    expect((await accepted(await testTicket({ peer, now: NOW }))).peer).toBe(peer);
    expect((await accepted(await testTicket({ peer: String(peer), now: NOW }))).peer).toBe(peer);
  });

  it("may name the audience in a list", async () => {
    expect((await accepted(await claims({ aud: ["other", TICKET_AUDIENCE] }))).app).toBe(480);
  });

  it("may have claims that the relay does not know, in any script", async () => {
    expect((await accepted(await claims({ name: "Łukasz 🎮 игра" }))).app).toBe(480);
  });

  it("may expire at a fraction of a second", async () => {
    expect((await accepted(await claims({ exp: SECONDS + 1.5 }))).expiresAt).toBe(NOW + 1500);
  });

  it("may leave out typ", async () => {
    expect((await accepted(await forgeToken({ alg: "HS256" }, GOOD))).app).toBe(480);
  });
});

describe("ticket_malformed", () => {
  it.each(["", ".", "..", "a.b", "a.b.c.d", "a b.c.d", "é.é.é", "\0", "Bearer x", "a.b.=", "1".repeat(500)])(
    "%j is not a JWT",
    async (token) => {
      expect((await refusal(token)).code).toBe("ticket_malformed");
    },
  );

  it.each([" ", "\n", "=", "é"])("nor is a good one with %j before or behind it", async (more) => {
    const token = await claims({});
    expect((await refusal(more + token)).code).toBe("ticket_malformed");
    expect((await refusal(token + more)).code).toBe("ticket_malformed");
  });

  it("names the size of one that is too long, and parses nothing of it", async () => {
    const overhead = (await claims({ pad: "" })).length;
    const padded = (length: number) => claims({ pad: "x".repeat(Math.ceil(((length - overhead) * 3) / 4)) });
    expect((await accepted(await padded(MAX_TICKET_LENGTH - 4))).app).toBe(480);
    const { code, message } = await refusal(await padded(MAX_TICKET_LENGTH + 1));
    expect(code).toBe("ticket_malformed");
    expect(message).toContain("the limit is 4096");
  });

  it.each([null, [], 1, "x"])("a header of %j is none", async (header) => {
    expect((await refusal(await forgeToken(header, GOOD))).code).toBe("ticket_malformed");
  });

  it.each([null, [], 1, "x"])("a payload of %j is none", async (payload) => {
    expect((await refusal(await forgeToken(HS256, payload))).code).toBe("ticket_malformed");
  });

  it.each([{ typ: "at+jwt" }, { typ: 5 }, { crit: ["exp"] }, { kid: 5 }, { kid: null }])(
    "does not understand the header %j",
    async (extra) => {
      expect((await refusal(await forgeToken({ ...HS256, ...extra }, GOOD))).code).toBe("ticket_malformed");
    },
  );
});

describe("ticket_algorithm", () => {
  it.each(["none", "None", "NONE", "HS512", "RS256", "ES384", "Ed25519", "", undefined, null, 1, ["HS256"], {}])(
    "alg %j",
    async (alg) => {
      const [header, payload, signature] = (await forgeToken({ ...HS256, alg }, GOOD)).split(".");
      expect((await refusal(`${header}.${payload}.`)).code).toBe("ticket_algorithm");
      expect((await refusal(`${header}.${payload}.${signature}`)).code).toBe("ticket_algorithm");
    },
  );

  it.each(["EdDSA", "ES256"] as const)("a public %s key is never an HS256 secret", async (alg) => {
    const { publicKey } = await keyPair(alg, "k");
    const trusted = await loadOrThrow({ TICKET_KEYS: keySet(publicKey) });
    const spellings = [JSON.stringify(publicKey), publicKey.x ?? "", atob((publicKey.x ?? "").replace(/[-_]/g, "A"))];
    for (const secret of spellings) {
      for (const header of [HS256, { ...HS256, kid: "k" }]) {
        const { code, message } = await refusal(await forgeToken(header, GOOD, secret), trusted);
        expect(code).toBe("ticket_algorithm");
        expect(message).toContain(alg);
      }
    }
  });

  it("an HS256 secret verifies no other algorithm", async () => {
    const { privateKey } = await keyPair("EdDSA");
    const token = await signTicket({ peer: 1n, app: 480 }, privateKey, { now: NOW });
    expect((await refusal(token)).code).toBe("ticket_algorithm");
  });
});

describe("ticket_unknown_key", () => {
  it("a kid that the relay does not have, even if another key would verify it", async () => {
    const { code, message } = await refusal(await forgeToken({ ...HS256, kid: "2031" }, GOOD));
    expect(code).toBe("ticket_unknown_key");
    expect(message).toContain(`"2031"`);
  });

  it.each(["__proto__", "constructor", ""])("kid %j is not a key either", async (kid) => {
    expect((await refusal(await forgeToken({ ...HS256, kid }, GOOD))).code).toBe("ticket_unknown_key");
  });

  it("a long or unprintable kid stays out of the message", async () => {
    for (const kid of ["x".repeat(65), "evil\nline", "ключ"]) {
      expect((await refusal(await forgeToken({ ...HS256, kid }, GOOD))).message).not.toContain(kid);
    }
  });

  it("no kid, where there are several keys", async () => {
    const one = await keyPair("EdDSA", "one");
    const two = await keyPair("ES256", "two");
    const both = await loadOrThrow({ TICKET_KEYS: keySet(one.publicKey, two.publicKey) });
    const { kid: _, ...nameless } = one.privateKey;
    const { code, message } = await refusal(await signTicket({ peer: 1n, app: 480 }, nameless, { now: NOW }), both);
    expect(code).toBe("ticket_unknown_key");
    expect(message).toContain("several");
  });
});

describe("ticket_bad_signature", () => {
  it("another secret", async () => {
    const token = await forgeToken(HS256, GOOD, "another-secret-of-at-least-thirty-two-bytes");
    expect((await refusal(token)).code).toBe("ticket_bad_signature");
  });

  it("no signature, or half of one", async () => {
    const token = await forgeToken(HS256, GOOD);
    const unsigned = token.slice(0, token.lastIndexOf(".") + 1);
    expect((await refusal(unsigned)).code).toBe("ticket_bad_signature");
    expect((await refusal(token.slice(0, -20))).code).toBe("ticket_bad_signature");
    expect((await refusal(`${unsigned}a`)).code).toBe("ticket_bad_signature");
  });

  it("a payload put under another ticket's signature", async () => {
    const [header, , signature] = (await forgeToken(HS256, GOOD)).split(".");
    const payload = base64url(JSON.stringify({ ...GOOD, sub: "1" }));
    expect((await refusal(`${header}.${payload}.${signature}`)).code).toBe("ticket_bad_signature");
  });

  it.each(["EdDSA", "ES256"] as const)("another %s key under the same kid", async (alg) => {
    const trusted = await loadOrThrow({ TICKET_KEYS: keySet((await keyPair(alg, "k")).publicKey) });
    const { privateKey } = await keyPair(alg, "k");
    const token = await signTicket({ peer: 1n, app: 480 }, privateKey, { now: NOW });
    expect((await refusal(token, trusted)).code).toBe("ticket_bad_signature");
    expect((await refusal(token.slice(0, -9), trusted)).code).toBe("ticket_bad_signature");
  });

  it("is found before any claim is read: nobody can ask the relay about a ticket that he cannot sign", async () => {
    const token = await forgeToken(HS256, { exp: 1 }, "another-secret-of-at-least-thirty-two-bytes");
    expect((await refusal(token)).code).toBe("ticket_bad_signature");
  });
});

const at = (seconds: number) => NOW + seconds * 1000;

describe("time", () => {
  it("a ticket works until 30 s after exp", async () => {
    const token = await claims({ exp: SECONDS });
    expect((await accepted(token, keys, at(29))).expiresAt).toBe(NOW);
    expect((await accepted(token, keys, NOW + CLOCK_SKEW_MS - 1)).app).toBe(480);
    const { code, message } = await refusal(token, keys, at(31));
    expect(code).toBe("ticket_expired");
    expect(message).toBe("The ticket expired 31 s ago; get a new one from the game's backend.");
    expect((await refusal(token, keys, NOW + CLOCK_SKEW_MS)).code).toBe("ticket_expired");
  });

  it.each(["nbf", "iat"])("and from 30 s before %s", async (claim) => {
    const token = await claims({ exp: SECONDS + 3600, [claim]: SECONDS });
    expect((await accepted(token, keys, at(-29))).app).toBe(480);
    expect((await accepted(token, keys, at(-30))).app).toBe(480);
    const { code, message } = await refusal(token, keys, at(-31));
    expect(code).toBe("ticket_not_yet_valid");
    expect(message).toBe(
      `The ticket's "${claim}" lies 31 s ahead; compare the clock of the machine that signed it with the relay's.`,
    );
  });

  it("the later one of nbf and iat counts", async () => {
    expect((await refusal(await claims({ nbf: SECONDS + 100, iat: SECONDS }))).message).toContain(`"nbf"`);
    expect((await refusal(await claims({ nbf: SECONDS, iat: SECONDS + 100 }))).message).toContain(`"iat"`);
    expect((await refusal(await claims({ nbf: SECONDS + 100, iat: SECONDS + 100 }))).message).toContain(`"iat"`);
  });
});

describe("ticket_wrong_audience", () => {
  it.each([undefined, null, "", "other", "Edge-Relay", "edge-relay ", [], ["other"], [["edge-relay"]], {}, 1])(
    "aud %j",
    async (aud) => {
      const { code, message } = await refusal(await claims({ aud }));
      expect(code).toBe("ticket_wrong_audience");
      expect(message).toContain(`must be "edge-relay"`);
    },
  );
});

const found = async (sub: unknown) => (await refusal(await claims({ sub }))).message.split("; ")[1];

describe("ticket_bad_claim", () => {
  const BAD: Record<string, unknown[]> = {
    sub: [
      undefined,
      null,
      Number("76561197960287930"),
      1,
      "",
      "0",
      "-1",
      "+1",
      "01",
      "1.0",
      "1e3",
      "0x10",
      " 1",
      "1 ",
      "1\n",
      "１",
      "٣",
      "NaN",
      "18446744073709551616",
      "99999999999999999999",
      "1".repeat(1000),
      ["1"],
      { toString: "1" },
      true,
    ],
    app: [undefined, null, "480", 0, -1, 1.5, 2 ** 32, 1e300, [480], true],
    room: [null, "", 5, "-a", "a/b", "a b", "..", "a".repeat(65), "комната", "a\n", ["a"]],
    exp: [undefined, null, "1800000060", -1, 1e11, NOW, true, [SECONDS + 60]],
    nbf: [null, "1", -1, NOW, true],
    iat: [null, "1", -1, NOW, {}],
    jti: [null, "", 5, "x".repeat(65), "a\nb", "é", ["a"]],
    class: [null, "", "Server", "x".repeat(33), "a b", 1, true, {}],
    visible: [null, "true", 1, 0, {}],
    lobby: [null, "true", 1, 0, {}],
  };

  for (const [claim, values] of Object.entries(BAD)) {
    it.each(values.map((value) => [value]))(`${claim} %j`, async (value) => {
      const { code, message } = await refusal(await claims({ [claim]: value }));
      expect(code).toBe("ticket_bad_claim");
      expect(message).toContain(`"${claim}"`);
      expect(message.length).toBeLessThan(250);
    });
  }

  it("says what it found", async () => {
    expect(await found(undefined)).toBe("it is missing.");
    expect(await found(null)).toBe("it is null.");
    expect(await found(5)).toBe("it is the number 5.");
    expect(await found("-5")).toBe(`it is the text "-5".`);
    expect(await found("x".repeat(70))).toBe("it is a text of 70 characters.");
    expect(await found(true)).toBe("it is the boolean true.");
    expect(await found([])).toBe("it is an array.");
    expect(await found({})).toBe("it is of type object.");
  });
});

async function said(header: unknown, payload: unknown = GOOD, secret = TEST_SECRET): Promise<string> {
  return (await refusal(await forgeToken(header, payload, secret))).message;
}

describe("texts", () => {
  it("of a bad header or signature", async () => {
    expect((await refusal("x")).message).toBe(
      "The ticket is not a JWT (three base64url parts with dots); send it unchanged.",
    );
    const known = "HS256, EdDSA, ES256";
    expect(await said({ alg: "HS512" })).toBe(`The ticket's "alg" must be one of ${known}; it is the text "HS512".`);
    expect(await said({ ...HS256, kid: 5 })).toBe(`The ticket's "kid" must be a string; it is the number 5.`);
    expect(await said({ ...HS256, typ: "at+jwt" })).toBe(
      `The ticket's header must say "typ":"JWT" or no "typ", and no "crit".`,
    );
    expect(await said(HS256, [])).toBe("The ticket's payload is not a JSON object.");
    expect(await said(HS256, GOOD, "another-secret-of-at-least-thirty-two-bytes")).toBe(
      "The ticket's signature is not that of its key; compare the two keys.",
    );
  });

  it.each([
    ["aud", `"edge-relay"`, ["other"], "an array without it"],
    ["sub", "a string holding a decimal integer from 1 to 18446744073709551615", 5, "the number 5"],
    ["app", "a number, an integer from 1 to 4294967295", "480", `the text "480"`],
    ["room", "1 to 64 characters of A-Z a-z 0-9 . _ ~ - beginning with a letter or digit", null, "null"],
    ["exp", "a time in seconds (not milliseconds) since 1970", undefined, "missing"],
    ["visible", "true or false", 1, "the number 1"],
    ["lobby", "true or false", "yes", 'the text "yes"'],
    ["jti", "1 to 64 printable ASCII characters", "", `the text ""`],
  ])("of a bad %s", async (claim, rule, value, found) => {
    expect((await refusal(await claims({ [claim]: value }))).message).toBe(
      `The ticket's claim "${claim}" must be ${rule}; it is ${found}.`,
    );
  });
});

describe("keys", () => {
  it.each(["EdDSA", "ES256"] as const)("%s: signed with the private key, verified with the public one", async (alg) => {
    for (const kid of ["2031-a", undefined]) {
      const { publicKey, privateKey } = await keyPair(alg, kid);
      const trusted = await loadOrThrow({ TICKET_KEYS: keySet(publicKey) });
      const token = await signTicket({ peer: 2n ** 64n - 1n, app: 7 }, privateKey, { now: NOW });
      expect((await accepted(token, trusted)).peer).toBe(2n ** 64n - 1n);
    }
  });

  it("an oct key of the set is chosen by its kid", async () => {
    const jwk = { kty: "oct", kid: "shared", alg: "HS256", k: base64url(TEST_SECRET) };
    const trusted = await loadOrThrow({ TICKET_KEYS: keySet(jwk) });
    expect((await accepted(await signTicket({ peer: 1n, app: 1 }, jwk, { now: NOW }), trusted)).app).toBe(1);
  });

  it("the only key needs no kid in the ticket", async () => {
    const { publicKey, privateKey } = await keyPair("EdDSA", "only");
    const { kid: _, ...nameless } = privateKey;
    const token = await signTicket({ peer: 1n, app: 1 }, nameless, { now: NOW });
    expect((await accepted(token, await loadOrThrow({ TICKET_KEYS: keySet(publicKey) }))).app).toBe(1);
  });

  it("beside TICKET_SECRET, a key of the set wants its kid", async () => {
    const { publicKey, privateKey } = await keyPair("EdDSA", "k");
    const both = await loadOrThrow({ TICKET_SECRET: TEST_SECRET, TICKET_KEYS: keySet(publicKey) });
    expect((await accepted(await testTicket({ peer: 1n, now: NOW }), both)).peer).toBe(1n);
    const named = await signTicket({ peer: 2n, app: 480 }, privateKey, { now: NOW });
    expect((await accepted(named, both)).peer).toBe(2n);
    expect((await refusal(await forgeToken({ ...HS256, kid: "k" }, GOOD), both)).code).toBe("ticket_algorithm");
  });

  it("a key limited to apps signs for no other", async () => {
    const { publicKey, privateKey } = await keyPair("ES256", "tenant");
    const trusted = await loadOrThrow({ TICKET_KEYS: keySet({ ...publicKey, apps: [480, 730] }) });
    const forApp = (app: number) => signTicket({ peer: 1n, app }, privateKey, { now: NOW });
    expect((await accepted(await forApp(730), trusted)).app).toBe(730);
    const { code, message } = await refusal(await forApp(570), trusted);
    expect(code).toBe("ticket_key_not_for_app");
    expect(message).toContain("app 570");
  });

  it("are imported once, not per ticket", async () => {
    const token = await testTicket({ peer: 1n, now: NOW });
    const { importKey } = crypto.subtle;
    crypto.subtle.importKey = () => Promise.reject(new Error("imported again"));
    try {
      expect((await accepted(token)).peer).toBe(1n);
    } finally {
      crypto.subtle.importKey = importKey;
    }
  });
});

describe("hostile input", () => {
  const json = fc.jsonValue();

  it("any text is refused, and nothing is thrown", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.string({ unit: "binary", maxLength: 6000 })), async (text) => {
        expect((await verifyTicket(text, keys, NOW)).ok).toBe(false);
      }),
    );
  });

  it("so are three parts of anything", async () => {
    const part = fc.oneof(
      fc.base64String(),
      json.map((value) => base64url(JSON.stringify(value))),
    );
    await fc.assert(
      fc.asyncProperty(part, part, part, async (header, payload, signature) => {
        expect((await verifyTicket(`${header}.${payload}.${signature}`, keys, NOW)).ok).toBe(false);
      }),
    );
  });

  it("so is a good header over any claims, even signed", async () => {
    await fc.assert(
      fc.asyncProperty(json, async (payload) => {
        expect((await verifyTicket(await forgeToken(HS256, payload), keys, NOW)).ok).toBe(false);
      }),
    );
  });

  it("one claim replaced by anything never throws, and what it admits is what was signed", async () => {
    const names = fc.constantFrom(
      "sub",
      "app",
      "room",
      "exp",
      "nbf",
      "iat",
      "aud",
      "jti",
      "visible",
      "lobby",
      "__proto__",
    );
    await fc.assert(
      fc.asyncProperty(names, json, async (name, value) => {
        const verdict = await verifyTicket(await claims({ [name]: value }), keys, NOW);
        if (verdict.ok) expect(verdict.ticket).toMatchObject({ visible: name === "visible" && value === true });
      }),
    );
  });

  it("one changed character is a refusal", async () => {
    const token = await forgeToken(HS256, GOOD);
    // Not the last one: two of its bits are padding that base64 decoders ignore.
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 2), fc.constantFrom(..."AZaz09-_."), async (index, character) => {
        fc.pre(token[index] !== character);
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        expect((await verifyTicket(changed, keys, NOW)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
