/**
 * A table of any length, of which only what can be seen is in the page. Its rows are links: one of them is in the tab
 * order, arrows and Page Up/Down, Home and End go on from there.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useVirtualizer } from "./use-virtualizer.ts";

export interface Column<T> {
  readonly name: string;
  readonly title: string;
  readonly isNumber?: boolean;
  /** Left out on a phone. */
  readonly isExtra?: boolean;
  readonly sort?: string;
  cell(row: T): ComponentChildren;
}

export interface Sorting {
  readonly by: string;
  readonly order: "asc" | "desc";
}

interface TableProps<T> {
  /** Also the class, which has the widths of the columns. */
  readonly name: string;
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** More than rows when not all are loaded. */
  readonly count: number;
  readonly sorting?: Sorting;
  keyOf(row: T): string;
  hrefOf(row: T): string;
  onSort?(by: string): void;
  /** Which rows can be seen. */
  onRange?(first: number, last: number): void;
}

const MOVES: Readonly<Record<string, (index: number, page: number, last: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index, page) => index + page,
  PageUp: (index, page) => index - page,
  Home: () => 0,
  End: (_, __, last) => last,
};

const isRoomy = matchMedia("(pointer: coarse)");

export function VirtualTable<T>(props: TableProps<T>) {
  const { name, label, columns, rows, count, keyOf } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = isRoomy.matches ? 44 : 34;
  const virtualizer = useVirtualizer({ count, rowHeight, getScrollElement: () => scroller.current });
  const items = virtualizer.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  useEffect(() => props.onRange?.(first, last), [first, last, count]);
  const { active, onKeyDown, setActive } = useRoving(scroller, count, virtualizer, rowHeight);
  const reachable = active >= first && active <= last ? active : first;
  return (
    <div class={`table ${name}`} ref={scroller} role="table" aria-label={label} aria-rowcount={count + 1}>
      <Head {...props} />
      <div class="rows" role="rowgroup" style={{ height: `${virtualizer.getTotalSize()}px` }} onKeyDown={onKeyDown}>
        {items.map(({ index, start }) => {
          const row = rows[index];
          return (
            <div
              key={row ? keyOf(row) : index}
              class="row"
              role="row"
              aria-rowindex={index + 2}
              data-index={index}
              style={{ transform: `translateY(${start}px)`, height: `${rowHeight}px` }}
              onFocusIn={() => setActive(index)}
            >
              {row ? <Cells {...props} row={row} isReachable={index === reachable} /> : <Unloaded columns={columns} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head<T>({ columns, sorting, onSort }: TableProps<T>) {
  return (
    <div class="head" role="rowgroup">
      <div class="row" role="row" aria-rowindex={1}>
        {columns.map((column) => {
          const { sort, title } = column;
          const isSorted = sort !== undefined && sort === sorting?.by;
          const order = isSorted ? (sorting?.order === "asc" ? "ascending" : "descending") : undefined;
          return (
            <div key={title} role="columnheader" class={classOf(column)} {...(order && { "aria-sort": order })}>
              {sort && onSort ? <button onClick={() => onSort(sort)}>{title}</button> : title}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Cells<T>({ columns, row, hrefOf, isReachable }: TableProps<T> & { row: T; isReachable: boolean }) {
  return columns.map((column, position) => (
    <div key={column.name} role="cell" class={classOf(column)}>
      {position === 0 ? (
        <a class="row-link" href={hrefOf(row)} tabIndex={isReachable ? 0 : -1}>
          {column.cell(row)}
        </a>
      ) : (
        column.cell(row)
      )}
    </div>
  ));
}

function Unloaded<T>({ columns }: { columns: readonly Column<T>[] }) {
  return columns.map((column) => (
    <div key={column.name} role="cell" class={`${classOf(column)} unloaded`}>
      <i aria-hidden="true" />
    </div>
  ));
}

function classOf<T>({ name, isNumber, isExtra }: Column<T>): string {
  return `cell c-${name}${isNumber ? " number" : ""}${isExtra ? " extra" : ""}`;
}

/** Which row is the one in the tab order, and how keys move it. */
function useRoving(
  scroller: { readonly current: HTMLElement | null },
  count: number,
  virtualizer: ReturnType<typeof useVirtualizer>,
  rowHeight: number,
) {
  const [active, showActive] = useState(0);
  // Keys come faster than the page is drawn anew.
  const latest = useRef(0);
  const setActive = (index: number): void => {
    latest.current = index;
    showActive(index);
  };
  const focusNext = useRef(false);
  useEffect(() => {
    if (!focusNext.current) return;
    const link = scroller.current?.querySelector<HTMLElement>(`[data-index="${latest.current}"] .row-link`);
    if (!link) return;
    focusNext.current = false;
    link.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = MOVES[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const target = Math.min(Math.max(move(latest.current, page, count - 1), 0), count - 1);
    focusNext.current = true;
    virtualizer.scrollToIndex(target, { align: "auto" });
    setActive(target);
  };
  return { active, onKeyDown, setActive };
}
