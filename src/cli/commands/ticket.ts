/** `ticket`: for trying things out. A game signs its own in its backend, with `signTicket`. */
import { Option } from "commander";
import { TICKET_ID_RULE, isTicketId } from "../../auth/ticket.ts";
import {
  type AppId,
  ID_RULES,
  type PeerId,
  RATE_CLASS_RULE,
  type RoomName,
  parsePeerId,
  parseRateClass,
} from "../../protocol/index.ts";
import type { CliCommand } from "../command.ts";
import { signWithSecret } from "../tickets.ts";
import { appOption, checked, roomOption, whole } from "../values.ts";

interface TicketOptions {
  readonly app: AppId;
  readonly peer: PeerId;
  readonly room?: RoomName;
  readonly ttl: number;
  readonly class?: string;
  readonly id?: string;
  readonly visible?: true;
  readonly lobby?: true;
}

const DEFAULT_TTL = 3_600;
/** 30 years, and no more than a ticket can hold. */
const MAX_TTL = 999_999_999;

export const ticket: CliCommand<TicketOptions> = {
  name: "ticket",
  summary: "sign a ticket, which lets one peer into one app",
  options: [
    appOption().makeOptionMandatory(),
    new Option("--peer <id>", "the peer, such as a Steam id")
      .argParser(checked(parsePeerId, ID_RULES.peer))
      .makeOptionMandatory(),
    roomOption("this room only; otherwise any room of the app"),
    new Option("--ttl <seconds>", "how long it lets in").argParser(whole(1, MAX_TTL)).default(DEFAULT_TTL),
    new Option("--class <name>", "the limits of this class in APP_SETTINGS").argParser(
      checked(parseRateClass, RATE_CLASS_RULE),
    ),
    new Option("--id <text>", "a name to revoke it by").argParser(
      checked((text) => (isTicketId(text) ? text : undefined), TICKET_ID_RULE),
    ),
    new Option("--visible", "the peer may learn that another is offline, where others see a timeout"),
    new Option("--lobby", "the peer may list rooms that it is in for others to find"),
  ],
  details: "Signs with TICKET_SECRET from the environment, which must be that of the relay.",
  async run({ options, variables }) {
    const { app, peer, room, ttl, class: rateClass, id, visible, lobby } = options;
    const claims = { app, peer, room, rateClass, id, expiresInSeconds: ttl, visible, lobby };
    const signed = await signWithSecret(claims, variables);
    const document = { ticket: signed, app, peer: String(peer), room, class: rateClass, id, expiresInSeconds: ttl };
    return { document, text: signed };
  },
};
