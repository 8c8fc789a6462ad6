/** What a room remembers: what it has relayed, and what operators have done to it. */
import { Option } from "commander";
import type { AuditEntry } from "../../relay/audit.ts";
import type { HistoryBucket } from "../../relay/history/bucket.ts";
import type { CliCommand } from "../command.ts";
import { columns } from "../table.ts";
import { type Action, commandOf } from "./action.ts";
import { cursorOption, limitOption, page, pageQuery, queryOf } from "./connections.ts";

const history: Action = {
  name: "history",
  summary: "what the room has relayed, minute by minute for a day, or hour by hour for thirty",
  options: [new Option("--resolution <span>", "(default: minute)").choices(["minute", "hour"])],
  request: (_, options) => ({ method: "GET", path: `/history${queryOf(options, ["resolution"])}` }),
  describe: (answer) => columns((answer as { buckets: HistoryBucket[] }).buckets),
};

const audit: Action<{ readonly cursor?: string; readonly limit?: number }> = {
  name: "audit",
  summary: "what operators have done in the room, the newest first, in pages",
  options: [cursorOption(), limitOption()],
  request: (_, options) => ({ method: "GET", path: `/audit${pageQuery(options)}` }),
  describe(answer) {
    const { entries, next } = answer as { entries: AuditEntry[]; next: string | null };
    return page(entries, next, "cursor");
  },
};

export const ROOM_COMMANDS: readonly CliCommand[] = [commandOf(history), commandOf(audit)];
