/**
 * A long list that is read page by page, as far as somebody scrolls. Pages come by cursor, so in order; those that are
 * looked at can be read again in place.
 */
import { computed, signal } from "@preact/signals";
import { messageOf } from "./problem.ts";
import type { Listed, Page } from "./routes.ts";

export const PAGE_SIZE = 200;

type Load<T> = (page: Page, signal: AbortSignal) => Promise<Listed<T>>;

export class PagedList<T> {
  readonly rows = signal<readonly T[]>([]);
  readonly error = signal<string | null>(null);
  readonly isLoading = signal(false);
  /** False until the first page has come. */
  readonly isReady = signal(false);
  readonly #total = signal<number | null>(null);
  readonly #load: Load<T>;
  readonly #keyOf: (row: T) => string;
  /** Of each page that has been read, where it begins. */
  #starts: (string | null)[] = [];
  readonly #next = signal<string | null>(null);
  readonly hasMore = computed(() => this.#next.value !== null);
  #wanted = 0;
  #abort = new AbortController();

  /** How many rows there are, loaded or not, as far as the relay says. */
  readonly count = computed(() => Math.max(this.#total.value ?? 0, this.rows.value.length));

  constructor(load: Load<T>, keyOf: (row: T) => string) {
    this.#load = load;
    this.#keyOf = keyOf;
  }

  /** Reads on until this many rows are there, or all. */
  async ensure(count: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, count);
    if (this.isLoading.value) return;
    this.isLoading.value = true;
    const { signal: aborted } = this.#abort;
    try {
      while (!aborted.aborted && this.#isShort()) await this.#readNext(aborted);
    } catch (error) {
      if (!aborted.aborted) this.error.value = messageOf(error);
    } finally {
      if (!aborted.aborted) this.isLoading.value = false;
    }
  }

  /** Reads the pages again that hold these rows. What is new comes in when the list is read anew. */
  async refresh(first: number, last: number): Promise<void> {
    if (this.isLoading.value) return;
    const { signal: aborted } = this.#abort;
    const from = Math.floor(first / PAGE_SIZE);
    const to = Math.min(Math.floor(last / PAGE_SIZE), this.#starts.length - 1);
    try {
      for (let index = from; index <= to; index++) {
        const page = await this.#load({ cursor: this.#starts[index] ?? null, limit: PAGE_SIZE }, aborted);
        if (aborted.aborted) return;
        this.#merge(page, index);
      }
      this.error.value = null;
    } catch (error) {
      if (!aborted.aborted) this.error.value = messageOf(error);
    }
  }

  /** From the beginning, when what is shown no longer is what there is. */
  restart(): void {
    const { length } = this.rows.value;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#starts = [];
    this.#next.value = null;
    this.#wanted = 0;
    this.isLoading.value = false;
    void this.ensure(Math.min(Math.max(length, 1), PAGE_SIZE));
  }

  change(key: string, change: (row: T) => T | undefined): void {
    const index = this.rows.value.findIndex((row) => this.#keyOf(row) === key);
    const row = this.rows.value[index];
    const changed = row && change(row);
    if (changed) this.rows.value = this.rows.value.with(index, changed);
  }

  stop(): void {
    this.#abort.abort();
  }

  #isShort(): boolean {
    if (this.#starts.length === 0) return true;
    return this.#next.value !== null && this.rows.value.length < this.#wanted;
  }

  async #readNext(aborted: AbortSignal): Promise<void> {
    const cursor = this.#next.value;
    const isFirst = this.#starts.length === 0;
    const { rows, next, total } = await this.#load({ cursor, limit: PAGE_SIZE }, aborted);
    if (aborted.aborted) return;
    this.#starts.push(cursor);
    this.#next.value = next;
    this.#total.value = total;
    this.rows.value = isFirst ? rows : this.#joined(rows);
    this.isReady.value = true;
    this.error.value = null;
  }

  /** Rows move while pages are read, when the order is one that changes: none is shown twice. */
  #joined(rows: readonly T[]): readonly T[] {
    const known = new Set(this.rows.value.map(this.#keyOf));
    return [...this.rows.value, ...rows.filter((row) => !known.has(this.#keyOf(row)))];
  }

  #merge({ rows, total, next }: Listed<T>, index: number): void {
    this.#total.value = total;
    if (index === 0 && this.#starts.length === 1) {
      this.#next.value = next;
      this.rows.value = rows;
      return;
    }
    const fresh = new Map(rows.map((row) => [this.#keyOf(row), row]));
    this.rows.value = this.rows.value.map((row) => fresh.get(this.#keyOf(row)) ?? row);
  }
}
