/**
 * A room in plain Node: the real rules over the real store (node:sqlite in memory), fake sockets, and a clock that the
 * test moves. It does what a runtime does (src/runtime/cloudflare/relay-room.ts): hands in events, keeps one alarm,
 * puts checkpoints on the socket that spoke last, rebuilds the room after an eviction or a crash.
 *
 * After every event it checks what must always hold (see #check), so each test is also a test of that.
 */
import {
  ATTEND,
  type AppId,
  ClosedBy,
  type ConnectionId,
  ConnectionState,
  ConnectionType,
  type ControlFrameName,
  type ControlValues,
  type ErrorName,
  HEADER_SIZE,
  type Handle,
  JOIN,
  LEAVE,
  MAX_BATCH,
  PROTOCOL_VERSION,
  type PeerId,
  encodeControl,
  encodeFrame,
  errorName,
  handleOf,
} from "../../src/protocol/index.ts";
import type { BanKind } from "../../src/relay/limits/bans.ts";
import type { JoinRefusal } from "../../src/relay/limits/entry.ts";
import type { Seat } from "../../src/relay/hosting/seat.ts";
import type { Link } from "../../src/relay/sessions/link.ts";
import type {
  Admission,
  HistoryRow,
  LogEntry,
  RelaySocket,
  RoomStore,
  SavedLink,
  StoredConnection,
  StoredSession,
  TrunkPort,
} from "../../src/relay/ports.ts";
import { Room, type TrunkSurvivor } from "../../src/relay/room.ts";
import type { ShardHistory } from "../../src/relay/shards/sharding.ts";
import { type AppSettings, DEFAULT_SETTINGS, TIMES } from "../../src/relay/settings.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { SqlAuditLog } from "../../src/storage/sql-audit.ts";
import { SqlBanStore } from "../../src/storage/sql-bans.ts";
import { SqlRoomStore } from "../../src/storage/sql-room-store.ts";
import { type WalkedFrame, batch, castFrame, dataFrame, walk } from "./frames.ts";
import { NodeSql } from "./node-sql.ts";

export const APP = 480 as AppId;
/** When a TestRoom begins. */
export const START = 1_700_000_000_000;

/** Peers for tests: real Steam ids, above 2^53. */
export const peerId = (n: number): PeerId => (76_561_197_960_287_930n + BigInt(n)) as PeerId;
export const ALICE = peerId(1);
export const BOB = peerId(2);
export const CAROL = peerId(3);
export const DAVE = peerId(4);

export class FakeSocket implements RelaySocket {
  /** Messages as they were sent, oldest first, since `take`. */
  messages: Uint8Array[] = [];
  closed: { code: number; reason: string } | undefined;
  keepAlive = 0;
  /** What the platform says it has not handed on; undefined for one that cannot tell. */
  buffered: number | undefined;
  saved: SavedLink | undefined;
  saves = 0;
  /** `at` counts checkpoints: here several may be of one ms. */
  checkpoint: { at: number; counters: Float64Array } | undefined;
  readonly #onMessage: (bytes: Uint8Array) => void;

