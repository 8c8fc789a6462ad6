/** Tickets that the command line signs itself, for trying things out. */
import { type TicketClaims, TicketKeyError, signTicket } from "../auth/index.ts";
import type { Variables } from "./command.ts";
import { Failure } from "./exit.ts";

const NO_SECRET =
  "There is no TICKET_SECRET in the environment: set it to that of the relay (npm start writes one to .dev.vars). " +
  "If the relay has only TICKET_KEYS, sign with your private key: signTicket of edge-relay/auth.";

/** With TICKET_SECRET of the environment. */
export async function signWithSecret(claims: TicketClaims, { TICKET_SECRET: secret }: Variables): Promise<string> {
  if (!secret) throw new Failure("no_secret", NO_SECRET);
  try {
    return await signTicket(claims, secret);
  } catch (error) {
    if (error instanceof TicketKeyError) throw new Failure("bad_secret", error.message);
    throw error;
  }
}

/** A peer that is nobody's: joining as a player's would end the player's own session. */
export function strangerId(): bigint {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(high) << 32n) | BigInt(low) | 1n;
}
