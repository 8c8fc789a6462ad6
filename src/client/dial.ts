/** From a URL and a ticket to a session: the upgrade, hello, welcome. */
import {
  CloseCode,
  type ControlValues,
  ERRORS,
  type ErrorName,
  PROTOCOL_VERSION,
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX,
  closeName,
  decodeControl,
  encodeControl,
  errorName,
  frameEnd,
} from "../protocol/index.ts";
import { RelayError } from "./relay-error.ts";
import { type WebSocketConstructor, type WebSocketLike, clock } from "./websocket.ts";

export interface Destination {
  /** The relay's address, `http(s)://` or `ws(s)://`; a path in it is kept as a prefix. */
  readonly url: string | URL;
  readonly app: number;
  /** Without it: the app's own room. */
  readonly room?: string | undefined;
}

export interface Dialed {
  readonly socket: WebSocketLike;
  readonly welcome: ControlValues<"welcome">;
  /** What came before the socket's handlers are taken over: some runtimes deliver several messages in one turn. */
  readonly early: Early;
}

export interface Early {
  readonly batches: ArrayBuffer[];
  closed?: { readonly code: number; readonly reason: string };
}

const MIN_HEARTBEAT_MS = 100;
/** Closes a socket, and not the session. */
export const LEAVE_AWAY = 4000;

/** The address to join at. Throws RelayError `invalid_argument`. */
export function joinUrl({ url, app, room }: Destination): URL {
  let base: URL;
  try {
    base = new URL(url);
  } catch (cause) {
    throw new RelayError("invalid_argument", `Cannot join: "${String(url)}" is no URL`, { cause });
  }
  if (!/^(http|ws)s?:$/.test(base.protocol)) {
    throw new RelayError("invalid_argument", `Cannot join: ${base.protocol} is none of http, https, ws and wss`);
  }
  const prefix = base.pathname.replace(/\/$/, "");
  base.pathname = `${prefix}/v1/apps/${app}${room === undefined ? "" : `/rooms/${encodeURIComponent(room)}`}/connect`;
  base.protocol = base.protocol.replace("http", "ws");
  return base;
}

export interface DialOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The session to go on with (rule R1). */
  readonly resume?: Pick<ControlValues<"welcome">, "session" | "token"> | undefined;
}

/** Resolves when the relay has welcomed the session. The socket's handlers are the caller's from then on. */
export async function dial(
  destination: Destination,
  ticket: string,
  options: DialOptions & { readonly WebSocket: WebSocketConstructor },
): Promise<Dialed> {
  options.signal?.throwIfAborted();
  const url = joinUrl(destination);
  if (!/^[\w.-]+$/.test(ticket)) throw new RelayError("ticket_malformed", "Cannot join: the ticket is not a JWT");
  const deadline = clock() + options.timeoutMs;
  const socket = new options.WebSocket(url.href, [SUBPROTOCOL, `${TICKET_SUBPROTOCOL_PREFIX}${ticket}`]);
  socket.binaryType = "arraybuffer";
  try {
    return await handshake(socket, options);
  } catch (error) {
    // Not null: an emitter without a listener for errors throws them (the `ws` package does).
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = ignore;
    // Not without a code, which would end the session that is to be resumed (rule S5).
    socket.close(options.resume ? LEAVE_AWAY : undefined);
    if (!(error instanceof RelayError) || error.code !== "dial_failed") throw error;
    const patience = AbortSignal.timeout(Math.max(0, Math.ceil(deadline - clock())));
    const reason = await explain(
      url,
      ticket,
      error,
      options.signal ? AbortSignal.any([patience, options.signal]) : patience,
    );
    options.signal?.throwIfAborted();
    throw reason;
  }
}

