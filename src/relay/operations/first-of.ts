/**
 * The first `count` of `items` in the order of `compare`, which knows no equals; without sorting them all. A page of ten
 * thousand is a page's work and ten thousand comparisons: most items are behind the last that would be shown.
 */
export function firstOf<T>(items: Iterable<T>, count: number, compare: (a: T, b: T) => number): T[] {
  const kept: T[] = [];
  let last: T | undefined;
  for (const item of items) {
    if (last !== undefined && compare(item, last) > 0) continue;
    kept.push(item);
    if (kept.length < 2 * count) continue;
    kept.sort(compare);
    kept.length = count;
    last = kept[count - 1];
  }
  return kept.toSorted(compare).slice(0, count);
}
