/** The way to a room and back: joining it, and the keep-alive, which is answered where the room is, without waking it. */
import { type Dialed, dial } from "../client/dial.ts";
import { RelayError } from "../client/relay-error.ts";
import type { WebSocketLike } from "../client/websocket.ts";
import { CloseCode, PING, PONG } from "../protocol/index.ts";
import { Failure } from "./exit.ts";
import { remedyFor } from "./relay-http.ts";

export interface RoomAddress {
  readonly url: URL;
  readonly app: number;
  readonly room?: string | undefined;
}

export interface RoomTimes {
  readonly peer: bigint;
  /** From the dial to the welcome, in ms. */
  readonly joinMs: number;
  /** Of each keep-alive, in ms. */
  readonly roundTripsMs: readonly number[];
}

const TIMEOUT_MS = 10_000;

/** The relay is known to answer over HTTP. Throws Failure. */
export async function pingRoom(address: RoomAddress, ticket: string, count: number): Promise<RoomTimes> {
  const begun = performance.now();
  const { socket, welcome } = await join(address, ticket);
  const joinMs = performance.now() - begun;
  try {
    const roundTripsMs: number[] = [];
    for (let i = 0; i < count; i++) roundTripsMs.push(await roundTrip(socket));
    return { peer: welcome.peer, joinMs, roundTripsMs };
  } finally {
    socket.close(CloseCode.Normal);
  }
}

async function join(address: RoomAddress, ticket: string): Promise<Dialed> {
  try {
    return await dial(address, ticket, { WebSocket, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw relayFailure(error);
  }
}

/** What the client of the relay tells, as a command does. */
export function relayFailure(error: unknown): unknown {
  if (!(error instanceof RelayError)) return error;
  const { code, message } = error;
  return new Failure(code, `${message} (${code})${remedyFor(code)}`);
}

function roundTrip(socket: WebSocketLike): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(
    () => reject(new Failure("timeout", `The room did not answer a keep-alive within ${TIMEOUT_MS} ms.`)),
    TIMEOUT_MS,
  );
  const sent = performance.now();
  socket.onmessage = ({ data }: { data: unknown }) => {
    if (data === PONG) resolve(performance.now() - sent);
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
    reject(new Failure("relay_closed", `The relay closed the socket (${code} ${reason}).`));
  socket.send(PING);
  return promise.finally(() => clearTimeout(timer));
}
