/** What operators do to peers and connections: each asks first, and says what came of it. */
import { ban, closeConnection, drain, kick, unban } from "../api/routes.ts";
import type { BanKind, RoomPlace } from "../api/types.ts";
import { act } from "../parts/notices.tsx";
import { askFirst } from "../parts/question.tsx";

export async function kickPeer(place: RoomPlace, peer: string): Promise<boolean> {
  const yes = await askFirst({
    title: `Kick peer ${peer}?`,
    text: "Its session ends, with all its connections. With a ticket that still holds it may come back: ban it to keep it out.",
    action: "Kick",
  });
  return yes !== undefined && act(`Peer ${peer} was kicked.`, () => kick(place, peer));
}

const TIMES = [
  { text: "1 hour", seconds: 3_600 },
  { text: "1 day", seconds: 86_400 },
  { text: "1 week", seconds: 604_800 },
  { text: "30 days", seconds: 2_592_000 },
  { text: "For ever", seconds: 0 },
] as const;

export async function banSubject(place: RoomPlace, kind: BanKind, subject: string): Promise<boolean> {
  const values = await askFirst({
    title: `Ban ${kind} ${subject}?`,
    text: "It holds for this room. Whom it meets is thrown out at once, and cannot join again while it holds.",
    action: "Ban",
    fields: <BanFields />,
  });
  if (!values) return false;
  const seconds = Number(values.get("seconds"));
  const terms = { reason: String(values.get("reason") ?? "").trim(), ...(seconds > 0 && { seconds }) };
  return act(`Banned ${kind} ${subject}.`, () => ban(place, kind, subject, terms));
}

function BanFields() {
  return (
    <>
      <label>
        For how long
        <select name="seconds" autofocus>
          {TIMES.map(({ text, seconds }) => (
            <option key={text} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Why (operators see it, the player does not)
        <input name="reason" maxLength={120} autocomplete="off" />
      </label>
    </>
  );
}

export async function liftBan(place: RoomPlace, kind: BanKind, subject: string): Promise<boolean> {
  const yes = await askFirst({
    title: `Lift the ban of ${kind} ${subject}?`,
    text: "From then on it may join again.",
    action: "Lift the ban",
  });
  return yes !== undefined && act(`The ban of ${subject} was lifted.`, () => unban(place, kind, subject));
}

export async function closeOne(place: RoomPlace, id: string): Promise<boolean> {
  const yes = await askFirst({
    title: "Close this connection?",
    text: "Both ends are told that an operator closed it. Their games may open another one.",
    action: "Close it",
  });
  return yes !== undefined && act("The connection was closed.", () => closeConnection(place, id));
}

export async function drainRoom(place: RoomPlace): Promise<boolean> {
  const values = await askFirst({
    title: "Drain this room?",
    text: "All sockets are closed, and clients are told to come back after a while. Sessions and connections wait for them.",
    action: "Drain",
    fields: (
      <label>
        Come back after (seconds)
        <input name="after" type="number" min={0} max={600} value={2} autofocus />
      </label>
    ),
  });
  if (!values) return false;
  return act("The room was drained.", () => drain(place, Number(values.get("after")) * 1000));
}
