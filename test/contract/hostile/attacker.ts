/**
 * A client that keeps no rule: TCP by hand, so that it can say what no WebSocket library would. What it is told it reads
 * strictly (test/support/frames.ts), because a relay under attack must still speak the protocol itself.
 */
import { randomBytes } from "node:crypto";
import { type Socket, connect } from "node:net";
import {
  type ControlFrameName,
  type ControlValues,
  PROTOCOL_VERSION,
  SUBPROTOCOL,
  encodeControl,
  errorName,
} from "../../../src/protocol/index.ts";
import { type WalkedFrame, walk } from "../../support/frames.ts";
import { testTicket } from "../../support/tickets.ts";
import { capabilities } from "../capabilities.ts";
import { RawResponse } from "./raw-response.ts";
import { type Closing, Opcode, type ReceivedFrame, WebSocketReader, closingOf, webSocketFrame } from "./web-socket.ts";

const WAIT_MS = 15_000;

export interface AttackerOptions {
  readonly app?: number;
  readonly room?: string;
  /** Default: a good one. */
  readonly ticket?: string;
  /** Ends every line of the request with CRLF; default: one good header with the ticket. */
  readonly headers?: readonly string[];
  /** Answers marks with credits, as a client that reads (default). */
  readonly credits?: boolean;
}

export class Attacker {
  /** Frames of the relay, oldest first, that no `next` has taken. */
  readonly frames: WalkedFrame[] = [];
  readonly texts: string[] = [];
  /** Numbers of all marks that came. */
  readonly marks: number[] = [];
  readonly pongs: Buffer[] = [];
  /** What the relay's WebSocket close said, once there was one. */
  closing: Closing | undefined;
  /** What the relay's last bye said. */
  #bye: Closing | undefined;
  /** Both directions of the TCP connection are over. */
  isGone = false;
  credits: boolean;
  readonly response: RawResponse;
  readonly tcp: Socket;
  readonly #reader = new WebSocketReader();
  readonly #waiting = new Set<() => void>();

  private constructor(url: string, credits: boolean) {
    this.credits = credits;
    this.response = new RawResponse(() => this.#changed());
    const { hostname, port } = new URL(url);
    this.tcp = connect({ host: hostname, port: Number(port), noDelay: true });
    this.tcp.on("data", (chunk: Buffer) => this.#read(chunk));
    this.tcp.on("error", () => undefined); // a reset is one of the answers that are looked for: `close` follows
    this.tcp.on("close", () => {
      this.isGone = true;
      this.response.end();
      this.#changed();
    });
  }

  /** TCP only: nothing is said yet. */
  static dial(url: string, credits = true): Attacker {
    return new Attacker(url, credits);
  }

  /** Asks for the upgrade, and waits for the answer, whatever it is. */
  static async knock(url: string, peer: bigint, options: AttackerOptions = {}): Promise<Attacker> {
    const { app = 480, room, credits } = options;
    const ticket = options.ticket ?? (await testTicket({ peer: String(peer), app, ...(room && { room }) }));
    const attacker = new Attacker(url, credits ?? true);
    attacker.write(upgradeRequest({ app, room, headers: options.headers ?? [`Authorization: Bearer ${ticket}`] }));
    await attacker.response.complete;
    return attacker;
  }

  /** Upgraded and welcomed. */
  static async join(url: string, peer: bigint, options: AttackerOptions = {}): Promise<Attacker> {
    const attacker = await Attacker.knock(url, peer, options);
    if (attacker.response.status !== 101) throw new Error(`the upgrade was answered with ${attacker.response.text}`);
    attacker.hello();
    await attacker.next("welcome");
    return attacker;
  }

  /** Bytes on the TCP connection. */
  write(bytes: Uint8Array | string): void {
    if (!this.tcp.destroyed) this.tcp.write(bytes);
  }

  /** One binary WebSocket message. */
  send(bytes: Uint8Array): void {
    this.write(webSocketFrame({ opcode: Opcode.Binary, payload: bytes }));
  }

  control<N extends ControlFrameName>(name: N, values: ControlValues<N>, flags = 0): void {
    this.send(encodeControl(name, values, flags));
  }

  hello(session = 0n, token: Uint8Array = new Uint8Array(), version: number = PROTOCOL_VERSION): void {
    this.control("hello", { version, session, token });
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.tcp.destroy();
  }

  /** Waits until `isThere` gives something, looking at each event. */
  async until<T>(what: string, isThere: () => T | undefined | false, waitMs = WAIT_MS): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const check = (): void => {
      const found = isThere();
      if (found !== undefined && found !== false) resolve(found);
    };
    const timer = setTimeout(() => reject(new Error(`no ${what} within ${waitMs} ms; ${this.#told()}`)), waitMs);
    this.#waiting.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check);
    }
  }

