/** Where a peer gets its ticket. A real game asks its own backend, which knows who the player is. */
import { RelayError } from "../client/index.ts";

export interface TicketRequest {
  readonly app: number;
  readonly peer: string;
  readonly room?: string;
}

/**
 * From the relay itself, which gives tickets away only where `npm start` runs it, and only to pages on the same machine.
 * Throws RelayError `no_development_tickets` anywhere else, and the relay's own refusals.
 */
export async function developmentTicket(request: TicketRequest): Promise<string> {
  const response = await fetch("/v1/development/ticket", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const answer = (await response.json()) as { ticket?: string; code?: string; detail?: string };
  if (answer.ticket !== undefined) return answer.ticket;
  if (response.status === 404) {
    const remedy =
      "start it with `npm start` and open this page at http://127.0.0.1:8787/playground/, or paste tickets";
    throw new RelayError("no_development_tickets", `This relay gives no development tickets: ${remedy}`);
  }
  throw new RelayError(answer.code ?? "ticket_refused", answer.detail ?? "the relay refused a ticket");
}
