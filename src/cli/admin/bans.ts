/** Who may be in a room: bans of peers and addresses, revoked tickets, and sending everybody away. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { TICKET_ID_RULE, isTicketId } from "../../auth/ticket.ts";
import { ID_RULES, parsePeerId } from "../../protocol/index.ts";
import type { Ban, BanKind } from "../../relay/limits/bans.ts";
import { ADDRESS_RULE, parseClientAddress } from "../../relay/limits/client-address.ts";
import type { CliCommand } from "../command.ts";
import { usage } from "../exit.ts";
import { whole } from "../values.ts";
import { type Action, commandOf } from "./action.ts";
import { limitOption, page, pageQuery } from "./connections.ts";

interface BanOptions {
  readonly seconds?: number;
  readonly until?: number;
  readonly reason?: string;
}

/** In seconds; the relay takes no more. */
const HUNDRED_YEARS = 3_155_760_000;

interface Subject {
  readonly rule: string;
  parse(text: string): unknown;
  path(subject: string): string;
}

const SUBJECTS: Readonly<Record<BanKind, Subject>> = {
  peer: { rule: ID_RULES.peer, parse: parsePeerId, path: (subject) => `/bans/peers/${subject}` },
  address: { rule: ADDRESS_RULE, parse: parseClientAddress, path: (subject) => `/bans/addresses/${subject}` },
  ticket: {
    rule: `a ticket's jti: ${TICKET_ID_RULE}`,
    parse: (text) => (isTicketId(text) ? text : undefined),
    path: (subject) => `/tickets/${subject}/revocation`,
  },
};

function subjectArguments(): Argument[] {
  const kind = new Argument("<kind>", "what the subject is").choices(Object.keys(SUBJECTS));
  return [kind, new Argument("<subject>", "peer id, address, or id of a ticket")];
}

function pathOf([kindArgument, subjectArgument]: readonly unknown[]): string {
  const [kind, subject] = [kindArgument as BanKind, String(subjectArgument)];
  const { parse, rule, path } = SUBJECTS[kind];
  if (parse(subject) === undefined) throw usage(`The ${kind} "${subject}" must be ${rule}.`);
  return path(encodeURIComponent(subject));
}

function momentOf(text: string): number {
  const moment = Date.parse(text);
  if (Number.isNaN(moment)) throw new InvalidArgumentError("It must be a date, such as 2027-01-31T12:00Z.");
  return moment;
}

const bans: Action<{ readonly after?: string; readonly limit?: number }> = {
  name: "bans",
  summary: "the bans and revoked tickets that hold, in pages",
  options: [new Option("--after <kind/subject>", "from an earlier page"), limitOption()],
  request: (_, options) => ({ method: "GET", path: `/bans${pageQuery(options)}` }),
  describe(answer) {
    const { bans: rows, next } = answer as { bans: Ban[]; next: string | null };
    return page(rows, next);
  },
};

const ban: Action<BanOptions> = {
  name: "ban",
  summary: "keep a peer or an address out, or revoke a ticket; sessions that it meets end at once",
  args: subjectArguments(),
  options: [
    new Option("--seconds <number>", "how long; otherwise for good").argParser(whole(1, HUNDRED_YEARS)),
    new Option("--until <date>", "how long, instead").argParser(momentOf).conflicts("seconds"),
    new Option("--reason <text>", "for operators; who is banned is not told"),
  ],
  request: (subject, { seconds, until, reason }) => ({
    method: "PUT",
    path: pathOf(subject),
    body: { ...(seconds && { seconds }), ...(until && { until }), ...(reason !== undefined && { reason }) },
  }),
};

const unban: Action = {
  name: "unban",
  summary: "lift a ban, or take the revocation of a ticket back",
  args: subjectArguments(),
  request: (subject) => ({ method: "DELETE", path: pathOf(subject) }),
  done: "lifted",
};

const drain: Action<{ readonly reconnectAfter?: number }> = {
  name: "drain",
  summary: "close all sockets of the room; clients are told to come back",
  options: [new Option("--reconnect-after <ms>", "how long clients are to wait").argParser(whole(0, 600_000))],
  request: (_, { reconnectAfter }) => ({
    method: "POST",
    path: "/drain",
    body: { ...(reconnectAfter !== undefined && { reconnectAfterMs: reconnectAfter }) },
  }),
};

export const BAN_COMMANDS: readonly CliCommand[] = [
  commandOf(bans),
  commandOf(ban),
  commandOf(unban),
  commandOf(drain),
];
