import { RelayError } from "../relay-error.ts";
import { type Bytes, toBase64url } from "./bytes.ts";

/** A player's key pair. Structured-cloneable: IndexedDB keeps it, and never sees the private key's bytes. */
export interface Identity {
  /** 32 bytes, base64url: what the game's backend puts into the certificate. */
  readonly publicKey: string;
  readonly keys: CryptoKeyPair;
}

export interface IdentityOptions {
  /** Default false. True where keys can be kept as bytes only (Node, Deno, Bun): whoever reads them is the player. */
  readonly extractable?: boolean;
}

const X25519 = { name: "X25519" };

/** A new key pair, for this login or for longer. Throws RelayError `encryption_unavailable`. */
export async function generateIdentity({ extractable = false }: IdentityOptions = {}): Promise<Identity> {
  const keys = await generateKeyPair(extractable);
  return { keys, publicKey: toBase64url(await exportPublicKey(keys.publicKey)) };
}

export async function generateKeyPair(extractable = false): Promise<CryptoKeyPair> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) throw unavailable("there is no WebCrypto; in a browser it needs https or localhost");
  try {
    return (await subtle.generateKey(X25519, extractable, ["deriveBits"])) as CryptoKeyPair;
  } catch (cause) {
    throw unavailable(
      "its WebCrypto has no X25519; use Node 22.12, Chrome 133, Firefox 130, Safari 17 or later",
      cause,
    );
  }
}

export async function exportPublicKey(key: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("raw", key));
}

/** Undefined when theirs is a point whose product says nothing about ours. */
export async function diffieHellman(privateKey: CryptoKey, theirs: Bytes): Promise<Bytes | undefined> {
  try {
    const publicKey = await crypto.subtle.importKey("raw", theirs, X25519, true, []);
    const shared = new Uint8Array(await crypto.subtle.deriveBits({ ...X25519, public: publicKey }, privateKey, 256));
    // Runtimes are to refuse points of small order by themselves; not all always did.
    return shared.some((byte) => byte !== 0) ? shared : undefined;
  } catch {
    return undefined; // OperationError: a point of small order
  }
}

function unavailable(why: string, cause?: unknown): RelayError {
  return new RelayError("encryption_unavailable", `Cannot encrypt on this runtime: ${why}`, { cause });
}
