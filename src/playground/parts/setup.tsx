/** Which app, which two peers, which family. */
import { useState } from "preact/hooks";
import { ID_RULES, parseAppId, parsePeerId, parseRoomName } from "../../protocol/index.ts";
import { FAMILIES } from "../families/index.ts";
import type { Parameters } from "../parameters.ts";

/** Pasted ones, for relays that give none away. */
export interface Tickets {
  readonly a: string;
  readonly b: string;
}

export interface SetupProps {
  readonly parameters: Parameters;
  readonly tickets: Tickets;
  readonly onConnect: (parameters: Parameters, tickets: Tickets) => void;
}

export function Setup({ parameters, tickets, onConnect }: SetupProps) {
  const [draft, setDraft] = useState(parameters);
  const [own, setOwn] = useState(tickets);
  const problem = problemOf(draft);
  const set = (change: Partial<Parameters>): void => setDraft({ ...draft, ...change });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!problem) onConnect(draft, own);
  };
  return (
    <form class="setup panel" aria-label="Connection" onSubmit={submit}>
      <Field label="App" value={String(draft.app)} size={8} onInput={(app) => set({ app: Number(app) })} />
      <Field label="Room" value={draft.room} size={12} onInput={(room) => set({ room })} />
      <Field label="Peer A calls" value={draft.a} size={20} onInput={(a) => set({ a })} />
      <Field label="Peer B waits" value={draft.b} size={20} onInput={(b) => set({ b })} />
      <label class="field">
        <span>Family</span>
        <select value={draft.family} onChange={(event) => set({ family: event.currentTarget.value })}>
          {FAMILIES.map(({ id, title }) => (
            <option value={id}>{title}</option>
          ))}
        </select>
      </label>
      <button class="primary" type="submit" disabled={problem !== undefined}>
        Connect
      </button>
      <details class="tickets">
        <summary>Own tickets</summary>
        <p class="muted">
          A relay that `npm start` runs gives this page its tickets. For another one, paste what `npm run ticket`
          prints.
        </p>
        <Field label="Ticket of A" value={own.a} size={40} onInput={(a) => setOwn({ ...own, a: a.trim() })} />
        <Field label="Ticket of B" value={own.b} size={40} onInput={(b) => setOwn({ ...own, b: b.trim() })} />
      </details>
      <p class="problem" role="status">
        {problem}
      </p>
    </form>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly size: number;
  readonly onInput: (value: string) => void;
}

function Field({ label, value, size, onInput }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        value={value}
        size={size}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

function problemOf({ app, room, a, b }: Parameters): string | undefined {
  if (parseAppId(app) === undefined) return `The app must be ${ID_RULES.app}.`;
  if (room !== "" && parseRoomName(room) === undefined) return `The room must be ${ID_RULES.room}, or nothing.`;
  if (parsePeerId(a) === undefined || parsePeerId(b) === undefined) return `A peer must be ${ID_RULES.peer}.`;
  return a === b ? "The peers must be two different ones." : undefined;
}
