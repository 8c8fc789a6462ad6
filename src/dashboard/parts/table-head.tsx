/** The headings of a table: columns of text, and behind them those of numbers. */
export function TableHead({ texts, numbers }: { texts: readonly string[]; numbers: readonly string[] }) {
  return (
    <thead>
      <tr>
        {texts.map((text) => (
          <th key={text} scope="col">
            {text}
          </th>
        ))}
        {numbers.map((text) => (
          <th key={text} scope="col" class="number">
            {text}
          </th>
        ))}
      </tr>
    </thead>
  );
}
