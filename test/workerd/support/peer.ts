import { exports } from "cloudflare:workers";
import {
  type ClosedBy,
  ConnectionType,
  type ControlFrameName,
  type ControlFrameOf,
  type ControlValues,
  ERRORS,
  FIRST_IGNORABLE_TYPE,
  HEADER_SIZE,
  PROTOCOL_VERSION,
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX,
  encodeControl,
} from "../../../src/protocol/index.ts";
import { type WalkedFrame, batch, dataFrame, walk } from "../../support/frames.ts";
import { TEST_APP, type TestTicket, testTicket } from "../../support/tickets.ts";

/** How long a test waits for something that must come at once. Real time: only Date is ever faked. */
const PATIENCE_MS = 8_000;
const FRESH = { session: 0n, token: new Uint8Array() };

export interface Where {
  readonly app?: number;
  readonly room?: string | undefined;
}

export interface JoinOptions extends Where, Omit<TestTicket, "app" | "room"> {
  readonly headers?: Record<string, string>;
  /** What `Request.cf` says. */
  readonly cf?: Record<string, unknown>;
  /** The test closes the socket itself, also after the relay has. */
  readonly holdsClose?: boolean;
}

export function connectUrl({ app = TEST_APP, room }: Where): string {
  const place = room === undefined ? `${app}` : `${app}/rooms/${room}`;
  return `http://relay.test/v1/apps/${place}/connect`;
}

/** The upgrade as a browser sends it: ticket among the offered subprotocols. */
export async function upgrade(options: JoinOptions): Promise<Response> {
  const token = await testTicket({ ...ticketOf(options), ...(options.app !== undefined && { app: options.app }) });
  return exports.default.fetch(connectUrl(options), {
    headers: {
      upgrade: "websocket",
      "sec-websocket-protocol": `${SUBPROTOCOL}, ${TICKET_SUBPROTOCOL_PREFIX}${token}`,
      ...options.headers,
    },
    ...(options.cf && { cf: options.cf }),
  });
}

function ticketOf({ peer, now, expiresInSeconds, id, visible, rateClass }: JoinOptions): TestTicket {
  return { peer, expiresInSeconds, id, visible, rateClass, ...(now !== undefined && { now }) };
}

interface Waiter {
  readonly wants: (frame: WalkedFrame) => boolean;
  readonly found: (frame: WalkedFrame) => void;
}

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** What a client must keep to come back to its session (rule R1). */
export interface Key {
  readonly session: bigint;
  readonly token: Uint8Array;
}

/**
 * A client without opinions: sends what a test says, keeps what comes until a test takes it. Marks it credits by itself,
 * unless a test says that it does not.
 */
export class TestPeer {
  readonly id: bigint;
  readonly socket: WebSocket;
  /** Frames that no test has taken yet. */
  readonly inbox: WalkedFrame[] = [];
  readonly texts: string[] = [];
  /** Whether marks are credited as they come (rule F1). They are never in the inbox. */
  credits = true;
  /** Marks that have come and were not credited, oldest first. */
  readonly owed: number[] = [];
  /** Bytes of the binary messages that have come. */
  received = 0;
  /** The last welcome's. */
  key: Key = FRESH;
  /** How many binary messages have come. */
  messages = 0;
  readonly closed: Promise<SocketClose>;
  close: SocketClose | undefined;
  readonly #waiters: Waiter[] = [];

