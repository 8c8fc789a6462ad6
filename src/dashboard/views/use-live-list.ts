/** A list that is searched by scrolling, and follows the room while it is looked at. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { PagedList } from "../api/paged-list.ts";
import type { Listed, Page } from "../api/routes.ts";
import { useEvery } from "../api/use-resource.ts";
import { type RoomEvent, feed } from "../live/room-feed.ts";

/** The rows that are in view are read again this often: their figures grow without an event. */
const EVERY_MS = 3_000;
/** Many come or open at once, when a match begins: the list is read once for all of them. */
const SETTLE_MS = 250;

export interface LiveList<T> {
  readonly list: PagedList<T>;
  /** Which rows are in view. */
  see(first: number, last: number): void;
}

/**
 * `hear` may change rows in place, and says whether the event has added or taken away any. Those are read anew while the top
 * is looked at, so that nothing moves under a reader.
 */
export function useLiveList<T>(
  key: string,
  load: (page: Page, signal: AbortSignal) => Promise<Listed<T>>,
  keyOf: (row: T) => string,
  hear: (event: RoomEvent, list: PagedList<T>) => boolean,
): LiveList<T> {
  const list = useMemo(() => new PagedList(load, keyOf), [key]);
  const seen = useRef({ first: 0, last: 0 });
  useEffect(() => {
    void list.ensure(1);
    return () => list.stop();
  }, [list]);
  useEvery(EVERY_MS, () => void list.refresh(seen.current.first, seen.current.last));
  const current = feed.value;
  useEffect(() => {
    let settling: ReturnType<typeof setTimeout> | undefined;
    const stop = current?.onEvent((event) => {
      if (!hear(event, list)) return;
      settling ??= setTimeout(() => {
        settling = undefined;
        if (seen.current.first === 0) list.restart();
      }, SETTLE_MS);
    });
    return () => {
      clearTimeout(settling);
      stop?.();
    };
  }, [list, current]);
  const see = (first: number, last: number): void => {
    seen.current = { first, last };
    void list.ensure(last + 1);
  };
  return { list, see };
}