  /** Takes the first frame, arrived or still to come, that fits. */
  take(what: string, fits: (frame: WalkedFrame) => boolean): Promise<WalkedFrame> {
    return this.until(what, () => {
      const index = this.frames.findIndex(fits);
      return index < 0 ? undefined : this.frames.splice(index, 1)[0];
    });
  }

  async next<N extends ControlFrameName>(name: N): Promise<ControlValues<N>> {
    const { control } = await this.take(name, (frame) => frame.control?.frame === name);
    return control?.values as ControlValues<N>;
  }

  /** The name of the next error frame. */
  async error(): Promise<string | undefined> {
    return errorName((await this.next("error")).code);
  }

  /** The WebSocket close, with the error frame and the bye before it where the relay's own rules caused it (E2). */
  closed(): Promise<Closing> {
    return this.until("close", () => this.closing ?? this.#lastWords());
  }

  /**
   * The same of one that does nothing but send, or has read nothing for long: a runtime may lose even the bye then, and all
   * that is left is the end of the connection. Why it ended the counters tell.
   */
  async cutOff(code: number): Promise<void> {
    const lost = { code, reason: "" };
    const closing = await this.until("close", () => {
      return this.closing ?? (!capabilities.closesBusySockets && this.isGone ? (this.#bye ?? lost) : undefined);
    });
    if (closing.code !== code) throw new Error(`closed with ${closing.code}, not ${code}`);
  }

  /** Where a runtime may lose the close frame: the end of the connection, with a bye that says the same. */
  #lastWords(): Closing | undefined {
    return !capabilities.closesBusySockets && this.isGone ? this.#bye : undefined;
  }

  /** Everything sent so far has been read: unless something ended it, the relay has answered one more frame. */
  async settled(): Promise<void> {
    const request = 0xfff0_0000 + Math.floor(Math.random() * 0xffff);
    this.control("connect", { request, connectionType: 9, peer: 1n, virtualPort: 0, channel: 0, timeoutMs: 0 });
    await this.take("answer to a connect", ({ control }) => {
      return control?.frame === "error" && control.values.about === request;
    });
  }

  /** The names of all errors that came and were not taken. */
  errors(): (string | undefined)[] {
    return this.frames.flatMap(({ control }) => (control?.frame === "error" ? [errorName(control.values.code)] : []));
  }

  /** The values of all control frames of a name that came and were not taken. */
  all<N extends ControlFrameName>(name: N): ControlValues<N>[] {
    return this.frames.flatMap(({ control }) => (control?.frame === name ? [control.values as ControlValues<N>] : []));
  }

  #read(chunk: Buffer): void {
    const rest = this.response.read(chunk);
    if (rest) for (const frame of this.#reader.read(rest)) this.#receive(frame);
    this.#changed();
  }

  #receive({ opcode, payload }: ReceivedFrame): void {
    if (opcode === Opcode.Text) this.texts.push(payload.toString());
    else if (opcode === Opcode.Pong) this.pongs.push(payload);
    else if (opcode === Opcode.Close) this.closing = closingOf(payload);
    else if (opcode === Opcode.Binary) this.#receiveBatch(walk(new Uint8Array(payload)));
  }

  #receiveBatch(batch: readonly WalkedFrame[]): void {
    for (const frame of batch) {
      if (frame.control?.frame === "bye") {
        this.#bye = { code: frame.control.values.code, reason: frame.control.values.debug };
      }
      if (frame.control?.frame !== "mark") this.frames.push(frame);
      else {
        this.marks.push(frame.control.values.mark);
        if (this.credits) this.control("credit", { mark: frame.control.values.mark });
      }
    }
  }

  #changed(): void {
    for (const check of this.#waiting) check();
  }

  #told(): string {
    const names = this.frames.map(({ type, control }) => control?.frame ?? type).slice(-8);
    const close = this.closing ? ` close ${this.closing.code}` : "";
    return `${this.response.status ?? "no answer"}${close}${this.isGone ? " gone" : ""} [${names.join(" ")}]`;
  }
}

/** A good upgrade but for what `headers` adds or leaves out. */
export function upgradeRequest(request: {
  app?: number;
  room?: string | undefined;
  path?: string;
  headers: readonly string[];
}): string {
  const { app = 480, room, headers } = request;
  const path = request.path ?? `/v1/apps/${app}${room === undefined ? "" : `/rooms/${room}`}/connect`;
  const hasProtocol = headers.some((header) => /^sec-websocket-protocol:/i.test(header));
  return [
    `GET ${path} HTTP/1.1`,
    "Host: relay",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ...(hasProtocol ? [] : [`Sec-WebSocket-Protocol: ${SUBPROTOCOL}`]),
    ...headers,
    "",
    "",
  ].join("\r\n");
}
