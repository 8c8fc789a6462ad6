/** Questions to the relay over HTTP, for what needs no session. */
import { RelayError } from "./relay-error.ts";

export interface Relay {
  /** The relay's address, `http(s)://` or `ws(s)://`; a path in it is kept as a prefix. */
  readonly url: string | URL;
}

export interface Question {
  /** Without a leading slash. */
  readonly path: string;
  readonly method?: "GET" | "PUT" | "DELETE";
  readonly ticket?: string | undefined;
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;

/** The answer's JSON; undefined of an answer without content. Rejects with RelayError. */
export async function ask({ url }: Relay, question: Question): Promise<unknown> {
  const { path, method = "GET", ticket, body, signal, timeoutMs = TIMEOUT_MS } = question;
  const address = addressOf(url, path);
  const patience = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(address, {
      method,
      headers: { ...(ticket !== undefined && { authorization: `Bearer ${ticket}` }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([patience, signal]) : patience,
    });
    answer = response.status === 204 ? undefined : await response.json();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new RelayError("dial_failed", `The relay did not answer at ${address.origin}`, { cause });
  }
  if (response.ok) return answer;
  const { code = "dial_failed", detail = "" } = (answer ?? {}) as { code?: string; detail?: string };
  throw new RelayError(code, `The relay refused with ${response.status}: ${detail}`, { status: response.status });
}

function addressOf(url: string | URL, path: string): URL {
  try {
    const address = new URL(url);
    address.protocol = address.protocol.replace("ws", "http");
    const [pathname = "", query = ""] = path.split("?", 2);
    address.pathname = `${address.pathname.replace(/\/$/, "")}/${pathname}`;
    address.search = query;
    return address;
  } catch (cause) {
    throw new RelayError("invalid_argument", `"${String(url)}" is no URL`, { cause });
  }
}

export interface Place extends Relay {
  readonly app: number;
  /** Without it: the app's own room. */
  readonly room?: string | undefined;
}

/** Of what is asked about one room. */
export function pathTo({ app, room }: Place, what: string): string {
  return `v1/apps/${app}${room === undefined ? "" : `/rooms/${encodeURIComponent(room)}`}/${what}`;
}
