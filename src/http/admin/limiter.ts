import type { AdminIdentity } from "../../auth/admin-tokens.ts";
import { Meter } from "../../relay/limits/rates.ts";
import { problem } from "../problem.ts";

/** What one token may ask: some dashboards, each of which asks a few times a second. */
export const REQUESTS_PER_SECOND = 50;
export const REQUEST_BURST = 200;
/** Wrong tokens of one client address. */
export const GUESSES_PER_MINUTE = 10;
const MINUTE_SECONDS = 60;
/** Addresses that are remembered. One that is forgotten begins anew, so a flood of addresses loosens the limit. */
const MAX_ADDRESSES = 10_000;
/**
 * This machine and private networks: there it is rather a reverse proxy that asks, for anybody, and who guesses behind one
 * must not keep its operator out, who may never have asked since the relay was started.
 */
const MAY_BE_A_PROXY =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|169\.254\.|::\/64$|f[cd][0-9a-f]{2}:|fe80:)/;

interface Client {
  readonly guesses: Meter;
  /** A right token has come from there: guesses from behind the same proxy do not lock its owner out. */
  isKnown: boolean;
}

/** How often the admin API may be asked. Each isolate counts for itself, as with joins. */
export class AdminLimiter {
  readonly #tokens = new Map<string, Meter>();
  /** In the order of their last use. */
  readonly #clients = new Map<string, Client>();

  /** Whether a token may be looked at at all; one more guess could be right. An address that is not known is not limited. */
  refuseGuess(address: string | undefined, now: number): Response | undefined {
    if (address === undefined || MAY_BE_A_PROXY.test(address)) return undefined;
    const client = this.#clients.get(address);
    return client && !client.isKnown ? tooManyGuesses(client, now) : undefined;
  }

  /** A token was wrong. The answer where there were too many of them. */
  wrong(address: string | undefined, now: number): Response | undefined {
    if (address === undefined) return undefined;
    const client = this.#clientAt(address, now);
    const refusal = tooManyGuesses(client, now);
    if (!refusal) client.guesses.takeOne(now);
    return refusal;
  }

  /** A token was right. The answer where it has asked too often. */
  right({ name }: AdminIdentity, address: string | undefined, now: number): Response | undefined {
    if (address !== undefined) this.#clientAt(address, now).isKnown = true;
    let meter = this.#tokens.get(name);
    if (!meter) this.#tokens.set(name, (meter = new Meter(REQUESTS_PER_SECOND, REQUEST_BURST, now)));
    if (meter.takeOne(now)) return undefined;
    const detail = `this token asks more than ${REQUESTS_PER_SECOND} times a second; it may have ${REQUEST_BURST} at once`;
    return problem("too_many_requests", detail, secondsUntil(meter, now));
  }

  #clientAt(address: string, now: number): Client {
    const guesses = () => new Meter(GUESSES_PER_MINUTE / MINUTE_SECONDS, GUESSES_PER_MINUTE, now);
    const client = this.#clients.get(address) ?? { guesses: guesses(), isKnown: false };
    this.#clients.delete(address);
    this.#clients.set(address, client);
    const oldest = this.#clients.size > MAX_ADDRESSES ? this.#clients.keys().next().value : undefined;
    if (oldest !== undefined) this.#clients.delete(oldest);
    return client;
  }
}

function tooManyGuesses({ guesses }: Client, now: number): Response | undefined {
  if (guesses.level(now) >= 1) return undefined;
  const detail = `more than ${GUESSES_PER_MINUTE} wrong tokens a minute from this address; wait before the next`;
  return problem("too_many_requests", detail, secondsUntil(guesses, now));
}

function secondsUntil(meter: Meter, now: number): number {
  return Math.max(1, Math.ceil(meter.waitForOne(now) / 1000));
}