  constructor(onMessage: (bytes: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  send(bytes: Uint8Array): void {
    if (this.closed) throw new Error("The rules sent on a socket that they had closed");
    if (bytes.length === 0 || bytes.length > MAX_BATCH) throw new Error(`A message of ${bytes.length} bytes was sent`);
    // A copy: the bytes may be a view of the inbound message, which the test may use again.
    const message = bytes.slice();
    this.messages.push(message);
    this.#onMessage(message);
  }

  close(code: number, reason: string): void {
    if (this.closed) throw new Error("The rules closed a socket twice");
    this.closed = { code, reason };
  }

  bufferedAmount(): number | undefined {
    return this.buffered;
  }

  lastKeepAlive(): number {
    return this.keepAlive;
  }

  save(link: SavedLink): void {
    this.saves++;
    this.saved = structuredClone(link);
  }
}

type StoreMethod = keyof RoomStore;

/** The real store, which fails on demand and counts its writes. */
export class TestStore implements RoomStore {
  readonly #store: SqlRoomStore;
  readonly failing = new Set<StoreMethod>();
  readonly writes: StoreMethod[] = [];
  /** Of the rows of the history that were written. */
  readonly historySlots: number[] = [];

  constructor(store: SqlRoomStore) {
    this.#store = store;
  }

  loadConnections(): StoredConnection[] {
    return this.#store.loadConnections();
  }

  loadSessions(): StoredSession[] {
    return this.#store.loadSessions();
  }

  saveSession(session: StoredSession): void {
    this.#write("saveSession", () => this.#store.saveSession(session));
  }

  deleteSession(peer: PeerId): void {
    this.#write("deleteSession", () => this.#store.deleteSession(peer));
  }

  loadCounters(): Float64Array | undefined {
    return this.#store.loadCounters();
  }

  insertConnection(connection: StoredConnection): void {
    this.#write("insertConnection", () => this.#store.insertConnection(connection));
  }

  updateConnection(connection: StoredConnection): void {
    this.#write("updateConnection", () => this.#store.updateConnection(connection));
  }

  deleteConnection(handle: Handle): void {
    this.#write("deleteConnection", () => this.#store.deleteConnection(handle));
  }

  loadSeat(): Seat | undefined {
    return this.#store.loadSeat();
  }

  saveSeat(seat: Seat): void {
    this.#write("saveSeat", () => this.#store.saveSeat(seat));
  }

  saveCounters(counters: Float64Array, history?: readonly HistoryRow[]): void {
    this.#write("saveCounters", () => this.#store.saveCounters(counters, history));
    for (const { slot } of history ?? []) this.historySlots.push(slot);
  }

  loadHistory(first: number, last: number): HistoryRow[] {
    return this.#store.loadHistory(first, last);
  }

  #write(method: StoreMethod, body: () => void): void {
    if (this.failing.has(method)) throw new Error(`the disk is on fire in ${method}`);
    this.writes.push(method);
    body();
  }
}

/** A frame as a test compares it: its name, its fields, and flags where there are any. An error has its name, no text. */
export type Heard = { readonly frame: string } & Readonly<Record<string, unknown>>;

export function toHeard({ type, flags, lane, control, data, ack, probe, asked, cast }: WalkedFrame): Heard {
  if (control?.frame === "error") {
    const { code, frame, about } = control.values;
    return { frame: "error", error: errorName(code), of: frame, about };
  }
  if (control) return { frame: control.frame, ...control.values, ...(flags !== 0 && { flags }) };
  if (data) return { frame: "data", ...data, payload: new TextDecoder().decode(data.payload) };
  if (asked) return { frame: asked.frame, ...asked.values };
  if (cast) return { frame: "cast", ...cast, payload: new TextDecoder().decode(cast.payload) };
  if (ack) return { frame: "ack", ...ack };
  if (probe) return { frame: "probe", ...probe };
  return { frame: `type ${type}`, flags, lane };
}

/** An error as `heard` gives it. */
export function errorOf(error: ErrorName, of: number, about = 0): Heard {
  return { frame: "error", error, of, about };
}

/** A close as `heard` gives it. */
export function closeOf(handle: number, reason: number, closedBy: number, debug = ""): Heard {
  return { frame: "close", handle, reason, closedBy, debug };
}

export function stateOf(handle: number, previous: ConnectionState, state: ConnectionState): Heard {
  return { frame: "state", handle, state, previous };
}

/** A bye as `heard` gives it. */
export function byeOf(code: number, debug: string): Heard {
  return { frame: "bye", code, reconnectAfterMs: 0, debug };
}

export function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}

export function control<N extends ControlFrameName>(frame: N, values: ControlValues<N>, flags = 0): Uint8Array {
  return encodeControl(frame, values, flags);
}

