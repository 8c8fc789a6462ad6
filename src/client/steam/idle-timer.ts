import { clock } from "../websocket.ts";
import type { ChannelSessions, Session } from "./channel-sessions.ts";

/** How much longer a session stays that is in the middle of something, in ms. */
const EXTENSION_MS = 1000;
/** Timers take a longer time for none at all. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Ends sessions that are not used: one timer for all of them, and none while none is open. */
export class IdleTimer {
  readonly #sessions: ChannelSessions;
  readonly #timeoutMs: number;
  readonly #onIdle: (peer: bigint) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sessions: ChannelSessions, timeoutMs: number, onIdle: (peer: bigint) => void) {
    this.#sessions = sessions;
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  /** To be called when a session may have begun or ended. Being used only makes the timer look again when it fires. */
  update(): void {
    const hasTimer = this.#timer !== undefined;
    let firstUsed = Infinity;
    for (const session of this.#sessions.all()) {
      if (!isOpen(session)) continue;
      if (hasTimer) return;
      firstUsed = Math.min(firstUsed, session.usedAt);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (firstUsed === Infinity) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(firstUsed + this.#timeoutMs - clock(), MAX_DELAY_MS));
  }

  #look(): void {
    this.#timer = undefined;
    const usedBefore = clock() - this.#timeoutMs;
    for (const session of this.#sessions.all()) {
      if (!isOpen(session) || session.usedAt > usedBefore) continue;
      if (this.#isBusy(session)) session.usedAt = usedBefore + EXTENSION_MS;
      else this.#onIdle(session.connection.peer);
    }
    this.update();
  }

  /** Something is not acknowledged, or a message has arrived in part. */
  #isBusy({ connection }: Session): boolean {
    const { engine } = connection;
    return engine.hasUnacked || engine.bytesHeld > this.#sessions.queues.bytesHeld(connection);
  }
}

function isOpen({ connection }: Session): boolean {
  return !connection.ending;
}
