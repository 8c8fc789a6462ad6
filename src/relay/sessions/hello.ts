/** The first word of a client (rules S1, S3, R1, R2). */
import { type ControlValues, EndReason, FrameType, PROTOCOL_VERSION } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import { TIMES } from "../settings.ts";
import { claimElsewhere, isClaiming } from "../shards/claiming.ts";
import { refuse } from "../telling.ts";
import type { Link } from "./link.ts";
import { resume } from "./resume.ts";
import { begin, endSession } from "./sessions.ts";

/** What a client says that has no session. */
const FRESH = { session: 0n, token: new Uint8Array() };

export function hello(room: RoomState, link: Link, values: ControlValues<"hello">, now: number): void {
  if (values.version !== PROTOCOL_VERSION) {
    const message = `this relay speaks version ${PROTOCOL_VERSION} of the protocol, not ${values.version}`;
    return refuse(room, link, "unsupported_version", { frame: FrameType.Hello }, message);
  }
  if (isClaiming(room, link)) {
    return refuse(room, link, "hello_repeated", { frame: FrameType.Hello }, "hello was said, and is not answered yet");
  }
  room.wake(now + TIMES.ghostMs);
  const known = room.sessions.get(link.peer);
  if (known && now >= known.awayUntil) endSession(room, known, "grace_over", EndReason.PeerLost);
  const session = room.sessions.get(link.peer);
  const isMeant = session !== undefined && values.session === session.id;
  if (isMeant && !session.moving && session.accepts(values.token)) {
    return resume(room, link, session, values.token, now);
  }
  const wanted = isMeant || session === undefined ? values : FRESH;
  if (!claimElsewhere(room, link, wanted, session, now)) begin(room, link, now);
}
