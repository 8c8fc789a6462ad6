import type { ComponentChildren } from "preact";
import type { Resource } from "../api/use-resource.ts";

const TONES: Readonly<Record<string, string>> = {
  Connected: "good",
  present: "good",
  Connecting: "warn",
  Disconnecting: "warn",
  away: "warn",
  stalled: "bad",
  Closed: "off",
  gone: "off",
};

/** A state as a word with a mark: the mark's shape tells it, too, for those who do not see the colour. */
export function State({ of }: { of: string }) {
  return (
    <span class={`state ${TONES[of] ?? "off"}`}>
      <span class="word">{of}</span>
    </span>
  );
}

export function Failure({ error, retry }: { error: Error | string; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <span>{typeof error === "string" ? error : error.message}</span>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Waiting() {
  return (
    <p class="waiting" role="status">
      Loading …
    </p>
  );
}

/** What has been loaded, or why it has not. Old data stays when a reload fails, and says so. */
export function Loaded<T>({ from, children }: { from: Resource<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, reload } = from;
  return (
    <>
      {error && <Failure error={error} retry={reload} />}
      {data === undefined ? !error && <Waiting /> : children(data)}
    </>
  );
}
