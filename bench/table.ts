/** A Markdown table. The first `words` columns hold words, the others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const rule = head.map((_, column) => (column < words ? "---" : "--:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
