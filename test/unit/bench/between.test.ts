import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { between } from "../../../bench/between.ts";

const folder = mkdtempSync(join(tmpdir(), "edge-relay-between-"));
afterAll(() => rmSync(folder, { recursive: true }));

function document(text: string): URL {
  const path = join(folder, "document.md");
  writeFileSync(path, text);
  return pathToFileURL(path);
}

test("what stands between the lines is replaced, and nothing else", () => {
  const url = document("before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter <!-- b:begin -->\n");
  between(url, "a", "new");
  between(url, "a", "newer");
  const text = "before\n<!-- a:begin -->\n\nnewer\n\n<!-- a:end -->\nafter <!-- b:begin -->\n";
  expect(readFileSync(url, "utf8")).toBe(text);
});

test.each(["nothing", "<!-- a:begin -->", "<!-- a:end --><!-- a:begin -->"])(
  "%s: refused, and left as it is",
  (text) => {
    const url = document(text);
    expect(() => between(url, "a", "new")).toThrow("needs the lines <!-- a:begin --> and <!-- a:end -->");
    expect(readFileSync(url, "utf8")).toBe(text);
  },
);
