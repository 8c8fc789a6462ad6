import { describe, expect, test } from "vitest";
import { IDENTITY_AUDIENCE, signIdentity } from "../../../src/auth/sign-identity.ts";
import { signTicket } from "../../../src/auth/sign-ticket.ts";
import { loadTicketKeys } from "../../../src/auth/ticket-keys.ts";
import { verifyTicket } from "../../../src/auth/verify-ticket.ts";
import { encrypt, generateIdentity } from "../../../src/client/encryption/index.ts";
import { createSocketPair } from "../../../src/client/simulator/index.ts";
import { keyPair, keySet } from "../auth/keys.ts";
import { TEST_SECRET, base64url, forgeToken } from "../../support/tickets.ts";
import {
  ALICE,
  APP,
  BOB,
  type Hop,
  alice,
  backend,
  bob,
  encryptBoth,
  hostilePair,
  other,
  outcome,
  outcomes,
  player,
  read,
  text,
} from "./players.ts";

const HOUR = 3_600_000;

describe("two honest ends", () => {
  test("agree, know each other, and talk", async () => {
    const { a, b, relay } = hostilePair();
    const [atA, atB] = await encryptBoth(a, b);
    expect(atA.peerCertificate).toMatchObject({ peer: BOB, app: APP, publicKey: bob.identity.publicKey, issuer: "k1" });
    expect(atB.peerCertificate).toMatchObject({ peer: ALICE, publicKey: alice.identity.publicKey });
    atA.send("to bob", { channel: 5 });
    atB.send("to alice", { reliable: false });
    expect(await read(atB, 1).then(([m]) => [text(m!), m?.channel, m?.reliable])).toEqual(["to bob", 5, true]);
    expect(await read(atA, 1).then(([m]) => [text(m!), m?.reliable])).toEqual(["to alice", false]);
    const seen = relay.seen.map(({ message }) => text(message)).join();
    expect(seen).not.toMatch(/to bob|to alice/);
  });

  test("whoever is late is waited for, and what is sent meanwhile arrives", async () => {
    const { a, b } = hostilePair();
    const atA = encrypt(a, alice);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [first, second] = await Promise.all([atA, encrypt(b, bob)]);
    first.send("one", { lane: 1 });
    await first.close();
    expect((await read(second, 1)).map(text)).toEqual(["one"]);
  });

  test("a peer that closes at once is still heard", async () => {
    const [a, b] = createSocketPair({ peers: [BOB, ALICE] });
    const sending = encrypt(a, alice).then(async (secure) => {
      secure.send("bye");
      await secure.close();
    });
    const atB = await encrypt(b, bob);
    expect((await read(atB, 1)).map(text)).toEqual(["bye"]);
    await sending;
  });

  test("ES256, several issuers while a key is replaced, and a certificate 20 s over", async () => {
    const [next, ec] = [await keyPair("EdDSA", "k2"), await keyPair("ES256", "k3")];
    const issuers = [backend.publicKey, next.publicKey, ec.publicKey];
    const now = Date.now() - HOUR - 20_000;
    const { a, b } = hostilePair();
    const both = [await player(ALICE, { signer: ec, issuers, now }), await player(BOB, { signer: next, issuers })];
    expect(await outcomes(a, b, both[0], both[1])).toEqual(["ok", "ok"]);
  });

  test("data right behind the finished message is data", async () => {
    const held: Hop["message"][] = [];
    const { a, b } = hostilePair(({ from, index, message }, deliver) => {
      if (from === "bob" || index === 0) return deliver(other(from), message);
      held.push(message);
      if (index === 2) for (const each of held) deliver("bob", each);
    });
    const atB = encrypt(b, bob);
    (await encrypt(a, alice)).send("at once");
    expect((await read(await atB, 1)).map(text)).toEqual(["at once"]);
  });

  test("every connection has keys of its own", async () => {
    const payloads = await Promise.all(
      [1, 2].map(async () => {
        const { a, b, relay } = hostilePair();
        const [atA, atB] = await encryptBoth(a, b);
        atA.send("the same");
        await read(atB, 1);
        return relay.seen.find(({ from, index }) => from === "alice" && index === 2)?.message.payload;
      }),
    );
    expect(payloads[0]?.length).toBe(1 + 8 + 16);
    expect(payloads[0]).not.toEqual(payloads[1]);
  });
});

const refusedOf = async (certificate: string): Promise<[string, string]> => {
  const { a, b } = hostilePair();
  return outcomes(a, b, { certificate });
};