export interface ConnectTo {
  readonly type?: number;
  readonly port?: number;
  readonly channel?: number;
  readonly timeoutMs?: number;
  readonly request?: number;
}

export const frames = {
  hello: (session = 0n, token = new Uint8Array()) => control("hello", { version: PROTOCOL_VERSION, session, token }),
  credit: (mark: number) => control("credit", { mark }),
  connect: (peer: bigint, to: ConnectTo = {}) =>
    control("connect", {
      request: to.request ?? 1,
      connectionType: to.type ?? ConnectionType.NetworkingSockets,
      peer,
      virtualPort: to.port ?? ((to.type ?? ConnectionType.NetworkingSockets) % 2 === 0 ? 0 : -1),
      channel: to.channel ?? 0,
      timeoutMs: to.timeoutMs ?? 0,
    }),
  accept: (handle: number) => control("accept", { handle }),
  refuse: (handle: number, reason = 1007, debug = "no") => control("refuse", { handle, reason, debug }),
  close: (handle: number, { reason = 1000, debug = "", graceful = false } = {}) =>
    control("close", { handle, reason, closedBy: ClosedBy.Local, debug }, graceful ? 1 : 0),
  bye: () => control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" }),
  join: (name = "", request = 1) => encodeFrame(JOIN, { request, name }),
  leave: (group: number) => encodeFrame(LEAVE, { group }),
  cast: (group: number, payload: string | Uint8Array, number = 1) =>
    castFrame({ group, number, payload: typeof payload === "string" ? text(payload) : payload }),
  attend: (role: number) => encodeFrame(ATTEND, { role }),
  data: (handle: number, payload: string | Uint8Array, more: { flags?: number; number?: number } = {}) =>
    dataFrame({ ...more, handle, payload: typeof payload === "string" ? text(payload) : payload }),
};

/** The same frame with `more` bytes at its end that this version does not know. */
export function longer(frame: Uint8Array, more: number): Uint8Array<ArrayBuffer> {
  const bytes = batch(frame, new Uint8Array(more).fill(0xcd));
  new DataView(bytes.buffer).setUint32(4, bytes.length - HEADER_SIZE, true);
  return bytes;
}

/** Where marks stand among what is sent is for the tests of flow control; all others see what was sent to them. */
function withoutMarks(message: Uint8Array): Uint8Array {
  const kept = walk(message).filter(({ control: frame }) => frame?.frame !== "mark");
  return batch(...kept.map(({ offset, end }) => message.subarray(offset, end)));
}

/** One peer's socket. */
export class TestPeer {
  readonly room: TestRoom;
  readonly socket: FakeSocket;
  readonly admission: Admission;
  link: Link;
  /** ms of the last word that the room had heard before an eviction, which may have forgotten it. */
  lastHeard = -Infinity;
  /** From welcome until bye, close or the end of the socket, as the client sees it. */
  isIn = false;
  isGone = false;
  deliveredPackets = 0;
  deliveredBytes = 0;
  /** The last one: its session and token resume the session. */
  welcome: ControlValues<"welcome"> | undefined;
  /** Marks that were not answered yet. */
  readonly marks: number[] = [];
  /** Credits what it is sent as soon as an event is over, as a client does that reads all the time (rule F1). */
  isReading = true;
  /** Bytes that the relay put on the socket, one entry per message, with the time. */
  readonly history: { at: number; bytes: Uint8Array }[] = [];

