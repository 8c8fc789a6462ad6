/** The text format: what is written can be read back, by its rules and by Prometheus' own parser. */
import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Labels, writeMetric } from "../../../src/http/metrics-text.ts";
import { parseMetrics } from "../../support/metrics.ts";

const HEAD = { name: "edge_relay_test_total", kind: "counter", help: "Help." } as const;

/** Well-formed text: anything else becomes U+FFFD on its way into UTF-8. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom("\\", '"', "\n", "n", "{", "}", ",", "=", " ", "é"), maxLength: 12 }),
);
const labels = fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,8}$/), text, { maxKeys: 4, noNullPrototype: true });

describe("writeMetric", () => {
  test("one HELP, one TYPE, and a line per sample", () => {
    const samples = [
      { labels: { app: "480", reason: 'a "b"\\\n' }, value: 3 },
      { labels: {}, value: 0.5 },
    ];
    expect(writeMetric({ ...HEAD, help: "a \\ b\nc" }, samples)).toBe(
      [
        "# HELP edge_relay_test_total a \\\\ b\\nc",
        "# TYPE edge_relay_test_total counter",
        'edge_relay_test_total{app="480",reason="a \\"b\\"\\\\\\n"} 3',
        "edge_relay_test_total 0.5",
        "",
      ].join("\n"),
    );
  });

  test("nothing where there are no samples", () => {
    expect(writeMetric(HEAD, [])).toBe("");
  });

  test.each([
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
    [2 ** 53, "9007199254740992"],
    [1e21, "1e+21"],
  ])("%d is written as %s", (value, written) => {
    expect(writeMetric(HEAD, [{ labels: {}, value }]).split("\n")[2]).toBe(`edge_relay_test_total ${written}`);
  });

  test("any labels, help and values are read back as they were", () => {
    fc.assert(
      fc.property(labels, text, fc.double(), (given: Labels, help, value) => {
        const read = parseMetrics(writeMetric({ ...HEAD, help }, [{ labels: given, value }]));
        expect(read).toEqual([
          { ...HEAD, help, samples: [{ labels: given, value: Object.is(value, -0) ? 0 : value }] },
        ]);
      }),
    );
  });

  test("promtool reads what is escaped", () => {
    const values = new Set(fc.sample(text, { numRuns: 300, seed: 7 }));
    // Prometheus' lexer takes a zero byte for the end of the input.
    const samples = [...values].filter((value) => !value.includes("\0"));
    const written = writeMetric(
      { ...HEAD, help: 'back\\slash "quoted"\nlines' },
      samples.map((value, i) => ({
        labels: { place: String(i), value },
        value: i,
      })),
    );
    const { status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], {
      input: written,
      encoding: "utf8",
    });
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: "", stdout: "" });
  });
});
