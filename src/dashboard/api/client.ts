/** Requests to the admin API with the operator's token. What a path answers is said by whoever asks (routes.ts). */
import { ApiProblem, readProblem } from "./problem.ts";
import { ADMIN, ask, signOut, token } from "./session.ts";

export interface Call {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export async function call<T>(path: string, { method = "GET", query, body, signal }: Call = {}): Promise<T> {
  const bearer = token.value;
  if (bearer === null) throw new ApiProblem(401, "admin_token_missing", "You are signed out.");
  const response = await ask(`${ADMIN}${path}${queryText(query)}`, bearer, {
    method,
    ...(signal && { signal }),
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  if (!response.ok) throw await refused(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** A token that the relay takes no longer ends the session in the page, too. */
async function refused(response: Response): Promise<ApiProblem> {
  const problem = await readProblem(response);
  if (response.status === 401) signOut(problem.message);
  return problem;
}

function queryText(query: Call["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
