/** Who operates: a token that lives as long as the tab, what it may do, and the requests that are made with it. */
import { computed, signal } from "@preact/signals";
import { hc } from "hono/client";
import type { AdminApp } from "../../http/admin/types.ts";
import { ApiProblem, messageOf, readProblem } from "./problem.ts";
import type { Whoami } from "./types.ts";

const KEY = "edge-relay.admin-token";
export const ADMIN = "/v1/admin";

export const token = signal<string | null>(sessionStorage.getItem(KEY));
export const whoami = signal<Whoami | null>(null);
/** Why the operator has to sign in again. */
export const signedOutBecause = signal<string | null>(null);
export const canOperate = computed(() => whoami.value?.scope === "operate");

/** The relay's own routes: what changes there does not compile here. */
export const api = hc<AdminApp>(`${location.origin}${ADMIN}`, { fetch: askSignedIn });

/** Checks the token, and keeps it when the relay takes it. */
export async function signIn(candidate: string): Promise<void> {
  const response = await ask(`${ADMIN}/whoami`, candidate);
  if (response.status === 404) throw new ApiProblem(404, "not_found", "This relay has no admin token configured.");
  if (!response.ok) throw await readProblem(response);
  const who = (await response.json()) as Whoami;
  sessionStorage.setItem(KEY, candidate);
  signedOutBecause.value = null;
  whoami.value = who;
  token.value = candidate;
}

export function signOut(because: string | null = null): void {
  sessionStorage.removeItem(KEY);
  signedOutBecause.value = because;
  whoami.value = null;
  token.value = null;
}

/** What the relay answers to a token that it will never take. */
const FOR_GOOD: readonly unknown[] = [401, 404];

/**
 * With a token from before a reload: who is it? One that is no longer good is thrown away. Where the relay does not answer,
 * or is asked too often, it waits in the form (`keptToken`): the operator may have it nowhere else.
 */
export async function resumeSession(): Promise<void> {
  const kept = token.value;
  if (kept === null) return;
  try {
    await signIn(kept);
  } catch (error) {
    signOut(messageOf(error));
    if (!(error instanceof ApiProblem && FOR_GOOD.includes(error.status))) sessionStorage.setItem(KEY, kept);
  }
}

export function keptToken(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

/** What hono/client sends its requests through. */
export async function askSignedIn(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  if (token.value === null) throw new ApiProblem(401, "admin_token_missing", "You are signed out.");
  return ask(String(input), token.value, init);
}

async function ask(path: string, bearer: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${bearer}`);
  try {
    return await fetch(path, { ...init, headers, cache: "no-store" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiProblem(0, "unreachable", "The relay does not answer. Is it running, and is this machine online?");
  }
}

interface Answer<T> {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<T>;
}

/** The answer's body, typed as its route has it. A refusal is thrown; one of the token itself ends the session here, too. */
export async function answerOf<T>(asked: Promise<Answer<T>>): Promise<T> {
  const answer = await asked;
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
  const problem = await readProblem(answer as unknown as Response);
  if (answer.status === 401) signOut(problem.message);
  throw problem;
}
