/** One presence in a room, over one socket after another. */
import { type ControlFrame, type ControlValues, closeName, encodeControl } from "../protocol/index.ts";
import { Backoff } from "./backoff.ts";
import { type DialOptions, type Dialed, LEAVE_AWAY, isFinalClose, isFinalFailure } from "./dial.ts";
import { type ConnectionFinder, type FrameSink, readFrames } from "./frame-reader.ts";
import { RateLimit } from "./rate-limit.ts";
import { RelayError } from "./relay-error.ts";
import type { ClientClosed, ClientEvents, ReconnectAttempt } from "./relay-options.ts";
import { type TypedEvents, emit } from "./typed-events.ts";
import { clock } from "./websocket.ts";
import { type FrameSource, Wire, type WireClosed, type WireHost } from "./wire.ts";

export type Welcome = ControlValues<"welcome">;
export type SessionStatus = "connected" | "reconnecting" | "closed";
/** Gets a ticket and dials with it. */
export type Join = (options: DialOptions) => Promise<Dialed>;

/** Those who are told. The events of the client are the session's own to tell. */
export interface SessionHost extends Pick<FrameSink, "control" | "other">, ConnectionFinder, FrameSource {
  /** There is no socket, and what was said and not answered may not have been heard. */
  interrupted(): void;
  /** There is a socket again. When it is of the same session, its connections are listed now, until `settled` (rule R5). */
  welcomed(isResumed: boolean): void;
  /** Both sides know the same again; from now on what is said is heard. */
  settled(isResumed: boolean): void;
  /** For good. */
  ended(error: RelayError): void;
}

