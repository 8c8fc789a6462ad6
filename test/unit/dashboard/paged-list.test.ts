import { expect, test } from "vitest";
import { PAGE_SIZE, PagedList } from "../../../src/dashboard/api/paged-list.ts";
import type { Page } from "../../../src/dashboard/api/routes.ts";

interface Row {
  readonly id: string;
  readonly packets: number;
}

function source(count: number) {
  let packets = 0;
  const asked: (string | null)[] = [];
  const load = async ({ cursor, limit }: Page) => {
    asked.push(cursor);
    const from = Number(cursor ?? 0);
    const to = Math.min(from + limit, count);
    const rows = Array.from({ length: to - from }, (_, index): Row => ({ id: String(from + index), packets }));
    return { rows, next: to < count ? String(to) : null, total: count };
  };
  return { asked, load, tick: () => void packets++ };
}

test("reads as far as it is asked to, and knows how many there are", async () => {
  const { asked, load } = source(1_000);
  const list = new PagedList(load, ({ id }: Row) => id);
  await list.ensure(1);
  expect([list.rows.value.length, list.count.value]).toEqual([PAGE_SIZE, 1_000]);
  await list.ensure(PAGE_SIZE * 2 + 1);
  expect(list.rows.value.length).toBe(PAGE_SIZE * 3);
  await list.ensure(5_000);
  expect(list.rows.value.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, id) => String(id)));
  expect(asked).toEqual([null, "200", "400", "600", "800"]);
  expect(list.hasMore.value).toBe(false);
});

test("what is looked at is read again, and nothing else", async () => {
  const { load, tick, asked } = source(600);
  const list = new PagedList(load, ({ id }: Row) => id);
  await list.ensure(600);
  tick();
  asked.length = 0;
  await list.refresh(PAGE_SIZE, PAGE_SIZE + 20);
  expect(asked).toEqual(["200"]);
  const packets = (index: number) => list.rows.value[index]?.packets;
  expect([packets(0), packets(PAGE_SIZE), packets(2 * PAGE_SIZE)]).toEqual([0, 1, 0]);
});

test("a failure is kept, and gone with the next success", async () => {
  let isDown = true;
  const { load } = source(3);
  const failing = async (page: Page) => {
    if (isDown) throw new Error("no answer");
    return load(page);
  };
  const list = new PagedList(failing, ({ id }: Row) => id);
  await list.ensure(1);
  expect([list.error.value, list.isReady.value]).toEqual(["no answer", false]);
  isDown = false;
  await list.ensure(1);
  expect([list.error.value, list.rows.value.length]).toEqual([null, 3]);
});
