/** The network between this peer and the relay, to be made worse. */
import type { Deed } from "../code-sample.ts";
import { FAIR_WEATHER, type Weather } from "../network.ts";
import type { PlaygroundPeer } from "../peer.ts";

interface Slider {
  readonly key: keyof Weather;
  readonly label: string;
  readonly max: number;
  readonly step: number;
  readonly unit: string;
}

const SLIDERS: readonly Slider[] = [
  { key: "loss", label: "Loss", max: 50, step: 1, unit: "%" },
  { key: "lagMs", label: "Lag", max: 500, step: 10, unit: "ms" },
  { key: "jitterMs", label: "Jitter", max: 100, step: 5, unit: "ms" },
  { key: "reorderPercent", label: "Reorder", max: 50, step: 1, unit: "%" },
];

interface Props {
  readonly peer: PlaygroundPeer;
  readonly onDeed: (deed: Deed) => void;
}

export function NetworkControls({ peer, onDeed }: Props) {
  const weather = peer.weather.value;
  const { name } = peer.options;
  const set = (next: Weather): void => {
    peer.setWeather(next);
    onDeed({ kind: "weather", ...next });
  };
  const toggle = (): void => {
    if (peer.isCut.value) peer.restore();
    else peer.cut();
    onDeed({ kind: "cut" });
  };
  return (
    <fieldset class="network">
      <legend>Network of {name}</legend>
      {SLIDERS.map(({ key, label, max, step, unit }) => (
        <label class="slider">
          <span>{label}</span>
          <input
            type="range"
            min={0}
            max={max}
            step={step}
            value={weather[key]}
            aria-valuetext={`${weather[key]} ${unit}`}
            onInput={(event) => set({ ...weather, [key]: Number(event.currentTarget.value) })}
          />
          <output>
            {weather[key]} {unit}
          </output>
        </label>
      ))}
      <div class="row">
        <button type="button" class={peer.isCut.value ? "primary" : "danger"} onClick={toggle}>
          {peer.isCut.value ? "Restore the network" : "Cut the network"}
        </button>
        <button type="button" class="quiet" onClick={() => set(FAIR_WEATHER)}>
          Fair weather
        </button>
      </div>
    </fieldset>
  );
}
