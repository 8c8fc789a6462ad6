/** Who has an admin token, the same for the admin API and the metrics. */
import type { Context } from "hono";
import {
  type AdminIdentity,
  type AdminTokens,
  type LoadedAdminTokens,
  loadAdminTokens,
} from "../../auth/admin-tokens.ts";
import { bearerToken } from "../../auth/bearer.ts";
import { parseClientAddress } from "../../relay/limits/client-address.ts";
import { TOKEN_SUBPROTOCOL_PREFIX } from "../../relay/watching/events.ts";
import type { Platform, RelayEnvironment } from "../gateway.ts";
import { type Checked, offeredProtocols } from "../join.ts";
import { problem } from "../problem.ts";
import { AdminLimiter } from "./limiter.ts";

export class Operators<Env extends RelayEnvironment> {
  readonly #platform: Platform<Env>;
  readonly #tokens = new AdminTokensCache();
  readonly #limiter = new AdminLimiter();

  constructor(platform: Platform<Env>) {
    this.#platform = platform;
  }

  /** Whose request it is. Where no token is configured there is nothing here. */
  async identify(c: Context<{ Bindings: Env }>): Promise<Checked<AdminIdentity>> {
    const loaded = await this.#tokens.load(c.env);
    if (!loaded.ok) return refused(problem("relay_not_configured", loaded.message));
    if (!loaded.tokens) return refused(problem("not_found", "there is nothing here"));
    return this.#identify(c.req.raw, loaded.tokens);
  }

  /** Wrong tokens are answered alike, whatever is right about them. */
  async #identify(request: Request, tokens: AdminTokens): Promise<Checked<AdminIdentity>> {
    const now = this.#platform.now();
    const client = parseClientAddress(this.#platform.address(request));
    const token = bearerToken(request.headers.get("authorization") ?? undefined) ?? tokenAmong(request);
    if (token === undefined) {
      return refused(problem("admin_token_missing", 'send the token as "Authorization: Bearer <token>"'));
    }
    const shutOut = this.#limiter.refuseGuess(client, now);
    if (shutOut) return refused(shutOut);
    const operator = await tokens.identify(token);
    if (!operator) {
      const refusal = this.#limiter.wrong(client, now);
      return refused(refusal ?? problem("admin_token_wrong", "this is none of the relay's admin tokens"));
    }
    const refusal = this.#limiter.right(operator, client, now);
    return refusal ? refused(refusal) : { ok: true, value: operator };
  }
}

/** Where a page can set no header: in the upgrade of `/watch`, as base64url. */
function tokenAmong(request: Request): string | undefined {
  const offered = offeredProtocols(request).find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
  if (offered === undefined || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const text = offered.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return ""; // a wrong token, like any other
  }
}

/** The environment of an isolate does not change, so its text is the cache's key (configuration.ts). */
class AdminTokensCache {
  #text: string | undefined;
  #loaded: Promise<LoadedAdminTokens> | undefined;

  load({ ADMIN_TOKEN, ADMIN_TOKENS }: RelayEnvironment): Promise<LoadedAdminTokens> {
    const text = JSON.stringify([ADMIN_TOKEN, ADMIN_TOKENS]);
    if (!this.#loaded || this.#text !== text) {
      this.#text = text;
      this.#loaded = loadAdminTokens({ ADMIN_TOKEN, ADMIN_TOKENS });
    }
    return this.#loaded;
  }
}

function refused(refusal: Response): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal };
}
