/** `ping`: is it there, is it a relay, and how far is it. */
import { Buffer } from "node:buffer";
import { Argument, Option } from "commander";
import { type AppId, parseAppId, parseRoomName, type RoomName } from "../../protocol/index.ts";
import type { CliCommand, Variables } from "../command.ts";
import { Exit, Failure, usage } from "../exit.ts";
import { type Quantiles, quantilesOf, rounded } from "../quantiles.ts";
import { ask, health } from "../relay-http.ts";
import { pingRoom } from "../room-ping.ts";
import { signWithSecret, strangerId } from "../tickets.ts";
import { URL_HELP, appOption, relayUrl, roomOption, whole } from "../values.ts";

interface PingOptions {
  readonly count: number;
  readonly app?: AppId;
  readonly room?: RoomName;
}

/** A room, and a ticket that lets into it. */
interface Target {
  readonly app: AppId;
  readonly room?: RoomName | undefined;
  readonly ticket: string;
}

const DETAILS = `Asks /healthz, which is answered at the edge, and tells which data center that is. With a ticket it joins a room as well, and asks there: with the one
in EDGE_RELAY_TICKET, or with one that is signed with TICKET_SECRET for a peer made up for the occasion, where --app
is given. The peer of a ticket loses the session that it has.`;

export const ping: CliCommand<PingOptions> = {
  name: "ping",
  summary: "ask a relay whether it is well, and measure the way there and back",
  args: [new Argument("[url]", URL_HELP)],
  options: [
    new Option("-n, --count <number>", "how often to measure").argParser(whole(1, 1_000)).default(5),
    appOption(),
    roomOption(),
  ],
  details: DETAILS,
  async run({ args: [address], options, variables }) {
    const { count } = options;
    const url = relayUrl(address, variables);
    const target = await targetOf(options, variables);
    const { runtime, configured, colo } = await health(url); // opens the connection that the next ones use
    const edge = quantilesOf(await timesOf(count, url));
    const room = target && (await timesInRoom(url, target, count));
    const text = [
      `${url.origin}: a relay on ${runtime}${configured ? "" : ", NOT CONFIGURED: nobody can join"}`,
      row("edge", edge, colo),
      ...(room ? [row("room", room, room.region ?? undefined), `join  ${room.joinMs} ms`] : []),
    ];
    const document = { url: url.href, runtime, configured, ...(colo && { colo }), edge, ...(room && { room }) };
    return { document, text: text.join("\n"), exit: configured ? Exit.Ok : Exit.Failure };
  },
};

async function timesInRoom(url: URL, { app, room, ticket }: Target, count: number) {
  const { peer, joinMs, roundTripsMs } = await pingRoom({ url, app, room }, ticket, count);
  const where = await placeOf(url, { app, room, ticket });
  return { app, room, peer: String(peer), ...where, joinMs: rounded(joinMs), ...quantilesOf(roundTripsMs) };
}

/** Asked behind the join, which may have created the room. A relay of before this release does not tell. */
async function placeOf(url: URL, { app, room, ticket }: Target): Promise<{ region: string | null }> {
  const path = `/v1/apps/${app}${room === undefined ? "" : `/rooms/${room}`}/place`;
  try {
    const { region } = (await ask(url, path, { token: ticket })) as { region: string | null };
    return { region };
  } catch (error) {
    if (error instanceof Failure && error.code === "not_found") return { region: null };
    throw error;
  }
}

async function timesOf(count: number, url: URL): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await health(url);
    times.push(performance.now() - begun);
  }
  return times;
}

async function targetOf({ app, room }: PingOptions, variables: Variables): Promise<Target | undefined> {
  const { EDGE_RELAY_TICKET: ticket } = variables;
  if (ticket) return targetOfTicket(ticket, { app, room });
  if (app !== undefined) return { app, room, ticket: await signWithSecret({ app, peer: strangerId() }, variables) };
  if (room !== undefined) throw usage("--room needs --app, or a ticket in EDGE_RELAY_TICKET");
  return undefined;
}

/** Where a ticket leads, by its claims; the relay is the one to verify them. */
function targetOfTicket(ticket: string, asked: { app?: AppId | undefined; room?: RoomName | undefined }): Target {
  const claims = claimsOf(ticket);
  const app = asked.app ?? parseAppId(claims?.["app"]);
  if (!claims || app === undefined) throw usage("EDGE_RELAY_TICKET is no ticket; edge-relay ticket makes one");
  return { app, room: asked.room ?? parseRoomName(claims["room"]), ticket };
}

function claimsOf(ticket: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const payload = Buffer.from(ticket.split(".")[1] ?? "", "base64url").toString();
    return JSON.parse(payload) as Record<string, unknown>;
  } catch {
    return undefined; // no JWT
  }
}

function row(name: string, { median, min, max }: Partial<Quantiles> = {}, where?: string): string {
  return `${name}  ${median} ms median, ${min} to ${max} ms${where === undefined ? "" : `, in ${where}`}`;
}
