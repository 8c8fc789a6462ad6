/** Encryption with whatever WebCrypto the runtime has: bundled, and run in each of them by test/network/encryption.test.ts. */
import { signIdentity } from "../../../src/auth/sign-identity.ts";
import { encrypt, generateIdentity } from "../../../src/client/encryption/index.ts";
import { createSocketPair } from "../../../src/client/simulator/index.ts";
import vectors from "../../vectors/encryption-v1.json" with { type: "json" };
import { importIssuers, verifyCertificate } from "../../../src/client/encryption/certificate.ts";

const PARAMS = [{ name: "Ed25519" }, { name: "ECDSA", namedCurve: "P-256" }];

/** "ok", or what went wrong. */
export async function selfTest(): Promise<string> {
  try {
    for (const params of PARAMS) await talk(params);
    const issuers = await importIssuers([vectors.issuer]);
    const { peer, certificate } = vectors.low;
    await verifyCertificate(certificate, { peer: BigInt(peer), app: 480, issuers, now: 1_900_000_000_000 });
    return "ok";
  } catch (error) {
    return `${String(error)} ${String((error as Error).cause ?? "")}`;
  }
}

async function talk(params: { name: string }): Promise<void> {
  const signer = (await crypto.subtle.generateKey(params, true, ["sign", "verify"])) as CryptoKeyPair;
  const privateKey = await crypto.subtle.exportKey("jwk", signer.privateKey);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", signer.publicKey);
  const options = async (peer: bigint) => {
    const identity = await generateIdentity();
    const certificate = await signIdentity({ peer, app: 480, key: identity.publicKey }, privateKey);
    return { identity, certificate, issuers: [{ kty, crv, x, y }] };
  };
  const [a, b] = createSocketPair({ peers: [2n, 1n] });
  const [atA, atB] = await Promise.all([encrypt(a, await options(1n)), encrypt(b, await options(2n))]);
  atA.send("hello");
  atA.send("state", { reliable: false });
  for await (const { payload, reliable } of atB) {
    const text = new TextDecoder().decode(payload);
    if (text !== (reliable ? "hello" : "state")) throw new Error(`got ${text}`);
    if (!reliable) break;
  }
  await a.close({ linger: false });
}

/** In a page: an identity put into IndexedDB is the same when it comes back. */
export async function storageTest(): Promise<string> {
  const open = indexedDB.open("identities", 1);
  open.onupgradeneeded = () => open.result.createObjectStore("keys");
  const database = await done(open);
  const identity = await generateIdentity();
  await done(database.transaction("keys", "readwrite").objectStore("keys").put(identity, "me"));
  const back = await done<typeof identity>(database.transaction("keys").objectStore("keys").get("me"));
  const other = await generateIdentity();
  const bits = (keys: CryptoKeyPair) =>
    crypto.subtle.deriveBits({ name: "X25519", public: other.keys.publicKey }, keys.privateKey, 256);
  const [before, after] = [new Uint8Array(await bits(identity.keys)), new Uint8Array(await bits(back.keys))];
  return before.join() === after.join() && !back.keys.privateKey.extractable ? "stored" : "not the same key";
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no reason given"));
  });
}
