import type { Log } from "../relay/ports.ts";

/** One JSON line per event; Workers Logs reads the level from the console method and the fields from the object; elsewhere it is stdout and stderr. */
export const log: Log = (entry) => {
  // oxlint-disable-next-line no-console -- the console is the log on every runtime
  console[entry.level](JSON.stringify(entry));
};