  constructor(room: TestRoom, admission: Admission, join: (socket: FakeSocket) => Link) {
    this.room = room;
    this.admission = admission;
    this.socket = new FakeSocket((bytes) => this.#onMessage(bytes));
    this.link = join(this.socket);
  }

  get id(): PeerId {
    return this.admission.peer;
  }

  /** One message of all these frames. */
  send(...all: readonly Uint8Array[]): this {
    this.room.receive(this, batch(...all));
    return this;
  }

  hello(): this {
    return this.send(frames.hello());
  }

  /** Sends connect and returns the handle of the answer. */
  connect(peer: TestPeer | bigint, to: ConnectTo = {}): number {
    this.send(frames.connect(typeof peer === "bigint" ? peer : peer.id, to));
    const answer = this.heard().findLast(({ frame }) => frame === "connecting");
    if (!answer) throw new Error("connect was not answered");
    return answer["handle"] as number;
  }

  /** Joins a group and returns its number. */
  joinGroup(name = ""): number {
    this.send(frames.join(name));
    const answer = this.heard().findLast(({ frame }) => frame === "joined");
    if (!answer) throw new Error("the join was not answered");
    return answer["group"] as number;
  }

  accept(handle: number): this {
    return this.send(frames.accept(handle));
  }

  bye(): this {
    return this.send(frames.bye());
  }

  /** The socket is lost; `isFarewell`: closed by the client, as one who does not come back. */
  drop(isFarewell = false): this {
    this.isGone = true;
    this.isIn = false;
    this.room.socketClosed(this, isFarewell);
    return this;
  }

  /** Takes in what it was sent, and says so. */
  credit(): this {
    const credits = this.marks.splice(0).map(frames.credit);
    return credits.length > 0 && !this.isGone && !this.socket.closed ? this.send(...credits) : this;
  }

  /** A keep-alive that the platform answers without the room. */
  ping(): this {
    this.socket.keepAlive = this.room.now;
    return this;
  }

  /** All frames since the last call. */
  heard(): Heard[] {
    return this.batches().flat();
  }

  /** The same, message by message. */
  batches(): Heard[][] {
    return this.take().map((bytes) => walk(bytes).map(toHeard));
  }

  /** The same, as bytes. */
  take(): Uint8Array[] {
    const { messages } = this.socket;
    this.socket.messages = [];
    return this.isReading ? messages.map(withoutMarks).filter(({ length }) => length > 0) : messages;
  }

  #onMessage(bytes: Uint8Array): void {
    this.history.push({ at: this.room.now, bytes });
    for (const frame of walk(bytes)) {
      if (frame.control?.frame === "mark") this.marks.push(frame.control.values.mark);
      if (frame.control?.frame === "welcome") {
        this.isIn = true;
        this.welcome = frame.control.values;
      }
      if (frame.control?.frame === "bye") this.isIn = false;
      if (frame.data) {
        this.deliveredPackets++;
        this.deliveredBytes += frame.data.payload.length;
      }
      if (frame.cast) {
        this.deliveredPackets++;
        this.deliveredBytes += frame.cast.payload.length;
      }
      this.room.delivered(this, frame);
    }
  }
}

export interface TestRoomOptions {
  readonly settings?: Partial<AppSettings>;
  /** Off in tests that make the store fail: what is on disk differs from what is in memory there. */
  readonly checks?: boolean;
  /** Each new room, before it is restored. */
  readonly onRoom?: (room: Room) => void;
  /** The way to other rooms. */
  readonly crossing?: { readonly name: string; readonly port: TrunkPort };
  /** Shared with rooms that give out other handles. */
  readonly ends?: Map<number, readonly [bigint, bigint]>;
}

export class TestRoom {
  now = START;
  readonly sql = new NodeSql();
  readonly store: TestStore;
  readonly logs: LogEntry[] = [];
  /** When the alarm rang. */
  readonly alarms: number[] = [];
  readonly peers = new Set<TestPeer>();
  /** Ends of every connection there ever was, by handle. */
  readonly ends: Map<number, readonly [bigint, bigint]>;
  /** The last that anybody was told. */
  newestHost: { readonly epoch: bigint; readonly peer: bigint } = { epoch: 0n, peer: 0n };
  room: Room;
  /** ms of the one alarm, as a platform keeps it: moved only to be earlier, or removed. */
  scheduled = Infinity;
  #settings: AppSettings;
  #sharding: ShardHistory | undefined;
  readonly #checks: boolean;
  readonly #onRoom: ((room: Room) => void) | undefined;
  readonly #crossing: TestRoomOptions["crossing"];
  /** Data frames that were handed to other rooms. */
  readonly handedOn = { packets: 0, bytes: 0 };
  #randoms = 0;
  #checkpoints = 0;
  /** Statistics that a crash took with it. */
  #lost = { packets: 0, bytes: 0 };

