/** A list that grows by a button, not by scrolling: for lists that are read, not searched. */
import { useEffect, useMemo } from "preact/hooks";
import { PAGE_SIZE, PagedList } from "../api/paged-list.ts";
import type { Listed, Page } from "../api/routes.ts";

export interface Paged<T> {
  readonly list: PagedList<T>;
  readonly hasMore: boolean;
  more(): void;
}

export function usePaged<T>(
  key: string,
  load: (page: Page, signal: AbortSignal) => Promise<Listed<T>>,
  keyOf: (row: T) => string,
): Paged<T> {
  const list = useMemo(() => new PagedList(load, keyOf), [key]);
  useEffect(() => {
    void list.ensure(1);
    return () => list.stop();
  }, [list]);
  const { length } = list.rows.value;
  return { list, hasMore: list.hasMore.value, more: () => void list.ensure(length + PAGE_SIZE) };
}
