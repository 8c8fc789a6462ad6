/** `npm run ticket`: a ticket for trying things out, on stdout. A game signs its own in its backend, with `signTicket`. */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type TicketClaims, signTicket } from "../src/auth/sign-ticket.ts";
import {
  ID_RULES,
  RATE_CLASS_RULE,
  parseAppId,
  parsePeerId,
  parseRateClass,
  parseRoomName,
} from "../src/protocol/ids.ts";
import { DEV_VARS, readDevVars } from "./dev-vars.ts";

const USAGE = `Usage: npm run ticket -- --app <id> --peer <id> [options]

  --app <id>         ${ID_RULES.app}
  --peer <id>        ${ID_RULES.peer}, such as a Steam id
  --room <name>      this room only; otherwise any room of the app
  --expires <s>      seconds until the ticket expires; otherwise 3600
  --class <name>     the limits of this class in APP_SETTINGS
  --visible          may learn that another peer is offline, where others see a timeout

Signs with TICKET_SECRET from the environment, otherwise from .dev.vars.
To get the ticket alone, without npm's own lines: npm run --silent ticket -- ...
`;

const NO_SECRET = `There is no TICKET_SECRET in the environment or in .dev.vars; run npm start once, which makes one.
If the relay has only TICKET_KEYS, sign with your private key: signTicket of edge-relay/auth.
`;

export interface Outcome {
  readonly code: 0 | 1 | 2;
  readonly stdout?: string;
  readonly stderr?: string;
}

export async function ticketCommand(
  args: string[],
  env: Record<string, string | undefined>,
  devVars: string = DEV_VARS,
): Promise<Outcome> {
  if (args.includes("--help")) return { code: 0, stdout: USAGE };
  let claims: TicketClaims;
  try {
    claims = readArguments(args);
  } catch (error) {
    return { code: 2, stderr: `${messageOf(error)}\n\n${USAGE}` };
  }
  const secret = env.TICKET_SECRET || readDevVars(devVars).TICKET_SECRET;
  if (!secret) return { code: 1, stderr: NO_SECRET };
  try {
    return { code: 0, stdout: `${await signTicket(claims, secret)}\n` };
  } catch (error) {
    return { code: 1, stderr: `${messageOf(error)}\n` };
  }
}

function readArguments(args: string[]): TicketClaims {
  const { values } = parseArgs({
    args,
    options: {
      app: { type: "string" },
      peer: { type: "string" },
      room: { type: "string" },
      expires: { type: "string", default: "3600" },
      class: { type: "string" },
      visible: { type: "boolean", default: false },
    },
  });
  const app = parseAppId(values.app);
  if (app === undefined) throw new RangeError(`--app must be ${ID_RULES.app}`);
  const peer = parsePeerId(values.peer);
  if (peer === undefined) throw new RangeError(`--peer must be ${ID_RULES.peer}`);
  const room = parseRoomName(values.room);
  if (room === undefined && values.room !== undefined) throw new RangeError(`--room must be ${ID_RULES.room}`);
  const rateClass = parseRateClass(values.class);
  if (rateClass === undefined && values.class !== undefined) {
    throw new RangeError(`--class must be ${RATE_CLASS_RULE}`);
  }
  // Nine digits are 30 years, and no more than a ticket can hold.
  if (!/^[1-9][0-9]{0,8}$/.test(values.expires)) throw new RangeError("--expires must be a whole number of seconds");
  return {
    app,
    peer,
    room,
    rateClass,
    expiresInSeconds: Number(values.expires),
    ...(values.visible && { visible: true }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { code, stdout, stderr } = await ticketCommand(process.argv.slice(2), process.env);
  if (stdout) process.stdout.write(stdout);
  if (stderr) process.stderr.write(stderr);
  process.exitCode = code;
}