  constructor({ settings = {}, checks = true, onRoom, crossing, ends }: TestRoomOptions = {}) {
    // Without a grace period a session ends with its socket; tests of resuming set one. Those of coalescing let frames wait.
    this.#settings = { ...DEFAULT_SETTINGS, graceMs: 0, coalesceMs: 0, ...settings };
    this.#checks = checks;
    this.#onRoom = onRoom;
    this.#crossing = crossing;
    this.ends = ends ?? new Map();
    migrate(this.sql);
    this.store = new TestStore(new SqlRoomStore(this.sql));
    this.room = this.#newRoom();
  }

  /** An operator changes the app's settings. */
  follow(settings: Partial<AppSettings>, sharding?: ShardHistory): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#sharding = sharding;
    this.room.applySettings(this.#settings, this.now);
    if (sharding) this.room.followShards(sharding);
    this.room.followBans([], this.now);
    this.#end();
  }

  get manager() {
    return this.room.manager;
  }

  get statistics() {
    return this.room.statistics();
  }

  /** A socket that has not said hello. */
  guest(peer: PeerId, more: Partial<Admission> = {}): TestPeer {
    const admission = { visible: false, ...more, peer };
    const joined = new TestPeer(this, admission, (socket) => this.room.join(socket, admission, this.now));
    this.peers.add(joined);
    this.#end();
    return joined;
  }

  /** A peer that has said hello; its welcome is taken, other frames are not. */
  join(peer: PeerId, options: Partial<Admission> = {}): TestPeer {
    // The older session's client answers the close of the relay when it sees it: not here.
    const joined = this.guest(peer, options).hello();
    const [welcome, ...others] = joined.socket.messages;
    if (!welcome) throw new Error("hello was not answered");
    const after = walk(welcome)[0]!.end;
    joined.socket.messages = after < welcome.length ? [welcome.slice(after), ...others] : others;
    return joined;
  }

  /** A new socket that asks for the session of an older one; what it is told is not taken. */
  resume(older: TestPeer, { peer = older.id, token = older.welcome?.token, session = older.welcome?.session } = {}) {
    return this.guest(peer, older.admission).send(frames.hello(session, token as Uint8Array<ArrayBuffer>));
  }

  drain(reconnectAfterMs = 0): number {
    const drained = this.room.drain(reconnectAfterMs, this.now);
    this.#end();
    return drained;
  }

  /** Two peers and a connection between them that both know is Connected. Nothing is left to hear. */
  pair(from: TestPeer, to: TestPeer, options: ConnectTo = {}): number {
    const handle = from.connect(to, options);
    to.accept(handle);
    from.take();
    to.take();
    return handle;
  }

  receive(peer: TestPeer, bytes: Uint8Array): void {
    this.room.receive(peer.link, bytes, this.now);
    this.#afterMessage(peer);
  }

  receiveText(peer: TestPeer): void {
    this.room.receiveText(peer.link, this.now);
    this.#afterMessage(peer);
  }

  socketClosed(peer: TestPeer, isFarewell: boolean): void {
    this.room.socketClosed(peer.link, this.now, isFarewell);
    // The checkpoint that went with it is put on another one, or the disk takes it.
    const next = [...this.peers].find(({ isGone }) => !isGone);
    if (next) this.#saveCheckpoint(next);
    else if (this.room.counters.isDirty) this.room.flush();
    this.#end();
  }

  closeConnection(handle: number): boolean {
    const id = this.manager.getConnectionByHandle(handle)?.connectionId ?? (handle as unknown as ConnectionId);
    const closed = this.room.closeConnection(id, this.now);
    this.#end();
    return closed;
  }

