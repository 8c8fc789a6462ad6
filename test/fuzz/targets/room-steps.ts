/** What can happen to a room, as the fuzzer writes it down. */
import { type FrameSpec, type Message, type Value, controlSpec, messageOf } from "../messages.ts";

export type RoomStep =
  /** First only: a room with small limits. */
  | { readonly do: "tight" }
  /** A socket; with `hello`, also its hello. */
  | { readonly do: "join"; readonly peer: number; readonly visible: boolean; readonly hello: boolean }
  | { readonly do: "send"; readonly socket: number; readonly message: Message }
  | { readonly do: "text" | "drop" | "ping"; readonly socket: number }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "kick"; readonly peer: number }
  | { readonly do: "close"; readonly handle: number }
  | { readonly do: "ring" | "evict" | "crash" };

function asked(name: string, fields: Readonly<Record<string, Value>>): FrameSpec {
  return { frame: "asked", name, fields };
}

/** Lives with everything in them, for the fuzzer to take to pieces. Peer 0 is visible. */
export function seeds(): RoomStep[][] {
  const handle = { known: 0 };
  const open = (from: number, to: number): RoomStep[] => [
    send(from, controlSpec("connect", { request: 1, connectionType: 2, peer: { known: to } })),
    send(to, controlSpec("accept", { handle })),
  ];
  const data: FrameSpec = { frame: "data", fields: { handle, number: 1, sequence: 1, flags: 1 }, size: 10 };
  const ack: FrameSpec = { frame: "ack", fields: { handle, cumulative: 1, window: 65_535 }, size: 0 };
  const quality = controlSpec("quality", { handle, ping: 48, local: 9_876, remote: 10_000 });
  const probe: FrameSpec = { frame: "probe", fields: { handle, stamp: 5 }, size: 0 };
  const multicast: FrameSpec = { frame: "multicast", targets: [handle, { known: 1 }], fields: {}, size: 10 };
  const joinZone = asked("join", { request: 1, name: "zone" });
  const cast: FrameSpec = { frame: "cast", fields: { group: 1, number: 1 }, size: 10 };
  const stand = asked("attend", { role: 2 });
  const close = controlSpec("close", { handle, reason: 1000 });
  const graceful = controlSpec("close", { handle, reason: 1000 }, 1);
  const refuse = controlSpec("refuse", { handle, reason: 1007, debug: "no" });
  const drop: RoomStep = { do: "drop", socket: 0 };
  const joins = [join(0), join(1), join(2)];
  const pair = [...joins, ...open(0, 1)];
  return [
    [
      ...pair,
      send(0, data, probe, quality),
      send(1, ack),
      { do: "evict" },
      send(1, data, quality),
      send(0, graceful),
      send(1, close),
    ],
    [...pair, ...open(0, 2), send(0, multicast), send(2, graceful), { do: "advance", ms: 10_000 }],
    [{ do: "tight" }, ...joins, ...open(1, 0).slice(0, 1), send(0, refuse), { do: "advance", ms: 1_000 }],
    [{ do: "tight" }, ...joins, ...open(0, 1).slice(0, 1), send(1, refuse), ...open(0, 1), ...open(1, 2)],
    [...pair, { do: "crash" }, join(0), join(1), ...open(0, 1), { do: "advance", ms: 301_000 }],
    [...pair, { do: "drop", socket: 0 }, { do: "advance", ms: 10_000 }, join(0), { do: "advance", ms: 60_000 }],
    [...pair, send(1, controlSpec("bye", { code: 1000 })), { do: "kick", peer: 0 }, { do: "close", handle: 1 }],
    [join(0), ...open(0, 1).slice(0, 1), join(1), send(1, controlSpec("accept", { handle })), { do: "ring" }],
    [
      ...joins,
      send(0, joinZone, cast),
      send(1, joinZone),
      send(0, cast),
      { do: "evict" },
      send(1, cast, asked("leave", { group: 1 })),
    ],
    [
      ...joins,
      send(0, stand),
      send(1, stand),
      send(2, asked("attend", { role: 1 })),
      drop,
      { do: "advance", ms: 10_000 },
      { do: "crash" },
    ],
    // A session that comes back with what it was told when it came.
    [...pair, drop, ...resume(0), { do: "evict" }, drop, { do: "crash" }, ...resume(1)],
  ];
}

function join(peer: number): RoomStep {
  return { do: "join", peer, visible: peer === 0, hello: true };
}

/** The socket is the last of those that are there. */
function resume(peer: number): RoomStep[] {
  const known = { known: 2 - peer };
  const hello = controlSpec("hello", { version: { known: 0 }, session: known, token: known });
  return [{ do: "join", peer, visible: peer === 0, hello: false }, send(2, hello)];
}

function send(socket: number, ...frames: readonly FrameSpec[]): RoomStep {
  return { do: "send", socket, message: messageOf(...frames) };
}
