/** Does something for each, no more than `limit` at a time, and gives the results in order. Rejects with the first failure. */
export async function boundedMap<T, U>(
  items: readonly T[],
  limit: number,
  body: (item: T) => Promise<U>,
): Promise<U[]> {
  const results: U[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await body(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}
