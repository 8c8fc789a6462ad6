/** Where a page of connections ended, as text: `sort.order.value.handle`. */
import { CONNECTION_SORTS, type ConnectionPlace, type ConnectionSort } from "../../relay/operations/connections.ts";

export interface ConnectionCursor extends ConnectionPlace {
  readonly sort: ConnectionSort;
  readonly order: "asc" | "desc";
}

const CURSOR = /^([A-Za-z]{1,20})\.(asc|desc)\.(0|[1-9][0-9]{0,15})\.([1-9][0-9]{0,9})$/;
const MAX_HANDLE = 0xffff_ffff;

export function formatCursor({ sort, order, value, handle }: ConnectionCursor): string {
  return `${sort}.${order}.${value}.${handle}`;
}

export function parseCursor(text: string): ConnectionCursor | undefined {
  const [, name, order, value, handle] = CURSOR.exec(text) ?? [];
  const sort = CONNECTION_SORTS.find((known) => known === name);
  if (!sort || Number(value) > Number.MAX_SAFE_INTEGER || Number(handle) > MAX_HANDLE) return undefined;
  return { sort, order: order === "asc" ? "asc" : "desc", value: Number(value), handle: Number(handle) };
}