const claims = (over: object = {}): object => {
  const now = Math.floor(Date.now() / 1000);
  const key = alice.identity.publicKey;
  return { aud: IDENTITY_AUDIENCE, sub: String(ALICE), app: APP, key, iat: now, exp: now + 3600, ...over };
};

const signedBy = async (jwk: JsonWebKey, payload: object, header: object): Promise<string> => {
  const params = { name: "Ed25519" };
  const { kty, crv, x, d } = jwk;
  const material = { kty: kty ?? "", crv: crv ?? "", x: x ?? "", d: d ?? "" };
  const key = await crypto.subtle.importKey("jwk", material, params, false, ["sign"]);
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  return `${signed}.${base64url(await crypto.subtle.sign(params, key, new TextEncoder().encode(signed)))}`;
};

describe("certificates that are refused", () => {
  const header = { alg: "EdDSA", typ: "JWT", kid: "k1" };
  const byBackend = (over: object, head: object = header): Promise<string> =>
    signedBy(backend.privateKey, claims(over), head);

  test("expired: the owner is told before it sends it, the other end if it sends it all the same", async () => {
    const old = await player(ALICE, { now: Date.now() - HOUR - 31_000 });
    const longLived = await player(BOB, { now: Date.now() - 2 * HOUR, expiresInSeconds: 4 * 3600 });
    const { a, b } = hostilePair();
    const both = await outcomes(a, b, { ...old, now: () => Date.now() - HOUR }, longLived);
    expect(both).toEqual(["handshake_failed", "certificate_expired"]);
    const { a: again } = hostilePair();
    expect(await outcome(encrypt(again, old))).toBe("certificate_expired");
  });

  test("of another audience: one, several, none", async () => {
    for (const aud of ["edge-relay", [IDENTITY_AUDIENCE], undefined]) {
      const { a } = hostilePair();
      const certificate = await byBackend({ aud });
      expect(await outcome(encrypt(a, { ...alice, certificate, timeoutMs: 100 }))).toBe("certificate_untrusted");
    }
  });

  test("of another peer", async () => {
    const mallory = await player(1003n);
    const { a, b } = hostilePair();
    expect(await outcomes(a, b, mallory)).toEqual(["handshake_failed", "certificate_wrong_peer"]);
  });

  test("of another app", async () => {
    const { a, b } = hostilePair();
    const elsewhere = await player(ALICE, { app: 730 });
    const both = await outcomes(a, b, elsewhere);
    expect(both).toContain("certificate_untrusted");
    expect(both).not.toContain("ok");
  });

  test("of a signer that is none of the issuers: unknown kid, and a kid that is stolen", async () => {
    for (const kid of ["k9", "k1", undefined]) {
      const signer = await keyPair("EdDSA", kid);
      const { a, b } = hostilePair();
      const [atA, atB] = await outcomes(a, b, await player(ALICE, { signer }));
      expect([atA, atB]).toEqual(["handshake_failed", "certificate_untrusted"]);
    }
  });

  test("HS256 with the issuer's public key as its secret, alg none, and ES256 for an Ed25519 key", async () => {
    const x = backend.publicKey.x ?? "";
    const tokens = [
      await forgeToken({ alg: "HS256", typ: "JWT", kid: "k1" }, claims(), x),
      await forgeToken({ alg: "HS256", typ: "JWT", kid: "k1" }, claims(), TEST_SECRET),
      `${base64url(JSON.stringify({ alg: "none", kid: "k1" }))}.${base64url(JSON.stringify(claims()))}.`,
      await byBackend({}, { ...header, alg: "ES256" }),
      await byBackend({}, { ...header, alg: "HS256" }),
    ];
    for (const token of tokens) expect(await refusedOf(token)).toEqual(["handshake_failed", "certificate_untrusted"]);
  });

  test("a crit header, a second or two, and signed rubbish", async () => {
    // Alice's own client would not send these: the relay puts them into her hello.
    const tokens = [
      await byBackend({}, { ...header, crit: ["b64"] }),
      await byBackend({ aud: "edge-relay" }),
      await byBackend({ aud: [IDENTITY_AUDIENCE] }),
      await byBackend({ sub: 1001 }),
      await byBackend({ sub: "01001" }),
      await byBackend({ app: "480" }),
      await byBackend({ key: alice.identity.publicKey.slice(1) }),
      await byBackend({ exp: Date.now() + HOUR }),
      await byBackend({ exp: undefined }),
      await byBackend({ nbf: Math.floor(Date.now() / 1000) + 60 }),
      "x.y.z",
      "e30.e30.e30",
      "",
      "a".repeat(5000),
    ];
    for (const token of tokens) {
      const hostile = hostilePair(({ from, index, message }, deliver) => {
        const isHello = from === "alice" && index === 0;
        const payload = isHello
          ? new Uint8Array([...message.payload.slice(0, 34), ...new TextEncoder().encode(token)])
          : message.payload;
        deliver(other(from), { ...message, payload });
      });
      const [, atB] = await outcomes(hostile.a, hostile.b);
      expect(["certificate_untrusted", "handshake_failed"]).toContain(atB);
    }
  });

  test("one that is not this identity's, or is this end's for the other, is a mistake here", async () => {
    const { a } = hostilePair();
    expect(await outcome(encrypt(a, { ...alice, identity: await generateIdentity() }))).toBe("invalid_argument");
    const { a: second } = hostilePair();
    expect(await outcome(encrypt(second, bob))).toBe("invalid_argument");
    const { a: third } = hostilePair();
    expect(await outcome(encrypt(third, { ...alice, certificate: "rubbish" }))).toBe("invalid_argument");
  });

  test("issuers that cannot be: none, two without kid, private, a secret, another curve", async () => {
    const second = (await keyPair("EdDSA")).publicKey;
    const sets = [
      [],
      [second, backend.publicKey],
      [backend.publicKey, backend.publicKey],
      [backend.privateKey],
      [{ kty: "oct", k: TEST_SECRET }],
      [{ kty: "OKP", crv: "X25519", x: alice.identity.publicKey }],
      [{ kty: "OKP", crv: "Ed25519", x: "short" }],
    ];
    for (const issuers of sets) {
      const { a, b } = hostilePair();
      const [atA] = await outcomes(a, b, { issuers });
      expect(atA).toBe("invalid_argument");
    }
  });
});

