import { expect, test } from "vitest";
import { highestStep } from "../../../bench/capacity.ts";

/** A server that holds all steps up to `capacity`; what was tried of it. */
async function search(capacity: number, hint?: number): Promise<{ step: number | undefined; tried: number[] }> {
  const tried: number[] = [];
  const found = await highestStep(async (step) => {
    tried.push(step);
    return step <= capacity ? step : undefined;
  }, hint);
  return { step: found?.step, tried };
}

test("the search ends at the highest step that is held, whatever the hint", async () => {
  for (const hint of [undefined, 0, 1, 20, 40, 61]) {
    for (let capacity = 0; capacity < 62; capacity++) {
      const { step, tried } = await search(capacity, hint);
      expect(step, `capacity ${capacity}, hint ${hint}`).toBe(capacity);
      expect(new Set(tried).size).toBe(tried.length);
      expect(Math.max(...tried)).toBeLessThan(62);
    }
  }
});

test("a server that holds nothing has no capacity", async () => {
  expect((await search(-1)).step).toBeUndefined();
  expect((await search(-1, 30)).step).toBeUndefined();
});

test("with a hint that is right within one step it takes at most four attempts", async () => {
  for (const off of [-1, 0, 1]) expect((await search(20, 20 + off)).tried.length).toBeLessThanOrEqual(4);
});

test("no attempt goes far beyond what is held: a load of many times the capacity takes the machine down with it", async () => {
  for (let capacity = 8; capacity < 56; capacity++) {
    expect(Math.max(...(await search(capacity)).tried) - capacity).toBeLessThanOrEqual(6);
    expect(Math.max(...(await search(capacity, 8)).tried) - capacity).toBeLessThanOrEqual(6);
  }
});
