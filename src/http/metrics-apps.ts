/**
 * Whose figures a scrape shows. Prometheus takes a counter that falls for one that began anew, and one that leaps for
 * traffic. So an app is never moved in silence between its own series and the sum of the others: apps are taken in order of
 * id, and the sum names in its label `ids` of whom it is one. Another set is another series (docs/decisions.md, D43).
 */
import type { AppId } from "../protocol/index.ts";
import type { AppTotals, RelayDirectory } from "../relay/directory/report.ts";
import type { Figures } from "./metrics-list.ts";
import type { Labels } from "./metrics-text.ts";

/** Apps with series of their own. */
export const MAX_NAMED_APPS = 100;
/** Each app is a question, and on Cloudflare a subrequest, of which a request may make 1,000. */
export const MAX_ASKED_APPS = 500;

const PAGE = 1_000;
const AT_ONCE = 50;

export interface ShownApps {
  readonly shown: readonly { readonly labels: Labels; readonly figures: Figures }[];
  readonly known: number;
  readonly unshown: number;
}

/** `failed` hears of an app that could not be asked. */
export async function figuresOfApps(
  directory: RelayDirectory,
  isWanted: (app: number) => boolean,
  failed: (app: number, error: unknown) => void,
): Promise<ShownApps> {
  const known = (await allApps(directory)).filter(isWanted);
  const asked = known.slice(0, MAX_ASKED_APPS);
  const answers = await askAll(directory, asked, failed);
  const named = answers.slice(0, MAX_NAMED_APPS).filter((totals) => totals !== undefined);
  const shown = named.map(({ app, ...figures }) => ({ labels: { app: String(app) }, figures }));
  const others = sumOfOthers(answers.slice(MAX_NAMED_APPS));
  const labels = { app: "other", ids: idsOf(asked, known.length) };
  const summed = others ? answers.length - MAX_NAMED_APPS : 0;
  return {
    shown: others ? [...shown, { labels, figures: others }] : shown,
    known: known.length,
    unshown: known.length - named.length - summed,
  };
}

async function allApps(directory: RelayDirectory): Promise<AppId[]> {
  const ids: AppId[] = [];
  for (let after = 0; ; after = ids.at(-1) ?? after) {
    const page = await directory.ids({ after, limit: PAGE });
    ids.push(...page);
    if (page.length < PAGE) return ids;
  }
}

async function askAll(
  directory: RelayDirectory,
  apps: readonly AppId[],
  failed: (app: number, error: unknown) => void,
): Promise<(AppTotals | undefined)[]> {
  const answers: (AppTotals | undefined)[] = [];
  for (let first = 0; first < apps.length; first += AT_ONCE) {
    const some = apps.slice(first, first + AT_ONCE).map(async (app) => {
      try {
        return await directory.app(app).totals();
      } catch (error) {
        failed(app, error);
        return undefined;
      }
    });
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

/** Undefined where one is missing: the sum would fall, and rise again with the next scrape. */
function sumOfOthers(answers: readonly (AppTotals | undefined)[]): Figures | undefined {
  const [first, ...rest] = answers;
  if (!first) return undefined;
  let { app: _, ...sum }: AppTotals = first;
  for (const totals of rest) {
    if (!totals) return undefined;
    sum = {
      rooms: sum.rooms + totals.rooms,
      oldest: earlier(sum.oldest, totals.oldest),
      statistics: added(sum.statistics, totals.statistics),
    };
  }
  return sum;
}

/** `731-`, or `731-9000` where there are more than are asked. */
function idsOf(asked: readonly number[], known: number): string {
  const first = (asked[MAX_NAMED_APPS - 1] ?? 0) + 1;
  return `${first}-${known > asked.length ? asked.at(-1) : ""}`;
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Numbers by name, in records of the same form, added. */
function added<T extends object>(a: T, b: T): T {
  const sum = Object.entries(a).map(([name, value]: [string, unknown]) => {
    const other = (b as Record<string, unknown>)[name];
    if (typeof value === "number") return [name, value + Number(other ?? 0)];
    return [name, added(value as object, (other ?? {}) as object)];
  });
  return Object.fromEntries(sum) as T;
}
