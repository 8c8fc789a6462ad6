import { ID_RULES, type AppId, parseAppId } from "../protocol/ids.ts";
import {
  type TicketAlgorithm,
  type TicketJwk,
  TicketKeyError,
  importSecret,
  importVerifyKey,
  readJwk,
} from "./key-material.ts";

/** One key that the relay trusts. It alone decides the algorithm: a ticket's header is a stranger's word. */
export interface TicketKey {
  readonly alg: TicketAlgorithm;
  readonly key: CryptoKey;
  /** Absent: every app. */
  readonly apps?: ReadonlySet<AppId>;
}

/** Imported once and kept as long as the process: importing a key costs more than verifying with it. */
export interface TicketKeys {
  readonly byKid: ReadonlyMap<string, TicketKey>;
  /** The key of tickets without `kid`, where that is not ambiguous. */
  readonly withoutKid?: TicketKey;
}

export interface TicketKeyConfig {
  readonly TICKET_SECRET?: string | undefined;
  readonly TICKET_KEYS?: string | undefined;
}

export type LoadedTicketKeys =
  | { readonly ok: true; readonly keys: TicketKeys }
  | { readonly ok: false; readonly message: string };

const NOT_CONFIGURED =
  "No key to verify tickets with: set TICKET_SECRET (at least 32 bytes, shared with the game's backend) or " +
  "TICKET_KEYS (a JWK set of public keys). On Cloudflare: npx wrangler secret put TICKET_SECRET";

/** An empty variable counts as absent. */
export async function loadTicketKeys(config: TicketKeyConfig): Promise<LoadedTicketKeys> {
  const { TICKET_SECRET: secret, TICKET_KEYS: set } = config;
  if (!secret && !set) return { ok: false, message: NOT_CONFIGURED };
  try {
    const shared = secret ? await secretKey(secret) : undefined;
    const listed = set ? await readKeySet(set, shared !== undefined) : [];
    const [only] = listed;
    const withoutKid = shared ?? (listed.length === 1 ? only?.key : undefined);
    const byKid = new Map<string, TicketKey>();
    for (const { kid, key } of listed) if (kid !== undefined) byKid.set(kid, key);
    return { ok: true, keys: { byKid, ...(withoutKid && { withoutKid }) } };
  } catch (error) {
    if (error instanceof TicketKeyError) return { ok: false, message: error.message };
    throw error;
  }
}

async function secretKey(secret: string): Promise<TicketKey> {
  return { alg: "HS256", key: await importSecret(secret, "TICKET_SECRET", "verify") };
}

interface ListedKey {
  readonly kid: string | undefined;
  readonly key: TicketKey;
}

async function readKeySet(text: string, besideSecret: boolean): Promise<ListedKey[]> {
  const entries = parseKeySet(text);
  const listed: ListedKey[] = [];
  const kids = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const { kid, key } = await readKey(entry, index);
    if (kid === undefined && (entries.length > 1 || besideSecret)) {
      const why = besideSecret ? "beside TICKET_SECRET" : "beside other keys";
      throw badKey(index, `it needs a "kid", or no ticket could choose it ${why}.`);
    }
    if (kid !== undefined && kids.has(kid)) throw badKey(index, `its "kid" is that of an earlier key; rename one.`);
    if (kid !== undefined) kids.add(kid);
    listed.push({ kid, key });
  }
  return listed;
}

function parseKeySet(text: string): unknown[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the fault, which may be a secret.
    throw new TicketKeyError(`TICKET_KEYS is not JSON; set it to a JWK set: {"keys":[{"kty":"OKP",...}]}`);
  }
  const keys = isObject(set) ? set.keys : undefined;
  if (Array.isArray(keys) && keys.length > 0) return keys;
  throw new TicketKeyError(`TICKET_KEYS is not a JWK set with at least one key: {"keys":[{"kty":"OKP",...}]}`);
}

async function readKey(entry: unknown, index: number): Promise<ListedKey> {
  if (!isObject(entry)) throw badKey(index, "it must be a JWK, an object.");
  if ("d" in entry) throw badKey(index, `it holds a private key; leave out "d": put the public key only.`);
  try {
    const material = readJwk(entry as TicketJwk);
    const apps = readApps(entry.apps);
    const key = await importVerifyKey(material);
    return { kid: material.kid, key: { alg: material.alg, key, ...(apps && { apps }) } };
  } catch (error) {
    throw error instanceof TicketKeyError ? badKey(index, error.message) : error;
  }
}

function readApps(value: unknown): ReadonlySet<AppId> | undefined {
  if (value === undefined) return undefined;
  const apps = new Set<AppId>();
  for (const item of Array.isArray(value) ? value : []) {
    const app = typeof item === "number" ? parseAppId(item) : undefined;
    if (app === undefined) throw new TicketKeyError(`"apps" must list numbers, each ${ID_RULES.app}.`);
    apps.add(app);
  }
  // An empty list is more likely a mistake than a key for nothing, and must not become a key for everything.
  if (apps.size === 0) throw new TicketKeyError(`"apps" must list at least one app; leave it out for all apps.`);
  return apps;
}

function badKey(index: number, fault: string): TicketKeyError {
  return new TicketKeyError(`TICKET_KEYS, key ${index + 1}: ${fault}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
