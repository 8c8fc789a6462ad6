/** One WebSocket to a room's live feed, opened again whenever it is lost. */
import { watchPath } from "../api/routes.ts";
import type { RoomPlace, WatchEvent } from "../api/types.ts";

const SUBPROTOCOL = "edge-relay.watch.v1";
const KEEP_ALIVE_MS = 20_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

export interface Watching {
  onEvent(event: WatchEvent): void;
  onOpen(): void;
  onLost(): void;
}

/** Returns what ends it. */
export function watch(place: RoomPlace, token: string, { onEvent, onOpen, onLost }: Watching): () => void {
  let socket: WebSocket | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let keepAlive: ReturnType<typeof setInterval> | undefined;
  let failures = 0;
  let isOver = false;

  const lost = (): void => {
    clearInterval(keepAlive);
    if (isOver) return;
    onLost();
    const delay = Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS);
    retry = setTimeout(open, delay * (0.75 + Math.random() / 2));
  };
  const open = (): void => {
    socket = new WebSocket(watchUrl(place), [SUBPROTOCOL, `token.${base64url(token)}`]);
    socket.onopen = () => {
      failures = 0;
      keepAlive = setInterval(() => socket?.send("ping"), KEEP_ALIVE_MS);
      onOpen();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string" && data !== "pong") onEvent(JSON.parse(data) as WatchEvent);
    };
    socket.onclose = lost;
  };
  open();

  return () => {
    isOver = true;
    clearTimeout(retry);
    clearInterval(keepAlive);
    socket?.close(1000);
  };
}

function watchUrl(place: RoomPlace): string {
  const url = new URL(watchPath(place), location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** A page cannot set a header on a WebSocket: the token travels as a subprotocol, whose letters are few. */
function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