  constructor(id: bigint, socket: WebSocket, holdsClose: boolean) {
    this.id = id;
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.texts.push(data);
      else this.#receive(data as ArrayBuffer);
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason, wasClean }) => {
        this.close = { code, reason, wasClean };
        resolve(this.close);
      });
    });
    socket.accept({ allowHalfOpen: holdsClose });
  }

  /** An open socket on which nothing has been said. */
  static async join(options: JoinOptions): Promise<TestPeer> {
    const response = await upgrade(options);
    if (!response.webSocket) throw new Error(`not let in: ${response.status} ${await response.text()}`);
    return new TestPeer(BigInt(options.peer), response.webSocket, options.holdsClose ?? false);
  }

  /** A peer that has said hello and been welcomed; with a key, to that session. */
  static async enter(options: JoinOptions, key?: Key): Promise<TestPeer> {
    const peer = await TestPeer.join(options);
    await peer.hello(key);
    return peer;
  }

  async hello(key: Key = FRESH): Promise<ControlValues<"welcome">> {
    this.control("hello", { version: PROTOCOL_VERSION, ...key });
    const welcome = await this.next("welcome");
    this.key = { session: welcome.session, token: welcome.token };
    return welcome;
  }

  /** Credits what it owes, and from now on whatever comes. */
  catchUp(): void {
    this.credits = true;
    for (const mark of this.owed.splice(0)) this.control("credit", { mark });
  }

  /** One message holding these frames. */
  send(...frames: readonly Uint8Array[]): void {
    this.socket.send(batch(...frames));
  }

  control<N extends ControlFrameName>(name: N, values: ControlValues<N>, flags = 0): void {
    this.send(encodeControl(name, values, flags));
  }

  connect(to: bigint, values: Partial<ControlValues<"connect">> = {}): void {
    this.send(connectFrame(to, values));
  }

  data(handle: number, payload: Uint8Array = new Uint8Array([1, 2, 3]), number = 1): void {
    this.send(dataFrame({ handle, payload, number }));
  }

  /** Something the relay hears and skips: the peer is alive, and no connection is used. */
  stir(): void {
    const frame = new Uint8Array(HEADER_SIZE);
    frame[0] = FIRST_IGNORABLE_TYPE;
    this.send(frame);
  }

  /** Takes the first frame of this name, waiting for it if need be. */
  async next<N extends ControlFrameName>(name: N): Promise<ControlValues<N>> {
    const frame = await this.#take(name, ({ control }) => control?.frame === name);
    return (frame.control as ControlFrameOf<N>).values as ControlValues<N>;
  }

  async nextData(): Promise<NonNullable<WalkedFrame["data"]>> {
    return (await this.#take("data", ({ data }) => data !== undefined)).data!;
  }

  nextOf(what: string, wants: (frame: WalkedFrame) => boolean): Promise<WalkedFrame> {
    return this.#take(what, wants);
  }

  /** Waits until the relay has read all that was sent and its answers are here: then what is not here will not come. */
  async fence(): Promise<void> {
    const { code } = ERRORS.unknown_handle;
    const handle = 0xffff_fff0;
    this.control("close", { handle, reason: 0, closedBy: 0, debug: "" });
    await this.#take("fence", ({ control }) => {
      return control?.frame === "error" && control.values.code === code && control.values.about === handle;
    });
  }

  async nextText(): Promise<string> {
    const deadline = performance.now() + PATIENCE_MS;
    while (this.texts.length === 0) {
      if (performance.now() > deadline) throw new Error("no text message came");
      await pause(2);
    }
    return this.texts.shift()!;
  }

  #receive(data: ArrayBuffer): void {
    this.messages++;
    this.received += data.byteLength;
    for (const frame of walk(new Uint8Array(data))) {
      if (frame.control?.frame === "mark") {
        this.#owe(frame.control.values.mark);
        continue;
      }
      const index = this.#waiters.findIndex(({ wants }) => wants(frame));
      const [waiter] = index < 0 ? [] : this.#waiters.splice(index, 1);
      if (waiter) waiter.found(frame);
      else this.inbox.push(frame);
    }
  }

  #owe(mark: number): void {
    if (!this.credits) this.owed.push(mark);
    else if (this.socket.readyState === WebSocket.OPEN) this.control("credit", { mark });
  }

  #take(what: string, wants: (frame: WalkedFrame) => boolean): Promise<WalkedFrame> {
    const index = this.inbox.findIndex(wants);
    if (index >= 0) return Promise.resolve(this.inbox.splice(index, 1)[0]!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        const here = this.inbox.map(({ control, type }) => control?.frame ?? type).join(", ");
        reject(new Error(`peer ${this.id}: no ${what} came; the inbox holds [${here}], closed: ${this.close?.code}`));
      }, PATIENCE_MS);
      const waiter: Waiter = {
        wants,
        found: (frame) => {
          clearTimeout(timer);
          resolve(frame);
        },
      };
      this.#waiters.push(waiter);
    });
  }
}

