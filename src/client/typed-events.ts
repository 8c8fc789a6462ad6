/** An EventTarget whose listeners know what they get: `addEventListener("closed", ({ detail }) => …)`. */
export interface TypedEvents<Events extends object> extends Pick<EventTarget, "dispatchEvent"> {
  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: ((event: CustomEvent<Events[K]>) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events & string>(
    type: K,
    listener: ((event: CustomEvent<Events[K]>) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The platform's EventTarget as it is; only its type is narrower. */
export const TypedEvents = EventTarget as unknown as new <Events extends object>() => TypedEvents<Events>;

export function emit<Events extends object, K extends keyof Events & string>(
  target: TypedEvents<Events>,
  type: K,
  detail: Events[K],
): void {
  target.dispatchEvent(new CustomEvent(type, { detail }));
}
