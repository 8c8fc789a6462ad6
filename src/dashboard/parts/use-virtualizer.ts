import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Rows {
  readonly count: number;
  readonly rowHeight: number;
  getScrollElement(): HTMLElement | null;
}

/** Which rows of many are to be there: those that can be seen, and some beside them. */
export function useVirtualizer({ count, rowHeight, getScrollElement }: Rows): Virtualizer<HTMLElement, HTMLElement> {
  const [, redraw] = useState(0);
  const options = {
    count,
    getScrollElement,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw((times) => times + 1),
  };
  const kept = useRef<Virtualizer<HTMLElement, HTMLElement>>(null);
  kept.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const virtualizer = kept.current;
  virtualizer.setOptions(options);
  // What its adapters for other frameworks call, too: it has no other names for them.
  // oxlint-disable eslint/no-underscore-dangle
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  // oxlint-enable eslint/no-underscore-dangle
  return virtualizer;
}