describe("a relay in the middle", () => {
  test("with a certificate of its own, for its own id or signed by itself", async () => {
    const own = await keyPair("EdDSA", "k1");
    for (const mallory of [await player(1003n), await player(ALICE, { signer: own })]) {
      const { b, relay } = hostilePair(() => undefined);
      void encrypt(relay.toBob, { ...mallory, issuers: [own.publicKey] }).catch(() => undefined);
      expect(["certificate_wrong_peer", "certificate_untrusted"]).toContain(await outcome(encrypt(b, bob)));
    }
  });

  test("that puts its own ephemeral key into a hello gets no further", async () => {
    const ephemeral = Buffer.from((await generateIdentity()).publicKey, "base64url");
    const { a, b } = hostilePair(({ from, index, message }, deliver) => {
      const payload = message.payload.slice();
      if (index === 0) payload.set(ephemeral, 2);
      deliver(other(from), { ...message, payload });
    });
    expect(await outcomes(a, b)).toEqual(["handshake_failed", "handshake_failed"]);
  });

  test("that replays the hello of an earlier connection", async () => {
    const earlier = hostilePair();
    await encryptBoth(earlier.a, earlier.b);
    const recorded = earlier.relay.seen.filter(({ from }) => from === "alice").map(({ message }) => message);
    const later = hostilePair(() => undefined);
    for (const message of recorded) later.relay.deliver("bob", message);
    expect(await outcome(encrypt(later.b, bob))).toBe("handshake_failed");
  });

  test("that reflects everything", async () => {
    const { a } = hostilePair(({ from, message }, deliver) => deliver(from, message));
    expect(await outcome(encrypt(a, alice))).toBe("certificate_wrong_peer");
  });

  test("that joins the connections of two ports, or of two apps", async () => {
    const [a, m1] = createSocketPair({ peers: [BOB, ALICE], type: 2 });
    const [m2, b] = createSocketPair({ peers: [BOB, ALICE], type: 3 });
    m1.onMessage(({ payload }) => void (m2.ending ?? m2.send(payload)));
    m2.onMessage(({ payload }) => void (m1.ending ?? m1.send(payload)));
    expect(await outcomes(a, b)).toEqual(["handshake_failed", "handshake_failed"]);
  });

  test("every bit of both hellos and of both finished messages counts", async () => {
    const clean = hostilePair();
    await encryptBoth(clean.a, clean.b);
    for (const { from, index, message } of clean.relay.seen) {
      const { length } = message.payload;
      const positions = index === 0 ? [0, 1, 2, 20, 33, 34, 60, 200, length - 40, length - 3] : [0, 1, 9, length - 1];
      for (const position of positions) {
        const { a, b } = hostilePair((hop, deliver) => {
          const payload = hop.message.payload.slice();
          if (hop.from === from && hop.index === index) payload[position]! ^= 1;
          deliver(other(hop.from), { ...hop.message, payload });
        });
        const victim = outcomes(a, b).then((both) => both[from === "alice" ? 1 : 0]);
        expect(await victim, `${from} ${index} byte ${position}`).not.toBe("ok");
      }
    }
  });

  test("that drops the finished message, or takes its time", async () => {
    const { a, b } = hostilePair(({ from, index, message }, deliver) => {
      if (index === 0) deliver(other(from), message);
    });
    expect(await outcomes(a, b, { timeoutMs: 200 }, { timeoutMs: 5_000 })).toEqual([
      "handshake_timeout",
      "handshake_failed",
    ]);
  });
});

