/** A view whose code comes when it is first looked at. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../api/problem.ts";
import { Failure, Waiting } from "../parts/states.tsx";

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let Loaded: ComponentType<Props> | undefined;
  return function Later(props: Props) {
    const [failed, setFailed] = useState<string | null>(null);
    const [, redraw] = useState(false);
    useEffect(() => {
      if (Loaded) return;
      load().then(
        (found) => {
          Loaded = found;
          redraw(true);
        },
        (error: unknown) => setFailed(messageOf(error)),
      );
    }, []);
    if (failed !== null) return <Failure error={`A part of this page could not be loaded: ${failed}`} />;
    return Loaded ? <Loaded {...props} /> : <Waiting />;
  };
}
