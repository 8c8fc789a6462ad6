import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Resource<T> {
  readonly data: T | undefined;
  /** Of the latest attempt: what is shown may be older than this. */
  readonly error: Error | undefined;
  readonly isLoading: boolean;
  reload(): void;
}

interface State<T> {
  readonly key: string;
  readonly data?: T | undefined;
  readonly error?: Error | undefined;
  readonly isLoading: boolean;
}

/**
 * Loads when `key` changes, and again every so many ms while the page can be seen. An answer that comes after the key has
 * changed is thrown away.
 */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>, everyMs?: number): Resource<T> {
  const [state, setState] = useState<State<T>>({ key, isLoading: true });
  const loading = useRef(load);
  loading.current = load;
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ ...(before.key === key ? before : { key }), isLoading: true }));
    loading.current(abort.signal).then(
      (data) => abort.signal.aborted || setState({ key, data, isLoading: false }),
      (error: Error) => abort.signal.aborted || setState((before) => ({ ...before, error, isLoading: false })),
    );
    return () => abort.abort();
  }, [key, attempt]);

  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  useEvery(everyMs, reload);
  const current = state.key === key ? state : { key, isLoading: true };
  return { data: current.data, error: current.error, isLoading: current.isLoading, reload };
}

/** Runs it every so many ms, but not while the page is hidden; then at once when it is looked at again. */
export function useEvery(everyMs: number | undefined, run: () => void): void {
  const running = useRef(run);
  running.current = run;
  useEffect(() => {
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => document.hidden || running.current(), everyMs);
    const seen = (): void => void (document.hidden || running.current());
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [everyMs]);
}
