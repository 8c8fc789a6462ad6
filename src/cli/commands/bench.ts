/** `bench`: what a relay carries of a small, honest load. Large ones are the repository's own benchmark. */
import { Argument, Option } from "commander";
import { connect } from "../../client/index.ts";
import { type AppId, type RoomName, parseAppId } from "../../protocol/index.ts";
import { MAX_PEERS, type Plan, SHAPES, type Shape, isLocal, linksOf } from "../bench/plan.ts";
import { type LoadResult, play } from "../bench/load.ts";
import type { CliCommand } from "../command.ts";
import { Exit, usage } from "../exit.ts";
import { health } from "../relay-http.ts";
import { relayFailure } from "../room-ping.ts";
import { signWithSecret, strangerId } from "../tickets.ts";
import { URL_HELP, appOption, relayUrl, roomOption, whole } from "../values.ts";

interface BenchOptions extends Omit<Plan, "reliable" | "shape"> {
  readonly shape: Shape;
  readonly reliable?: true;
  readonly app: AppId;
  readonly room?: RoomName;
  readonly yes?: true;
}

const DETAILS = `Peers are real clients, all in this process, with tickets signed with TICKET_SECRET. One end of each connection
sends, the other sends everything back. Where it says that messages were lost, the relay counts why: admin statistics.
Exit code 1 where nothing came back.`;

export const bench: CliCommand<BenchOptions> = {
  name: "bench",
  summary: "put a small load of real clients on a running relay, and measure",
  args: [new Argument("[url]", URL_HELP)],
  options: [
    new Option("--shape <shape>", "each peer with one other, or with all").choices(SHAPES).default("pairs"),
    new Option("--peers <number>", `2 to ${MAX_PEERS}`).argParser(whole(2, MAX_PEERS)).default(8),
    new Option("--seconds <number>", "how long, at most 60").argParser(whole(1, 60)).default(5),
    new Option("--rate <number>", "messages per second and connection").argParser(whole(1, 1_000)).default(30),
    new Option("--size <bytes>", "payload of a message").argParser(whole(8, 16_384)).default(100),
    new Option("--reliable", "reliable messages; otherwise unreliable ones"),
    appOption().default(parseAppId(480)),
    roomOption(),
    new Option("-y, --yes", "load on another machine than this one: it is yours, or its owner agrees"),
  ],
  details: DETAILS,
  async run({ args: [address], options, variables, note }) {
    const { app, room, yes } = options;
    const url = relayUrl(address, variables);
    if (!yes && !isLocal(url)) throw usage(`bench puts load on ${url.hostname}: add --yes if it is yours`);
    const plan: Plan = { ...options, reliable: options.reliable === true };
    linksOf(plan); // too much is refused before anything is done
    const { runtime } = await health(url);
    const first = strangerId() >> 8n; // all that are counted up from it are ids, too
    const join = async (place: number) => {
      const peer = first + BigInt(place) + 1n;
      return connect({ url, app, room, ticket: await signWithSecret({ app, peer }, variables), reconnect: false });
    };
    const result = await play(plan, join, note).catch((error: unknown) => {
      throw relayFailure(error);
    });
    const { shape, peers, seconds, rate, size, reliable } = plan;
    const document = { url: url.href, runtime, shape, peers, seconds, rate, size, reliable, ...result };
    return { document, text: describe(result), exit: result.returned > 0 ? Exit.Ok : Exit.Failure };
  },
};

function describe({ connections, sent, returned, refused, packetsPerSecond, roundTripMs }: LoadResult): string {
  const times = roundTripMs
    ? `${roundTripMs.median} ms p50, ${roundTripMs.p99} ms p99, ${roundTripMs.max} ms max`
    : "-";
  const lost = sent - returned;
  return [
    `packets     ${packetsPerSecond}/s over ${connections} connections`,
    `round trip  ${times}`,
    `messages    ${sent} sent, ${lost} lost${refused > 0 ? `, ${refused} not sent (buffer full, or connection over)` : ""}`,
  ].join("\n");
}
