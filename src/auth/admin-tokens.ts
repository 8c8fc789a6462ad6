/** Who may use the admin API: `ADMIN_TOKEN` and `ADMIN_TOKENS`. Of tokens other than the first only a digest is known here. */
import { type AppId, ID_RULES, parseAppId } from "../protocol/index.ts";

/** `operate` includes `read`. */
export type AdminScope = "read" | "operate";

/** Who asks. */
export interface AdminIdentity {
  /** What the audit log calls it. */
  readonly name: string;
  readonly scope: AdminScope;
  /** Undefined: all. */
  readonly apps: ReadonlySet<AppId> | undefined;
}

export interface AdminEnvironment {
  readonly ADMIN_TOKEN?: string | null | undefined;
  readonly ADMIN_TOKENS?: string | null | undefined;
}

export type LoadedAdminTokens =
  /** Undefined: none is configured, so there is no admin API. */
  { readonly ok: true; readonly tokens: AdminTokens | undefined } | { readonly ok: false; readonly message: string };

/** The name of who has ADMIN_TOKEN, and of what the relay does on its own account. */
const RESERVED = ["admin", "relay"];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const NAME_RULE = "1 to 64 characters of A-Z a-z 0-9 . _ - beginning with a letter or digit";
const DIGEST = /^[0-9a-f]{64}$/i;
/** What bearerToken() lets through: a token with anything else could never be sent. */
const SENDABLE = /^[\x21-\x7e]+$/;
const FIELDS = ["name", "sha256", "scope", "apps"];
const MAX_TOKENS = 100;
const MAX_APPS = 100;

/** One that is refused must not weaken the rest, so a mistake refuses them all. */
class Mistake extends Error {}

interface Entry extends AdminIdentity {
  /** Hexadecimal, in lower case. */
  readonly digest: string;
}

export class AdminTokens {
  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Whose token it is. How long it takes says nothing about which digests are nearly the same, nor which one is the same. */
  async identify(token: string): Promise<AdminIdentity | undefined> {
    const digest = await sha256(token);
    let found: AdminIdentity | undefined;
    for (const entry of this.#entries) if (equals(entry.digest, digest)) found = entry;
    return found && { name: found.name, scope: found.scope, apps: found.apps };
  }
}

/** Whether the admin API is there at all: some token is meant, rightly or not. */
export function isAdminOn({ ADMIN_TOKEN, ADMIN_TOKENS }: AdminEnvironment): boolean {
  return Boolean(ADMIN_TOKEN) || Boolean(ADMIN_TOKENS);
}

/**
 * `ADMIN_TOKEN` is for all apps, and may operate. `ADMIN_TOKENS` is a JSON array of
 * `{"name":"grafana","sha256":"<of the token, in hex>","scope":"read","apps":[480]}`. Empty ones count as absent.
 */
export async function loadAdminTokens({ ADMIN_TOKEN, ADMIN_TOKENS }: AdminEnvironment): Promise<LoadedAdminTokens> {
  try {
    const entries = ADMIN_TOKENS ? readEntries(ADMIN_TOKENS) : [];
    if (ADMIN_TOKEN) entries.unshift(await readSingle(ADMIN_TOKEN, entries));
    return { ok: true, tokens: entries.length === 0 ? undefined : new AdminTokens(entries) };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, message: error.message };
    throw error;
  }
}

/** An address from which a right token has come may guess on, so a token must not be one that can be guessed. */
const MIN_TOKEN = 16;

async function readSingle(token: string, others: readonly Entry[]): Promise<Entry> {
  if (!SENDABLE.test(token)) {
    throw new Mistake("ADMIN_TOKEN has characters that no header can carry; make one with `openssl rand -base64 32`");
  }
  if (token.length < MIN_TOKEN) {
    throw new Mistake(
      `ADMIN_TOKEN must have at least ${MIN_TOKEN} characters; make one with \`openssl rand -base64 32\``,
    );
  }
  const digest = await sha256(token);
  const same = others.findIndex((entry) => entry.digest === digest);
  if (same >= 0) throw new Mistake(`ADMIN_TOKENS[${same}] is the token of ADMIN_TOKEN: each needs one of its own`);
  return { name: "admin", scope: "operate", apps: undefined, digest };
}

function readEntries(text: string): Entry[] {
  const list = parseJson(text);
  if (!Array.isArray(list)) throw new Mistake("ADMIN_TOKENS must be a JSON array");
  if (list.length > MAX_TOKENS) throw new Mistake(`ADMIN_TOKENS has more than ${MAX_TOKENS} tokens`);
  const entries: Entry[] = [];
  for (const [index, value] of list.entries()) {
    const place = `ADMIN_TOKENS[${index}]`;
    const entry = readEntry(value, place);
    const sameName = entries.findIndex(({ name }) => name === entry.name);
    if (sameName >= 0) throw new Mistake(`${place}.name is that of ADMIN_TOKENS[${sameName}], too`);
    const sameDigest = entries.findIndex(({ digest }) => digest === entry.digest);
    if (sameDigest >= 0) throw new Mistake(`${place}.sha256 is that of ADMIN_TOKENS[${sameDigest}], too`);
    entries.push(entry);
  }
  return entries;
}

/** The values are not quoted: whoever sees the refusal need not know them. */
function readEntry(value: unknown, place: string): Entry {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mistake(`${place} is no object`);
  const { name, sha256: digest, scope, apps } = value as Record<string, unknown>;
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) {
    throw new Mistake(`${place} has the unknown field "${unknown.slice(0, 40)}" (known: ${FIELDS.join(", ")})`);
  }
  if (typeof name !== "string" || !NAME.test(name)) throw new Mistake(`${place}.name must be ${NAME_RULE}`);
  if (RESERVED.includes(name)) throw new Mistake(`${place}.name must not be one of ${RESERVED.join(", ")}`);
  if (typeof digest !== "string" || !DIGEST.test(digest)) {
    throw new Mistake(`${place}.sha256 must be the token's SHA-256 as 64 hexadecimal digits`);
  }
  if (scope !== "read" && scope !== "operate") throw new Mistake(`${place}.scope must be "read" or "operate"`);
  return { name, digest: digest.toLowerCase(), scope, apps: apps === undefined ? undefined : readApps(apps, place) };
}

function readApps(apps: unknown, place: string): ReadonlySet<AppId> {
  if (!Array.isArray(apps) || apps.length === 0 || apps.length > MAX_APPS) {
    throw new Mistake(`${place}.apps must be an array of 1 to ${MAX_APPS} app ids; leave it out for all apps`);
  }
  const ids = apps.map((app, index) => {
    const id = typeof app === "number" ? parseAppId(app) : undefined;
    if (id === undefined) throw new Mistake(`${place}.apps[${index}] must be ${ID_RULES.app}`);
    return id;
  });
  return new Set(ids);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Mistake("ADMIN_TOKENS is not JSON");
  }
}

/** Both are as long as each other. */
function equals(a: string, b: string): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
