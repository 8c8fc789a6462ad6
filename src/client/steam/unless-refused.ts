import { RelayError } from "../relay-error.ts";

/** Undefined when the client refuses: Steam says so by a result, and not by an exception. */
export function unlessRefused<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof RelayError) return undefined;
    throw error;
  }
}
