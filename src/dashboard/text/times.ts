const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The two largest parts: "3 m 12 s". */
export function duration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < SECOND) return `${Math.round(value)} ms`;
  if (value < MINUTE) return `${Math.floor(value / SECOND)} s`;
  if (value < HOUR) return `${Math.floor(value / MINUTE)} m ${Math.floor((value % MINUTE) / SECOND)} s`;
  if (value < DAY) return `${Math.floor(value / HOUR)} h ${Math.floor((value % HOUR) / MINUTE)} m`;
  return `${Math.floor(value / DAY)} d ${Math.floor((value % DAY) / HOUR)} h`;
}

/** Clocks differ by a little: what has just happened is "now", even if it seems to be yet to come. */
export function ago(at: number, now: number): string {
  return now - at < SECOND ? "now" : `${duration(now - at)} ago`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dated = new Intl.DateTimeFormat("en-GB", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

export function timeOfDay(at: number): string {
  return clock.format(at);
}

const day = new Intl.DateTimeFormat("en-GB", { month: "short", day: "numeric" });

export function dayOf(at: number): string {
  return day.format(at);
}

export function dateTime(at: number): string {
  return dated.format(at);
}
