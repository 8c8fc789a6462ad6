/** Who may scrape: whoever has a token of the admin API. */
import { bearerToken, secretsEqual } from "../auth/bearer.ts";
import type { RelayEnvironment } from "./gateway.ts";
import { problem } from "./problem.ts";

export type MetricsAccess =
  /** `apps`: undefined for all. */
  | { readonly ok: true; readonly apps: ReadonlySet<number> | undefined }
  | { readonly ok: false; readonly refusal: Response };

/** Where no token is configured there is nothing here. */
export async function metricsAccess(env: RelayEnvironment, authorization: string | undefined): Promise<MetricsAccess> {
  const expected = env.ADMIN_TOKEN;
  if (!expected) return { ok: false, refusal: problem("not_found", "there is nothing here") };
  const token = bearerToken(authorization);
  if (token === undefined) {
    const detail = 'send an admin token as "Authorization: Bearer <token>"';
    return { ok: false, refusal: problem("admin_token_missing", detail) };
  }
  if (await secretsEqual(token, expected)) return { ok: true, apps: undefined };
  return { ok: false, refusal: problem("admin_token_wrong", "this is not the ADMIN_TOKEN") };
}
