import {
  type AppId,
  type ControlFrameName,
  type ControlValues,
  type DropReason,
  ERRORS,
  type ErrorName,
  FrameType,
  type PeerId,
  encodeControl,
} from "../protocol/index.ts";
import type { RoomCounters } from "./counters.ts";
import type { Link } from "./link.ts";
import type { P2PRelayManager } from "./manager.ts";
import type { Outbox } from "./outbox.ts";
import type { Log, RoomStore } from "./ports.ts";
import type { AppSettings } from "./settings.ts";

/** What the rules of one room work on. Room owns it; the modules beside it each hold one part of the rules. */
export interface RoomState {
  readonly app: AppId;
  readonly settings: AppSettings;
  readonly manager: P2PRelayManager;
  readonly counters: RoomCounters;
  readonly outbox: Outbox;
  readonly store: RoomStore;
  readonly log: Log;
  /** The open session of each peer. */
  readonly sessions: Map<PeerId, Link>;
  /** Every socket that is not over, guests included. */
  readonly links: Set<Link>;
  /** Links whose socket a refusal closed in the middle of the rules; their sessions end when the turn does. */
  readonly failed: Link[];
  newSessionId(): bigint;
  /** Asks to be woken at `at` or before. */
  wake(at: number): void;
}

export function tell<N extends ControlFrameName>(
  room: RoomState,
  link: Link,
  frame: N,
  values: ControlValues<N>,
  flags = 0,
): void {
  room.outbox.add(link, encodeControl(frame, values, flags));
}

/**
 * Error frames for one inbound message: beyond this many, refusals are counted but not answered one by one. Not so a
 * refused connect: it carries a request, whose sender waits for an answer.
 */
const MAX_ERRORS_PER_MESSAGE = 16;

/** Answers a frame with an error (rule E1) and, where the error says so, ends the session (rule E2). */
export function refuse(
  room: RoomState,
  link: Link,
  error: ErrorName,
  offending: { readonly frame: number; readonly about?: number },
  message: string,
): void {
  const { code, close } = ERRORS[error];
  room.counters.refused(error);
  const mayGoUnanswered = close === undefined && offending.frame !== FrameType.Connect;
  if (mayGoUnanswered && ++link.errors > MAX_ERRORS_PER_MESSAGE) return;
  tell(room, link, "error", { code, frame: offending.frame, about: offending.about ?? 0, message });
  if (close === undefined) return;
  room.log({ level: "warn", event: "protocol_error", peer: String(link.peer), error, message });
  closeLink(room, link, close, error);
  room.failed.push(link);
}

/** Says bye, sends what is queued and closes the socket. The session's connections are the caller's to end. */
export function closeLink(room: RoomState, link: Link, code: number, debug: string, reconnectAfterMs = 0): void {
  if (link.status.state === "over") return;
  tell(room, link, "bye", { code, reconnectAfterMs, debug });
  room.outbox.flushLink(link);
  link.status = { state: "over" };
  link.save();
  room.links.delete(link);
  link.socket.close(code, debug);
}

export function drop(room: RoomState, reason: DropReason): void {
  room.counters.dropped(reason);
}
