import { useState } from "preact/hooks";
import { putSettings, settings } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { SettingName, SettingOverrides, Settings } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { act } from "../parts/notices.tsx";
import { askFirst } from "../parts/question.tsx";
import { Loaded } from "../parts/states.tsx";
import { bytes, exact } from "../text/numbers.ts";
import { SETTING_GROUPS, type SettingNote } from "../text/setting-notes.ts";
import { duration } from "../text/times.ts";

export function SettingsPage({ app }: { app: number }) {
  const found = useResource(`settings ${app}`, (signal) => settings(app, signal));
  return (
    <div class="view">
      <header class="title">
        <h1>Settings of app {app}</h1>
      </header>
      <p class="muted">
        What holds now in all rooms of the app. What is set here comes before <code>APP_SETTINGS</code>; open rooms
        follow within seconds.
      </p>
      <Loaded from={found}>
        {(data) =>
          canOperate.value ? (
            <Form key={app} app={app} of={data} saved={found.reload} />
          ) : (
            <Groups of={data} field={({ name, unit }) => <b>{written(Number(data.settings[name]), unit)}</b>} />
          )
        }
      </Loaded>
    </div>
  );
}

interface FormProps {
  readonly app: number;
  readonly of: Settings;
  saved(): void;
}

function Form({ app, of, saved }: FormProps) {
  const [overrides, setOverrides] = useState<SettingOverrides>(of.overrides);
  const isChanged = !isSame(overrides, of.overrides);
  const set = (name: SettingName, text: string): void => {
    const { [name]: _, ...others } = overrides;
    setOverrides(text.trim() === "" ? others : { ...others, [name]: Number(text) });
  };
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const yes = await askFirst({
      title: `Change the settings of app ${app}?`,
      text: "They hold in all of its rooms, also in those that are in use.",
      action: "Change them",
    });
    if (yes && (await act("The settings were changed.", () => putSettings(app, overrides)))) saved();
  };
  return (
    <form onSubmit={(event) => void save(event)}>
      <Groups
        of={of}
        field={({ name, unit, isFixed }) => (
          <>
            <input
              disabled={isFixed}
              id={`set-${name}`}
              type="number"
              min={0}
              step={1}
              value={overrides[name] ?? ""}
              placeholder={String(of.settings[name] ?? "")}
              aria-describedby={`note-${name}`}
              onInput={(event) => set(name, event.currentTarget.value)}
            />
            <span class="now">
              {overrides[name] === undefined ? "" : "set here · "}now {written(Number(of.settings[name]), unit)}
            </span>
          </>
        )}
      />
      <div class="choices">
        <button type="button" disabled={!isChanged} onClick={() => setOverrides(of.overrides)}>
          Undo
        </button>
        <button class="primary" disabled={!isChanged}>
          Change …
        </button>
      </div>
    </form>
  );
}

function Groups({ of, field }: { of: Settings; field: (note: SettingNote) => preact.ComponentChildren }) {
  return (
    <div class="setting-groups">
      {SETTING_GROUPS.map(({ title, settings: notes }) => (
        <section key={title} class="panel">
          <h2>{title}</h2>
          {notes
            .filter(({ name }) => name in of.settings)
            .map((note) => (
              <div key={note.name} class={of.overrides[note.name] === undefined ? "setting" : "setting overridden"}>
                <label for={`set-${note.name}`}>
                  <code>{note.name}</code>
                </label>
                <p id={`note-${note.name}`}>{note.note}</p>
                <div class="field">{field(note)}</div>
              </div>
            ))}
        </section>
      ))}
    </div>
  );
}

/** In whatever order they were set. */
function isSame(some: SettingOverrides, others: SettingOverrides): boolean {
  const names = Object.keys({ ...some, ...others }) as SettingName[];
  return names.every((name) => some[name] === others[name]);
}

function written(value: number, unit: SettingNote["unit"]): string {
  if (unit === "ms") return duration(value);
  return unit === "bytes" ? bytes(value) : exact(value);
}
