import type { ComponentChildren } from "preact";

interface Figure {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  /** Which colour of the charts it goes with. */
  readonly series?: 1 | 2 | 3 | 4 | 5;
  readonly trend?: readonly number[];
}

export function Figures({ of }: { of: readonly Figure[] }) {
  return (
    <dl class="figures">
      {of.map(({ label, value, note, series, trend }) => (
        <div key={label} class={series ? `figure series-${series}` : "figure"}>
          <dt>{label}</dt>
          <dd class="value">{value}</dd>
          {note !== undefined && <dd class="note">{note}</dd>}
          {trend && (
            <dd class="trend">
              <Trend of={trend} />
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}

const [WIDTH, HEIGHT] = [120, 28];

/** The last minutes as a line. The number beside it says what counts. */
function Trend({ of }: { of: readonly number[] }) {
  if (of.length < 2) return null;
  const top = Math.max(...of, 1e-9);
  const points = of.map((value, index) => {
    const x = (index / (of.length - 1)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`;
  });
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