function handshake(socket: WebSocketLike, { timeoutMs, signal, resume }: DialOptions): Promise<Dialed> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialed>();
  const timer = setTimeout(
    () => reject(new RelayError("dial_timeout", `Cannot join: the relay did not welcome us within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const abort = (): void => reject(signal?.reason as Error);
  signal?.addEventListener("abort", abort);
  socket.onopen = () =>
    socket.send(encodeControl("hello", { session: 0n, token: new Uint8Array(), ...resume, version: PROTOCOL_VERSION }));
  socket.onmessage = ({ data }: { data: unknown }) => {
    const answer = readAnswer(data);
    if (answer instanceof RelayError) return reject(answer);
    const early: Early = { batches: answer.rest.byteLength > 0 ? [answer.rest] : [] };
    socket.onmessage = ({ data: next }: { data: unknown }) => {
      if (next instanceof ArrayBuffer) early.batches.push(next);
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => (early.closed = { code, reason });
    resolve({ socket, welcome: answer.welcome, early });
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
    const cause = closeName(code) ?? `code ${code} ${reason}`.trim();
    // 1006 without a welcome is what a refused upgrade looks like in a browser: worth asking the relay about.
    const error = code === 1006 || code === 1002 ? "dial_failed" : "relay_closed";
    reject(new RelayError(error, `Cannot join: the relay closed the socket (${cause})`, { closeCode: code }));
  };
  socket.onerror = () =>
    reject(new RelayError("dial_failed", "Cannot join: the relay could not be reached, or refused the upgrade"));
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  });
}

function readAnswer(data: unknown): { welcome: ControlValues<"welcome">; rest: ArrayBuffer } | RelayError {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array();
  const view = new DataView(bytes.buffer);
  const end = frameEnd(view, 0);
  const control = end < 0 ? undefined : decodeControl(view, 0);
  if (control?.frame === "welcome" && isSane(control.values)) {
    return { welcome: control.values, rest: bytes.slice(end).buffer };
  }
  if (control?.frame === "error") {
    const { code, message } = control.values;
    return new RelayError(errorName(code) ?? `error_${code}`, `Cannot join: ${message}`);
  }
  return new RelayError("protocol_violation", "Cannot join: the answer to hello was no valid welcome");
}

/** Limits that nothing could be sent under, or that would never let the client rest, are a relay's fault or an attack. */
function isSane({ version, maxPayload, heartbeatMs }: ControlValues<"welcome">): boolean {
  return version === PROTOCOL_VERSION && maxPayload > 0 && heartbeatMs >= MIN_HEARTBEAT_MS;
}

/** After these another attempt would end in the same way: `CLOSE_MEANINGS` without its texts. */
const FINAL: readonly number[] = [
  CloseCode.Normal,
  CloseCode.ProtocolError,
  CloseCode.Superseded,
  CloseCode.Kicked,
  CloseCode.MessageTooLarge,
  CloseCode.RateLimited,
  CloseCode.Banned,
];

export function isFinalClose(code: number): boolean {
  return FINAL.includes(code);
}

/** Whether dialing again would fail in the same way. What is no RelayError is a ticket that could not be had. */
export function isFinalFailure(error: unknown): boolean {
  if (!(error instanceof RelayError)) return false;
  const { code, status, closeCode = ERRORS[code as ErrorName]?.close } = error;
  if (status !== undefined) return status >= 400 && status < 500 && status !== 429;
  if (closeCode !== undefined) return isFinalClose(closeCode);
  return code !== "dial_failed" && code !== "dial_timeout";
}

function ignore(): void {
  // the socket has been given up
}

/**
 * WebSockets hide why an upgrade was refused. The same question as a plain GET has a readable answer (docs/protocol.md,
 * "Joining"), so the developer is told "ticket_expired" and not "error".
 */
async function explain(url: URL, ticket: string, original: RelayError, signal: AbortSignal): Promise<RelayError> {
  const plain = new URL(url);
  plain.protocol = plain.protocol.replace("ws", "http");
  try {
    const response = await fetch(plain, { headers: { authorization: `Bearer ${ticket}` }, signal });
    const problem = (await response.json()) as { code?: unknown; detail?: unknown };
    if (typeof problem.code !== "string" || problem.code === "upgrade_required") return original;
    const { status } = response;
    return new RelayError(problem.code, `Cannot join: ${String(problem.detail)}`, { status, cause: original });
  } catch {
    return original; // no answer to the question either: the first failure is all there is to tell
  }
}
