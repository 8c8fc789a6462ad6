/** What the relay says to a client on its own account: control frames, refusals, the last words before a close. */
import {
  type ControlFrameName,
  type ControlValues,
  ERRORS,
  type ErrorName,
  FrameType,
  encodeControl,
} from "../protocol/index.ts";
import { discardBacklog, send } from "./flow/flow-control.ts";
import type { Link } from "./sessions/link.ts";
import type { RoomState } from "./room-state.ts";

export function tell<N extends ControlFrameName>(
  room: RoomState,
  link: Link,
  frame: N,
  values: ControlValues<N>,
  flags = 0,
): void {
  send(room, link, encodeControl(frame, values, flags));
}

/**
 * Error frames for one inbound message: beyond this many, refusals are counted but not answered one by one. Not so a
 * refused request (to connect, or to join a group), whose sender waits for an answer: C14 bounds those.
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
  const { frame, about = 0 } = offending;
  room.counters.refused(error);
  if (close === undefined) {
    const isRequest = frame === FrameType.Connect || frame === FrameType.Join;
    if (!isRequest && ++link.errors > MAX_ERRORS_PER_MESSAGE) return;
    return tell(room, link, "error", { code, frame, about, message });
  }
  room.log({ level: "warn", event: "protocol_error", peer: String(link.peer), error, message });
  room.outbox.addNow(link, encodeControl("error", { code, frame, about, message }));
  closeLink(room, link, close, error);
  room.failed.push(link);
}

/** Says bye, sends what is queued and closes the socket. What becomes of its session is the caller's to say. */
export function closeLink(room: RoomState, link: Link, code: number, debug: string, reconnectAfterMs = 0): void {
  if (link.state === "over") return;
  // Behind a backlog these words would never arrive, nor the close.
  room.outbox.addNow(link, encodeControl("bye", { code, reconnectAfterMs, debug }));
  room.outbox.flushLink(link);
  dropLink(room, link);
  link.save();
  link.socket.close(code, debug);
}

/** The socket is gone, or is about to be: nothing more is sent to it or read from it. */
export function dropLink(room: RoomState, link: Link): void {
  discardBacklog(room, link);
  room.groups.leaveAll(link);
  room.hosting.asking.delete(link);
  if (link.session?.link === link) room.present--;
  link.end();
  room.links.delete(link);
}
