import { type PeerId, SUBPROTOCOL } from "../../protocol/index.ts";
import type { Admission } from "../../relay/ports.ts";
import type { Room } from "../../relay/room.ts";
import type { Link } from "../../relay/sessions/link.ts";
import type { Survivor } from "../../relay/sessions/restoring.ts";
import { type Attachment, HibernatableSocket } from "./hibernatable-socket.ts";

export interface PeerEntry {
  readonly link: Link;
  readonly socket: HibernatableSocket;
}

export interface PeerSurvivor extends Survivor {
  readonly ws: WebSocket;
  readonly socket: HibernatableSocket;
  readonly attachment: Attachment;
}

/** Sockets are found by their peer. */
function peerTag(peer: PeerId): string {
  return `peer:${peer}`;
}

/** The sockets of the peers in an object's room, with the link that the rules know each by. */
export class PeerSockets {
  readonly #ctx: DurableObjectState;
  readonly #entries = new Map<WebSocket, PeerEntry>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** Of this peer, those too that the relay has closed, and whose other end has not answered. */
  countOf(peer: PeerId): number {
    return this.#ctx.getWebSockets(peerTag(peer)).length;
  }

  /** Any of them, to carry what is not its own. */
  get carrier(): HibernatableSocket | undefined {
    return this.#entries.values().next().value?.socket;
  }

  /** The peer has been let in. */
  accept(room: Room, admission: Admission, now: number): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [peerTag(admission.peer)]);
    const socket = new HibernatableSocket(this.#ctx, server);
    this.#entries.set(server, { link: room.join(socket, admission, now), socket });
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": SUBPROTOCOL },
    });
  }

  /** `closing`: in a close event the platform no longer lists the socket, which may carry the newest checkpoint. */
  survivors(closing: WebSocket | undefined): PeerSurvivor[] {
    const sockets = new Set(this.#ctx.getWebSockets());
    if (closing) sockets.add(closing);
    const survivors: PeerSurvivor[] = [];
    for (const ws of sockets) {
      const socket = new HibernatableSocket(this.#ctx, ws);
      const attachment = socket.wake();
      if (!attachment?.link) continue; // a watcher's, or another room's
      survivors.push({ ws, socket, attachment, saved: attachment.link });
    }
    return survivors;
  }

  /** `links`: of the survivors, in their order. */
  restored(survivors: readonly PeerSurvivor[], links: readonly Link[]): void {
    this.#entries.clear(); // of an attempt that failed
    survivors.forEach(({ ws, socket }, index) => {
      const link = links[index];
      if (link) this.#entries.set(ws, { link, socket });
    });
  }

  /**
   * The link of an event's socket. When several sockets close in a sleeping room, the first close event rebuilds it, and
   * the platform lists the others no longer: theirs is taken up here, unless the peer has a newer session by now.
   */
  entryOf(room: Room, ws: WebSocket, now: number): PeerEntry | undefined {
    const entry = this.#entries.get(ws);
    if (entry) return entry;
    const socket = new HibernatableSocket(this.#ctx, ws);
    const saved = socket.wake()?.link;
    if (!saved || room.isPresent(saved.admission.peer)) return undefined;
    const late = { link: room.rejoin(socket, saved, now), socket };
    this.#entries.set(ws, late);
    return late;
  }

  delete(ws: WebSocket): void {
    this.#entries.delete(ws);
  }
}
