import type { Log } from "../../relay/ports.ts";

/** One JSON line per event; Workers Logs reads the level from the console method and the fields from the object. */
export const log: Log = (entry) => {
  // oxlint-disable-next-line no-console -- the console is the log on this platform
  console[entry.level](JSON.stringify(entry));
};
