import { type TypedEvents, emit } from "../typed-events.ts";

/** Steam queues its callbacks: the event comes after the call that caused it has returned, and in order. */
export function post<Events extends object, K extends keyof Events & string>(
  target: TypedEvents<Events>,
  type: K,
  detail: Events[K],
): void {
  queueMicrotask(() => emit(target, type, detail));
}
