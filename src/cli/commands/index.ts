import type { CliCommand, CliGroup } from "../command.ts";
import { admin } from "./admin.ts";
import { bench } from "./bench.ts";
import { demo } from "./demo.ts";
import { ping } from "./ping.ts";
import { serve } from "./serve.ts";
import { ticket } from "./ticket.ts";
import { top } from "./top.ts";

/** In the order of their help. */
export const COMMANDS: readonly (CliCommand | CliGroup)[] = [serve, ticket, ping, bench, demo, top, admin];