describe("an end that does not encrypt", () => {
  test("and says nothing is a timeout; that talks in the clear is found out", async () => {
    const silent = hostilePair();
    expect(await outcome(encrypt(silent.a, { ...alice, timeoutMs: 100 }))).toBe("handshake_timeout");
    expect(await silent.b.closed).toMatchObject({ reason: 2000, closedBy: "peer" });
    const plain = hostilePair();
    plain.b.send("hello in the clear");
    expect(await outcome(encrypt(plain.a, alice))).toBe("handshake_failed");
    const other = hostilePair();
    other.b.send(Uint8Array.of(1, 2, ...new Uint8Array(40)));
    expect(await outcome(encrypt(other.a, alice))).toBe("handshake_failed");
  });

  test("a connection that ends meanwhile, or is over, is an error; encrypting twice is a mistake", async () => {
    const { a, b } = hostilePair();
    const encrypting = outcome(encrypt(a, alice));
    expect(await outcome(encrypt(a, alice))).toBe("invalid_argument");
    await b.close({ reason: 1234 });
    expect(await encrypting).toBe("handshake_failed");
    const over = hostilePair();
    await over.a.close();
    expect(await outcome(encrypt(over.a, alice))).toBe("handshake_failed");
  });
});

describe("signIdentity", () => {
  const key = alice.identity.publicKey;

  test("a certificate is no ticket, and a ticket is no certificate", async () => {
    const loaded = await loadTicketKeys({ TICKET_KEYS: keySet(backend.publicKey) });
    if (!loaded.ok) throw new Error(loaded.message);
    const verdict = await verifyTicket(alice.certificate, loaded.keys, Date.now());
    expect(verdict).toMatchObject({ ok: false, refusal: { code: "ticket_wrong_audience" } });
    const ticket = await signTicket({ peer: ALICE, app: APP }, backend.privateKey);
    const { a } = hostilePair();
    expect(await outcome(encrypt(a, { ...alice, certificate: ticket }))).toBe("certificate_untrusted");
  });

  test("a ticket may name the key too; the relay does not read it", async () => {
    const loaded = await loadTicketKeys({ TICKET_SECRET: TEST_SECRET });
    if (!loaded.ok) throw new Error(loaded.message);
    const ticket = await forgeToken({ alg: "HS256", typ: "JWT" }, { ...claims(), aud: "edge-relay" });
    expect(await verifyTicket(ticket, loaded.keys, Date.now())).toMatchObject({ ok: true, ticket: { peer: ALICE } });
  });

  test("refuses secrets, public keys and bad claims", async () => {
    const good = { peer: ALICE, app: APP, key };
    await expect(signIdentity(good, { kty: "oct", k: base64url("x".repeat(32)) })).rejects.toThrow("shared secret");
    await expect(signIdentity(good, backend.publicKey)).rejects.toThrow(`private part, "d"`);
    await expect(signIdentity(good, { ...backend.privateKey, d: "AAAA" })).rejects.toThrow("not a valid private key");
    await expect(signIdentity({ ...good, peer: 5 as never }, backend.privateKey)).rejects.toThrow(TypeError);
    for (const bad of [{ peer: "0" }, { app: 0 }, { key: key.slice(1) }, { key: `${key}=` }, { expiresInSeconds: 0 }]) {
      await expect(signIdentity({ ...good, ...bad }, backend.privateKey)).rejects.toThrow("Cannot sign an identity");
    }
  });

  test("the private key of an identity stays where it is, unless asked for", async () => {
    expect(alice.identity.keys.privateKey.extractable).toBe(false);
    expect((await generateIdentity({ extractable: true })).keys.privateKey.extractable).toBe(true);
    const copy = structuredClone(alice.identity); // what IndexedDB does with it
    const { a, b } = hostilePair();
    expect(await outcomes(a, b, { identity: copy })).toEqual(["ok", "ok"]);
  });
});
