/** What an action came to: said once, read out, and gone after a while. Failures stay until they are put away. */
import { signal } from "@preact/signals";
import { messageOf } from "../api/problem.ts";
import { Icon } from "./icon.tsx";

interface Notice {
  readonly id: number;
  readonly kind: "done" | "failed";
  readonly text: string;
}

const SHOWN_MS = 6_000;
const notices = signal<readonly Notice[]>([]);
let lastId = 0;

export function tell(kind: Notice["kind"], text: string): void {
  const id = ++lastId;
  notices.value = [...notices.value, { id, kind, text }].slice(-4);
  if (kind === "done") setTimeout(() => putAway(id), SHOWN_MS);
}

function putAway(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Runs an action and says how it ended. True when it was done. */
export async function act(done: string, action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
  } catch (error) {
    tell("failed", messageOf(error));
    return false;
  }
  tell("done", done);
  return true;
}

export function Notices() {
  return (
    <div class="notices" aria-live="polite">
      {notices.value.map(({ id, kind, text }) => (
        <div key={id} class={`notice ${kind}`} role={kind === "failed" ? "alert" : "status"}>
          <span>{text}</span>
          <button class="quiet icon-button" onClick={() => putAway(id)}>
            <Icon name="close" />
            <span class="unseen">Put away</span>
          </button>
        </div>
      ))}
    </div>
  );
}