export function helloFrame(version: number = PROTOCOL_VERSION): Uint8Array {
  return encodeControl("hello", { version, session: 0n, token: new Uint8Array() });
}

export function connectFrame(to: bigint, values: Partial<ControlValues<"connect">> = {}): Uint8Array {
  return encodeControl("connect", {
    request: 1,
    connectionType: ConnectionType.NetworkingSockets,
    peer: to,
    virtualPort: 0,
    channel: 0,
    timeoutMs: 0,
    ...values,
  });
}

export interface Pair {
  /** Who asked. */
  readonly a: TestPeer;
  /** Who accepted. */
  readonly b: TestPeer;
  readonly handle: number;
  readonly connectionId: bigint;
}

/** Steam-sized ids: larger than a JS number holds. */
export const ALICE = 76_561_197_960_287_930n;
export const BOB = 76_561_197_960_287_931n;
export const CAROL = 76_561_197_960_287_932n;
export const DAVE = 76_561_197_960_287_933n;

/** Two peers with a Connected connection, all announcements taken. */
export async function pairUp(where: Where, from: bigint = ALICE, to: bigint = BOB): Promise<Pair> {
  const [a, b] = await Promise.all([TestPeer.enter({ ...where, peer: from }), TestPeer.enter({ ...where, peer: to })]);
  return joinUp(a, b);
}

/** Connects two peers that are in the room. */
export async function joinUp(a: TestPeer, b: TestPeer, values: Partial<ControlValues<"connect">> = {}): Promise<Pair> {
  a.connect(b.id, values);
  const { handle, connectionId } = await a.next("connecting");
  await b.next("incoming");
  b.control("accept", { handle });
  await Promise.all([a.next("state"), b.next("state")]);
  return { a, b, handle, connectionId };
}

/**
 * Many connections of two peers, one on each virtual port. Their handles. Each end asks for one half of them and accepts
 * the other, so that twice the burst of rule C14 is within it.
 */
export async function joinUpOften(a: TestPeer, b: TestPeer, times: number): Promise<number[]> {
  const ports = Array.from({ length: times }, (_, virtualPort) => ({ virtualPort }));
  const half = Math.ceil(times / 2);
  const handles = [...(await ask(a, b, ports.slice(0, half))), ...(await ask(b, a, ports.slice(half)))];
  await a.fence();
  a.inbox.length = b.inbox.length = 0;
  return handles;
}

async function ask(from: TestPeer, to: TestPeer, ports: readonly { virtualPort: number }[]): Promise<number[]> {
  from.send(...ports.map((port) => connectFrame(to.id, port)));
  const handles: number[] = [];
  while (handles.length < ports.length) handles.push((await from.next("connecting")).handle);
  to.send(...handles.map((handle) => encodeControl("accept", { handle })));
  await to.fence();
  return handles;
}

/** Throws unless data passes in both directions, unchanged. */
export async function mustRelay({ a, b, handle }: Pair): Promise<void> {
  for (const [sender, receiver] of [
    [a, b],
    [b, a],
  ] as const) {
    const payload = crypto.getRandomValues(new Uint8Array(16));
    sender.data(handle, payload);
    const received = await receiver.nextData();
    if (received.handle !== handle || received.payload.toString() !== payload.toString()) {
      throw new Error(`what ${receiver.id} got is not what ${sender.id} sent`);
    }
  }
}

export interface Told {
  readonly reason: number;
  readonly closedBy: ClosedBy;
}

export async function nextClose(peer: TestPeer): Promise<Told & { handle: number }> {
  const { handle, reason, closedBy } = await peer.next("close");
  return { handle, reason, closedBy: closedBy as ClosedBy };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