  kick(peer: PeerId): boolean {
    const kicked = this.room.kick(peer, this.now);
    this.#end();
    return kicked;
  }

  /** How many sockets a ban has ended; undefined when there are too many bans. */
  ban(kind: BanKind, subject: string, more: { until?: number; reason?: string } = {}): number | undefined {
    const { until = null, reason = "" } = more;
    const banned = this.room.ban({ kind, subject, until, reason }, this.now);
    this.#end();
    return banned?.ended;
  }

  /** The refusal that a peer would get now. `sockets`: what the platform keeps for it. */
  refusalOf(peer: PeerId, more: Partial<Admission> = {}, sockets = 0): JoinRefusal | undefined {
    return this.room.refuseEntry({ visible: false, ...more, peer }, sockets, this.now);
  }

  /** Lets time pass, with the alarms that fall into it. */
  advance(ms: number): this {
    const until = this.now + ms;
    this.#sendUntil(until);
    for (let rung = 0; this.scheduled <= until; rung++) {
      if (rung > 2 + ms / TIMES.promptMs) throw new Error("The alarm rings more than once a second");
      this.now = Math.max(this.now, this.scheduled);
      this.#ring();
      this.#sendUntil(until);
    }
    this.now = until;
    return this;
  }

  /** The timer for what waits for company; due long before any alarm. */
  #sendUntil(until: number): void {
    for (let { sendAt } = this.room; sendAt <= until; { sendAt } = this.room) {
      this.now = Math.max(this.now, sendAt);
      this.room.sendDue(this.now);
      this.#end();
    }
  }

  /** An alarm out of turn. */
  ring(): void {
    this.#ring();
  }

  /** An event that no peer's socket brought: from another room, or the directory. */
  turn(body: (room: Room) => void): void {
    body(this.room);
    const carrier = [...this.peers].find(({ isGone }) => !isGone);
    if (carrier) this.#saveCheckpoint(carrier);
    else if (this.room.counters.isDirty) this.room.flush();
    this.#end();
  }

  /** The object loses its memory; sockets and their attachments stay, and the store. */
  evict(trunks: readonly TrunkSurvivor[] = []): void {
    const carriers = [...this.peers].filter(({ isGone }) => !isGone);
    for (const peer of carriers) peer.lastHeard = Math.max(peer.lastHeard, peer.link.lastHeard);
    let newest: FakeSocket["checkpoint"];
    for (const { socket } of carriers) {
      if (socket.checkpoint && (!newest || socket.checkpoint.at >= newest.at)) newest = socket.checkpoint;
    }
    this.room = this.#newRoom();
    const survivors = carriers.map(({ socket }) => ({ socket, saved: socket.saved! }));
    const links = this.room.restore(newest && structuredClone(newest.counters), survivors, this.now, trunks);
    carriers.forEach((peer, index) => (peer.link = links[index]!));
    this.#end();
  }

  /** The object loses its memory and its sockets; only the store stays. */
  crash(): void {
    const { totalPackets, totalBytes } = this.manager.getStatistics();
    for (const peer of this.peers) {
      peer.isGone = true;
      peer.isIn = false;
    }
    this.room = this.#newRoom();
    this.room.restore(undefined, [], this.now);
    const restored = this.manager.getStatistics();
    this.#lost.packets += totalPackets - restored.totalPackets;
    this.#lost.bytes += totalBytes - restored.totalBytes;
    this.#end();
  }

  logged(event: string): LogEntry[] {
    return this.logs.filter((entry) => entry.event === event);
  }

  /** Who is told to host is on disk, is the only one in its epoch, and no epoch is below one that was told before (V3). */
  #checkHost(epoch: bigint, host: bigint): void {
    const seat = this.store.loadSeat();
    if (epoch !== BigInt(seat?.epoch ?? 0) || host !== (seat?.holder?.peer ?? 0n)) {
      throw new Error(`${host} was told to host in epoch ${epoch}, and is not on disk`);
    }
    if (epoch < this.newestHost.epoch || (epoch === this.newestHost.epoch && host !== this.newestHost.peer)) {
      throw new Error(
        `${host} was told to host in epoch ${epoch}, after ${this.newestHost.peer} in ${this.newestHost.epoch}`,
      );
    }
    this.newestHost = { epoch, peer: host };
  }

  /** Every frame that a peer is sent comes by here: none may be about a connection of others. */
  delivered(peer: TestPeer, frame: WalkedFrame): void {
    if (frame.asked?.frame === "host")
      this.#checkHost(frame.asked.values["epoch"] as bigint, frame.asked.values["peer"] as bigint);
    if (frame.cast && frame.cast.sender === peer.id) throw new Error(`peer ${peer.id} was sent its own cast`);
    const values = frame.control?.values;
    const isError = frame.control?.frame === "error";
    const named = values && "handle" in values && !isError ? values.handle : undefined;
    const handle = named ?? frame.data?.handle ?? frame.ack?.handle ?? frame.probe?.handle;
    if (handle === undefined) return;
    const ends = this.ends.get(handle);
    if (!ends?.includes(peer.id)) {
      throw new Error(
        `Peer ${peer.id} was sent a frame of connection ${handle}, whose ends are ${ends?.join(" and ")}`,
      );
    }
  }

  #newRoom(): Room {
    const room = new Room({
      app: APP,
      settings: this.#settings,
      store: this.store,
      bans: new SqlBanStore(this.sql),
      audit: new SqlAuditLog(this.sql),
      log: (entry) => {
        this.logs.push(entry);
        if (entry.event !== "connection_opened" && entry.event !== "connection_moved") return;
        const handle = handleOf(BigInt(entry["connection"] as string) as ConnectionId);
        this.ends.set(handle, [BigInt(entry["from"] as string), BigInt(entry["to"] as string)]);
      },
      random: (size) => this.#random(size),
      crossing: this.#crossing,
    });
    if (this.#sharding) room.followShards(this.#sharding);
    this.#onRoom?.(room);
    return room;
  }

  /** Counts up, so that a test sees the same ids in every run; 64 bits of it are the first sessions' ids. */
  #random(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, ++this.#randoms, true);
    return bytes;
  }

  #ring(): void {
    this.scheduled = Infinity;
    this.alarms.push(this.now);
    this.room.alarm(this.now);
    this.#end();
  }

  #afterMessage(peer: TestPeer): void {
    this.#saveCheckpoint(peer);
    this.#end();
  }

  #saveCheckpoint({ socket }: TestPeer): void {
    const { counters, manager } = this.room;
    if (counters.hasNews) socket.checkpoint = { at: ++this.#checkpoints, counters: counters.checkpoint(manager) };
  }

  /** As a runtime does: the alarm is set when it must be earlier, and removed when nothing is due. */
  #end(): void {
    const { alarmAt } = this.room;
    if (alarmAt === Infinity || alarmAt < this.scheduled) this.scheduled = alarmAt;
    if (this.#checks) this.#check();
    for (const peer of this.peers) if (peer.isReading && peer.marks.length > 0) peer.credit();
  }

  #check(): void {
    this.#checkStore();
    this.#checkStatistics();
    this.#checkSessions();
    this.#checkAlarm();
  }

  /** Every connection in memory is on disk as it is, and no other. */
  #checkStore(): void {
    this.#checkStoredSessions();
    const stored = this.store.loadConnections();
    const held = [...this.manager.connections()];
    if (stored.length !== held.length) throw new Error(`${held.length} connections are held, ${stored.length} on disk`);
    for (const row of stored) {
      const connection = this.manager.getConnection(row.connectionId);
      for (const [field, value] of Object.entries(row)) {
        if (connection?.[field as keyof StoredConnection] === value) continue;
        throw new Error(`${field} of connection ${row.handle} is ${value} on disk, not as it is in memory`);
      }
      if (connection?.state === ConnectionState.Closed) throw new Error("a closed connection is held");
    }
  }

  /** Every peer that has a connection of its own can come back to it after a crash, and nobody else is waited for. */
  #checkStoredSessions(): void {
    if (this.#settings.graceMs === 0) return;
    const stored = new Map(this.store.loadSessions().map((row) => [row.peer, row]));
    for (const connection of this.manager.connections()) {
      for (const peer of [connection.fromPeerId, connection.toPeerId]) {
        if (peer === connection.farPeer) continue; // its session is in another room
        const isUnanswered = connection.state === ConnectionState.Connecting && peer === connection.toPeerId;
        if (!isUnanswered && !stored.has(peer)) throw new Error(`peer ${peer} has a connection and no session on disk`);
      }
    }
    const { peers, away } = this.statistics;
    if (stored.size > peers + away) throw new Error(`${stored.size} sessions on disk, ${peers + away} in memory`);
    const absent = [...stored.values()].filter(({ awayUntil }) => awayUntil !== undefined);
    if (absent.length !== away) throw new Error(`${away} sessions are away, ${absent.length} on disk`);
    for (const { awayUntil = 0 } of absent) {
      if (this.scheduled > Math.max(awayUntil, this.now) + TIMES.promptMs) throw new Error("nobody looks for the away");
    }
  }

  /** What was counted is what was delivered. */
  #checkStatistics(): void {
    let packets = this.handedOn.packets - this.#lost.packets;
    let bytes = this.handedOn.bytes - this.#lost.bytes;
    for (const peer of this.peers) {
      packets += peer.deliveredPackets;
      bytes += peer.deliveredBytes;
    }
    const { totalPackets, totalBytes } = this.statistics;
    if (totalPackets === packets && totalBytes === bytes) return;
    throw new Error(`counted ${totalPackets} packets of ${totalBytes} bytes; ${packets} of ${bytes} were delivered`);
  }

  /** Who has been welcomed and not sent away is in the room, once, and nobody else is. */
  #checkSessions(): void {
    const inside = [...this.peers].filter(({ isIn }) => isIn);
    if (this.statistics.peers !== inside.length)
      throw new Error(`${this.statistics.peers} sessions, not ${inside.length}`);
    for (const { id, socket } of inside) {
      if (!this.room.isPresent(id)) throw new Error(`peer ${id} was welcomed, and has no session`);
      if (socket.closed) throw new Error(`peer ${id} has a session and a closed socket`);
    }
  }

  /** What falls due is looked at within a second, or eleven for what may wait; when nothing does, there is no alarm. */
  #checkAlarm(): void {
    const { manager, counters, alarmAt } = this.room;
    const { deadline, idle } = manager.nextDue();
    let due = Math.min(deadline, idle + TIMES.cleanupMs);
    if (counters.isDirty) due = Math.min(due, this.now + TIMES.quietFlushMs);
    for (const { link, lastHeard, socket, isGone } of this.peers) {
      if (isGone || socket.closed) continue;
      const ghost = Math.max(link.lastHeard, lastHeard) + TIMES.ghostMs + TIMES.cleanupMs;
      due = Math.min(due, link.isOpen ? ghost : link.since + TIMES.helloMs);
      if (link.backlog) due = Math.min(due, link.backlog.since + TIMES.stallMs);
    }
    for (const { awayUntil = Infinity } of this.store.loadSessions()) due = Math.min(due, awayUntil);
    const latest = Math.max(due, this.now) + TIMES.promptMs;
    if (this.scheduled > latest) throw new Error(`the alarm is ${this.scheduled - latest} ms late`);
    if (due === Infinity && alarmAt !== Infinity) throw new Error("nothing is due, and an alarm is set");
    if (alarmAt !== Infinity && alarmAt % TIMES.promptMs !== 0) throw new Error("the alarm is not at a whole second");
  }
}
