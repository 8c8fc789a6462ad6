/** Numbers as the dashboard writes them: short, and of a width that does not jump about. */
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

export function count(value: number): string {
  return Math.abs(value) < 100_000 ? whole.format(value) : compact.format(value);
}

export function exact(value: number): string {
  return whole.format(value);
}

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${short(amount, unit > 0)} ${UNITS[unit]}`;
}

function short(amount: number, hasFraction: boolean): string {
  if (!hasFraction || amount >= 99.95) return amount.toFixed(0);
  return amount.toFixed(amount >= 9.995 ? 1 : 2);
}

export function rate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 10) return `${perSecond.toFixed(1)}/s`;
  return `${count(Math.round(perSecond))}/s`;
}

export function byteRate(perSecond: number): string {
  return `${bytes(perSecond)}/s`;
}

export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(fraction > 0.999 || fraction < 0.001 ? 0 : 1)} %`;
}

/** What costs next to nothing should not look as if it cost nothing. */
export function dollars(value: number): string {
  if (value === 0) return "$0";
  if (value < 0.0001) return "< $0.0001";
  if (value < 0.1) return `$${value.toFixed(4)}`;
  return value < 1000 ? `$${value.toFixed(2)}` : `$${exact(value)}`;
}
