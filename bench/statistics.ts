/** Medians and spreads of alternating runs. */
import type { Metric, Sample } from "./sample.ts";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

export function spread(samples: readonly Sample[], server: string, metric: Metric): Spread {
  return spreadOf(samples.filter((sample) => sample.server === server).map((sample) => sample[metric]));
}

/**
 * The first server's figure divided by the other's, alternation by alternation: what drifts on a shared machine drifts
 * for both runs of one alternation, and cancels out.
 */
export function ratios(samples: readonly Sample[], first: string, other: string, metric: Metric): Spread {
  const own = samples.filter(({ server }) => server === first);
  const quotients = own.flatMap((sample) => {
    const rival = samples.find(({ server, alternation }) => server === other && alternation === sample.alternation);
    return rival && rival[metric] > 0 ? [sample[metric] / rival[metric]] : [];
  });
  return spreadOf(quotients);
}
