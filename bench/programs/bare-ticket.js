/** The least that a join with a ticket can cost: the worker checks its signature, the object answers the hello. */
import { DurableObject } from "cloudflare:workers";

const SUBPROTOCOL = "edge-relay.v1";
const TICKET_PREFIX = "ticket.";
/** A welcome of no fields. */
const WELCOME = new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]);
const encoder = new TextEncoder();
let key;

export class Entrance extends DurableObject {
  fetch(request) {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(new URL(request.url).searchParams.get("peer"));
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": SUBPROTOCOL },
    });
  }

  webSocketMessage(socket) {
    socket.send(WELCOME);
  }

  webSocketClose(socket) {
    socket.close();
  }
}

async function isSigned(ticket, secret) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  key ??= crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["verify"]);
  const dot = ticket.lastIndexOf(".");
  const text = atob(
    ticket
      .slice(dot + 1)
      .replaceAll("-", "+")
      .replaceAll("_", "/"),
  );
  const signature = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return crypto.subtle.verify(algorithm.name, await key, signature, encoder.encode(ticket.slice(0, dot)));
}

export default {
  async fetch(request, env) {
    const [, offered = ""] = (request.headers.get("sec-websocket-protocol") ?? "").split(TICKET_PREFIX);
    if (!(await isSigned(offered, env.TICKET_SECRET))) return new Response("no ticket", { status: 401 });
    return env.ENTRANCE.getByName("bench").fetch(request);
  },
};
