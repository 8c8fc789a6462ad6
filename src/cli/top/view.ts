/** Rows as lines of text, with and without a terminal. */
import { plainText } from "../plain-text.ts";
import type { Column } from "./columns.ts";

const REVERSE = "\x1b[7m";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Screen<Row> {
  readonly title: string;
  readonly status: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly selected: number;
}

/** Lines above and below the rows: title, heads, status. */
export const FRAME_LINES = 3;

/** As many lines as the terminal has, none of them wider than it; the selected row is among them. */
export function draw<Row>({ title, status, columns, rows, selected }: Screen<Row>, size: Size): string[] {
  const room = Math.max(0, size.rows - FRAME_LINES);
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), rows.length - room));
  const body = rows.slice(first, first + room).map((row, i) => {
    const text = fit(line(row, columns), size.columns);
    return first + i === selected ? `${REVERSE}${text}${PLAIN}` : text;
  });
  const empty = Array.from({ length: room - body.length }, () => "");
  return [
    `${BOLD}${fit(plainText(title), size.columns)}${PLAIN}`,
    `${BOLD}${fit(heads(columns), size.columns)}${PLAIN}`,
    ...body,
    ...empty,
    fit(plainText(status), size.columns),
  ].slice(0, size.rows);
}

/** The whole table, for a file or a pipe. */
export function plain<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return [heads(columns), ...rows.map((row) => line(row, columns))].map((text) => text.trimEnd()).join("\n");
}

function heads<Row>(columns: readonly Column<Row>[]): string {
  return columns.map(({ title, width, isNumber }) => cell(title, width, isNumber)).join(" ");
}

function line<Row>(row: Row, columns: readonly Column<Row>[]): string {
  return columns.map(({ text, width, isNumber }) => cell(plainText(text(row)), width, isNumber)).join(" ");
}

function cell(text: string, width: number, isNumber: boolean): string {
  const short = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return isNumber ? short.padStart(width) : short.padEnd(width);
}

function fit(text: string, width: number): string {
  return text.slice(0, width).padEnd(width);
}
