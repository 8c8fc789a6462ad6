/** Questions to a relay over HTTP. What goes wrong is told as a Failure. */
import { Failure } from "./exit.ts";
import { whyUnreachable } from "./unreachable.ts";

const TIMEOUT_MS = 10_000;

export interface Question {
  readonly method?: string;
  readonly token?: string;
  readonly body?: object | undefined;
}

export interface Health {
  readonly runtime: string;
  readonly configured: boolean;
  /** The data center that has answered; undefined where there is none. */
  readonly colo: string | undefined;
}

/** `path` begins with a slash. Resolves with the JSON of the answer; undefined for an answer without content. */
export async function ask(relay: URL, path: string, { method = "GET", token, body }: Question = {}): Promise<unknown> {
  const address = `${relay.origin}${relay.pathname.replace(/\/$/, "")}${path}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    throw await whyUnreachable(error, relay);
  }
  if (response.status === 204) return undefined;
  const answer = parse(text);
  if (answer === undefined) throw notARelay(relay, response.status);
  if (!response.ok) throw refusal(relay, response.status, answer);
  return answer;
}

export async function health(relay: URL): Promise<Health> {
  const answer = (await ask(relay, "/healthz")) as Partial<Health>;
  const { runtime, configured, colo } = answer;
  if (typeof runtime !== "string" || typeof configured !== "boolean") throw notARelay(relay, 200);
  return { runtime, configured, colo };
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // a page of another server, most likely: the caller says so
  }
}

function refusal(relay: URL, status: number, answer: { code?: unknown; detail?: unknown }): Failure {
  const { code, detail } = answer;
  if (typeof code !== "string" || typeof detail !== "string") return notARelay(relay, status);
  return new Failure(code, `${status} ${code}: ${detail}${remedyFor(code)}`);
}

function notARelay({ origin }: URL, status: number): Failure {
  return new Failure("not_a_relay", `What answers at ${origin}, with ${status}, is no relay: check the address.`);
}

const REMEDIES: Readonly<Record<string, string>> = {
  admin_token_wrong: "Set ADMIN_TOKEN in the environment to that of the relay.",
  not_found: "The relay has no admin API unless it runs with an ADMIN_TOKEN, and nothing else at this address.",
  ticket_bad_signature: "TICKET_SECRET here must be that of the relay.",
  ticket_unknown_key: "TICKET_SECRET here must be that of the relay.",
  too_many_joins: "Wait a minute, or raise joinsPerMinute in the relay's APP_SETTINGS.",
  dial_failed: "It answers over HTTP: does a proxy on the way let WebSockets through?",
};

/** What to do about a refusal of a relay, as a sentence that follows its own words; empty where those say all. */
export function remedyFor(code: string): string {
  const remedy = REMEDIES[code];
  return remedy === undefined ? "" : `. ${remedy}`;
}
