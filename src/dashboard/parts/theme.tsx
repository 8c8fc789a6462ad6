/** Light, dark, or as the system has it. Kept for the next visit; a page that cannot keep anything follows the system. */
import { signal } from "@preact/signals";
import { Icon } from "./icon.tsx";

const KEY = "edge-relay.theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;
const NAMES: Readonly<Record<Theme, string>> = { auto: "as the system", light: "light", dark: "dark" };

export const theme = signal<Theme>(THEMES.find((name) => name === localStorage.getItem(KEY)) ?? "auto");
/** Counts up when colours change: what is drawn on a canvas has to be drawn again. */
export const colours = signal(0);

export function startTheme(): void {
  theme.subscribe((chosen) => {
    if (chosen === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    localStorage.setItem(KEY, chosen);
    colours.value = colours.peek() + 1;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.value++);
}

/** What a variable of theme.css is just now; a canvas cannot look it up by itself. */
export function colour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function ThemeSwitch() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
  return (
    <button class="quiet icon-button" onClick={() => (theme.value = next)} title={`Colours: ${NAMES[theme.value]}`}>
      <Icon name={ICONS[theme.value]} />
      <span class="unseen">
        Colours: {NAMES[theme.value]}. Change to {NAMES[next]}
      </span>
    </button>
  );
}