export interface SessionOptions {
  readonly join: Join;
  readonly timeoutMs: number;
  readonly mayReconnect: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface Browser {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/**
 * Owns the socket: when it is lost and the session may go on, dials until there is another one or `graceMs` have passed
 * (rules R1 to R3). While there is none nothing is queued: what is to be said then follows from the state of things.
 */
export class Session implements FrameSink, WireHost {
  welcome: Welcome;
  readonly left = Promise.withResolvers<ClientClosed>();
  readonly #events: TypedEvents<ClientEvents>;
  readonly #options: SessionOptions;
  readonly #rate = new RateLimit();
  readonly #backoff = new Backoff();
  #host!: SessionHost;
  #status: SessionStatus = "connected";
  /** Undefined while there is no socket. */
  #wire: Wire | undefined;
  #bye: ControlValues<"bye"> | undefined;
  /** Ends the current wait, or the current attempt. */
  #hurry = new AbortController();
  /** The next attempt is not to wait. */
  #isHurried = false;
  /** How the last socket ended. */
  #lost: ClientClosed = { code: 1006, reason: "" };
  readonly #online = (): void => this.reconnect();

  constructor(welcome: Welcome, events: TypedEvents<ClientEvents>, options: SessionOptions) {
    this.welcome = welcome;
    this.#events = events;
    this.#options = options;
  }

  get status(): SessionStatus {
    return this.#status;
  }

  get isListening(): boolean {
    return this.#wire !== undefined;
  }

  /** Takes the first socket over; the host must be ready for what it has brought already. */
  start(dialed: Dialed, host: SessionHost): void {
    this.#host = host;
    (globalThis as Browser).addEventListener?.("online", this.#online);
    this.#open(dialed).replay(dialed.early);
  }

  /** Not while reconnecting. */
  say(frame: Uint8Array): void {
    if (this.#status === "connected") this.#wire?.control(frame);
  }

  wake(): void {
    this.#wire?.wake();
  }

  /** Another socket, at once. */
  reconnect(): void {
    this.#isHurried = true;
    if (!this.#wire) this.#hurry.abort();
    else if (this.#canReconnect) this.#wire.close(LEAVE_AWAY, "reconnect");
  }

  close(): void {
    this.#bye = undefined; // we are first
    this.#wire?.control(encodeControl("bye", { code: 1000, reconnectAfterMs: 0, debug: "" }));
    this.#wire?.close(1000, "bye");
    this.#end({ code: 1000, reason: "bye" }); // unless that has done it
  }

  control(frame: ControlFrame): void {
    switch (frame.frame) {
      case "bye":
        this.#bye = frame.values;
        return;
      case "mark": // all that stands before it has been taken in (rule F1)
        return this.#wire?.control(encodeControl("credit", frame.values));
      case "resumed":
        if (this.#status === "reconnecting") this.#settle(true);
        return;
      default:
        this.#host.control(frame);
    }
  }

  other(batch: Uint8Array, view: DataView, offset: number, end: number): void {
    this.#host.other(batch, view, offset, end);
  }

  get #canReconnect(): boolean {
    return this.#options.mayReconnect && this.welcome.graceMs > 0;
  }

  #open({ socket, welcome }: Dialed): Wire {
    this.welcome = welcome;
    this.#bye = undefined;
    this.#backoff.opened(clock());
    return (this.#wire = new Wire(socket, this, this.#host, welcome, this.#rate));
  }

  receive(batch: Uint8Array, now: number): void {
    const violation = readFrames(batch, now, this, this.#host);
    if (violation === undefined) return;
    const error = new RelayError("protocol_violation", `The relay broke the protocol: ${violation}`);
    emit(this.#events, "error", error);
    this.#wire?.close(4001, "protocol_error");
  }

  closed({ code, reason }: WireClosed): void {
    this.#wire = undefined;
    // The bye names the reason even where the platform delays or loses the close code.
    this.#lost = this.#bye ? { code: this.#bye.code, reason: this.#bye.debug } : { code, reason };
    if (isFinalClose(this.#lost.code) || !this.#canReconnect) return this.#end(this.#lost);
    this.#status = "reconnecting";
    this.#host.interrupted();
    void this.#redial();
  }

  async #redial(): Promise<void> {
    const giveUpAt = clock() + this.welcome.graceMs;
    const { signal } = this.#options;
    const abort = (): void => this.#end(this.#lost, signal?.reason);
    signal?.addEventListener("abort", abort); // not when it was aborted before: it was for joining then
    let cause: unknown = closeError(this.#lost);
    let dialed: Dialed | undefined;
    for (let attempt = 1; !dialed && this.#status === "reconnecting"; attempt++) {
      const leastMs = attempt === 1 ? this.#bye?.reconnectAfterMs : undefined;
      const waitMs = this.#isHurried ? 0 : Math.max(leastMs ?? 0, this.#backoff.next(clock()));
      this.#isHurried = false;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
        dialed = await this.#attempt({ attempt, waitMs, cause }, giveUpAt);
      } catch (error) {
        cause = error;
        if (isFinalFailure(error) || clock() >= giveUpAt) this.#end(this.#lost, error);
      }
    }
    signal?.removeEventListener("abort", abort);
    if (this.#status === "reconnecting" && dialed) this.#resume(dialed);
    else dialed?.socket.close();
  }

  async #attempt(attempt: ReconnectAttempt, giveUpAt: number): Promise<Dialed> {
    const hurry = (this.#hurry = new AbortController());
    emit(this.#events, "reconnecting", attempt);
    await pause(Math.min(attempt.waitMs, giveUpAt - clock()), hurry.signal);
    const timeoutMs = Math.min(this.#options.timeoutMs, giveUpAt - clock());
    const timeout = new RelayError("dial_timeout", "Cannot reconnect: the relay did not welcome us in time");
    if (this.#status !== "reconnecting" || timeoutMs <= 0) throw timeout;
    const controller = (this.#hurry = new AbortController());
    this.#isHurried = false;
    const { signal } = controller;
    // The ticket may be late, and never come: it has the time that the attempt has.
    const failed = pause(timeoutMs, signal).then(() => Promise.reject(signal.aborted ? signal.reason : timeout));
    const joined = this.#options.join({ timeoutMs, signal, resume: this.welcome });
    return Promise.race([joined, failed]).finally(() => controller.abort(timeout));
  }

  #resume(dialed: Dialed): void {
    const { session, peer } = this.welcome;
    if (dialed.welcome.peer !== peer) {
      dialed.socket.close();
      const cause = new RelayError("invalid_argument", "Cannot reconnect: the ticket is another peer's");
      return this.#end(this.#lost, cause);
    }
    const isResumed = dialed.welcome.session === session;
    this.#host.welcomed(isResumed);
    const wire = this.#open(dialed);
    if (!isResumed) this.#settle(false);
    wire.replay(dialed.early);
  }

  #settle(isResumed: boolean): void {
    this.#status = "connected";
    this.#host.settled(isResumed);
    if (this.#wire) emit(this.#events, "reconnected", { isResumed });
  }

  /** `cause`: why there is no other socket. */
  #end(lost: ClientClosed, cause?: unknown): void {
    if (this.#status === "closed") return;
    this.#status = "closed";
    this.#hurry.abort();
    (globalThis as Browser).removeEventListener?.("online", this.#online);
    const code = (cause as Partial<RelayError> | undefined)?.closeCode;
    const info = { ...lost, ...(code !== undefined && { code, reason: "" }), cause };
    this.#host.ended(closeError(info, cause));
    emit(this.#events, "closed", info);
    this.left.resolve(info);
  }
}

function closeError({ code, reason }: ClientClosed, cause?: unknown): RelayError {
  const message = `The session with the relay ended: ${closeName(code) ?? `${code} ${reason}`.trim()}`;
  return new RelayError("relay_closed", message, { closeCode: code, cause });
}

/** Resolves after `ms`, or when `signal` is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
