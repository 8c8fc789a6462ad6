/**
 * Several rooms of one app with trunks between them that a test can delay, cut and watch: each message, each loss and each
 * answer of the directory is an event of its own, which happens when the test lets it (`step`, `settle`).
 */
import { DATA_PAYLOAD_OFFSET, FrameType, type PeerId, frameEnd } from "../../src/protocol/index.ts";
import type { Admission, TrunkSocket } from "../../src/relay/ports.ts";
import type { AppSettings } from "../../src/relay/settings.ts";
import { TestPeer, TestRoom } from "./room.ts";

type Event =
  | { readonly kind: "opened" }
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  | { readonly kind: "closed" };

/** One end of a trunk's socket, in one room. */
class WireEnd implements TrunkSocket {
  readonly room: TestRoom;
  /** What has not happened yet at this end. */
  readonly events: Event[] = [];
  other!: WireEnd;
  /** Knows no socket any more: closed here, or told that it is. */
  isOver = false;
  isOpen = false;

  constructor(room: TestRoom) {
    this.room = room;
  }

  send(bytes: Uint8Array): void {
    if (this.isOver) throw new Error("The rules sent on a trunk that they had closed");
    this.#count(bytes);
    if (!this.other.isOver) this.other.events.push({ kind: "message", bytes: bytes.slice() });
  }

  close(): void {
    if (this.isOver) throw new Error("The rules closed a trunk twice");
    this.isOver = true;
    this.events.length = 0;
    this.other.events.push({ kind: "closed" });
  }

  bufferedAmount(): number {
    return 0;
  }

  /** Gone without a word, with all that was under way to it. */
  lose(): void {
    if (this.isOver) return;
    const isNew = this.events.some(({ kind }) => kind === "opened");
    this.events.length = 0;
    if (isNew) this.isOver = true;
    else this.events.push({ kind: "closed" });
  }

  #count(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length;) {
      const end = frameEnd(view, at);
      if (end < 0) throw new Error("A trunk message ends inside a frame");
      if (view.getUint8(at) === FrameType.Data) {
        this.room.handedOn.packets++;
        this.room.handedOn.bytes += end - at - DATA_PAYLOAD_OFFSET;
      }
      at = end;
    }
  }
}

export class TestRooms {
  readonly byName = new Map<string, TestRoom>();
  readonly ends: WireEnd[] = [];
  /** Questions to the directory that it has not answered. */
  readonly questions: { readonly room: TestRoom; readonly peers: readonly PeerId[] }[] = [];
  /** Trunks that were dialed. */
  dials = 0;
  /** Questions that the directory was asked. */
  asked = 0;
  /** No trunk opens while it is false. */
  isReachable = true;

  /** `ends`: one for all, where they are parts of one room and give out other handles each. */
  constructor(names: readonly string[], settings: Partial<AppSettings> = {}, ends?: TestRoom["ends"]) {
    for (const name of names) {
      const room: TestRoom = new TestRoom({
        settings: { crossRooms: 1, graceMs: 30_000, ...settings },
        crossing: { name, port: { dial: (to) => this.#dial(name, to) } },
        ...(ends && { ends }),
      });
      this.byName.set(name, room);
    }
  }

  room(name: string): TestRoom {
    return this.byName.get(name)!;
  }

  get rooms(): TestRoom[] {
    return [...this.byName.values()];
  }

  /** A peer in a room. */
  join(name: string, peer: PeerId, options: Partial<Admission> = {}): TestPeer {
    return this.room(name).join(peer, options);
  }

  /** Events that may happen next: the oldest of each end, and the oldest question. */
  get pending(): (() => void)[] {
    this.#ask();
    const next = this.ends.filter(({ events }) => events.length > 0).map((end) => () => this.#happen(end));
    if (this.questions.length > 0) next.push(() => this.#answer());
    return next;
  }

  /** Lets one thing happen, of those that may. False when there is none. */
  step(choice = 0): boolean {
    const { pending } = this;
    pending[choice % Math.max(1, pending.length)]?.();
    return pending.length > 0;
  }

  /** Until nothing is under way. */
  settle(): this {
    for (let steps = 0; this.step(); steps++) if (steps > 10_000) throw new Error("the rooms never stop talking");
    return this;
  }

  /** Time passes in all rooms, second by second, with all that happens in it. */
  advance(ms: number): this {
    for (let left = ms; left > 0; left -= 1_000) {
      this.settle();
      for (const room of this.rooms) {
        room.advance(Math.min(left, 1_000));
        if (room.room.hasDialed) room.turn(() => room.room.restTrunks(room.now));
      }
      this.settle();
    }
    return this;
  }

  /** Sockets of trunks that are open. */
  get wires(): WireEnd[] {
    return this.ends.filter(({ isOver, isOpen }) => !isOver && isOpen);
  }

  /** Cuts all trunks: what was under way is lost. */
  cut(): void {
    for (const end of this.ends) if (!end.isOver) end.lose();
  }

  /** The object loses its memory and all its sockets. */
  crash(name: string): void {
    const room = this.room(name);
    this.#cutOf(room);
    for (let i = this.questions.length - 1; i >= 0; i--)
      if (this.questions[i]!.room === room) this.questions.splice(i, 1);
    room.crash();
  }

  /** The object loses its memory, as it may while it has not dialed. */
  evict(name: string): boolean {
    const room = this.room(name);
    if (room.room.hasDialed || this.questions.some((question) => question.room === room)) return false;
    const open = this.ends.filter((end) => end.room === room && !end.isOver && end.isOpen);
    room.evict(open.map((end) => ({ socket: end, room: this.#nameOf(end.other.room) })));
    return true;
  }

  #cutOf(room: TestRoom): void {
    for (const end of this.ends) {
      if (end.room !== room) continue;
      if (!end.isOver) end.other.lose();
      end.isOver = true;
      end.events.length = 0;
    }
  }

  #dial(from: string, to: string): TrunkSocket {
    this.dials++;
    const near = new WireEnd(this.room(from));
    const far = new WireEnd(this.room(to));
    near.other = far;
    far.other = near;
    near.isOpen = true;
    this.ends.push(near, far);
    if (this.isReachable) far.events.push({ kind: "opened" });
    else {
      far.isOver = true;
      near.events.push({ kind: "closed" });
    }
    return near;
  }

  #happen(end: WireEnd): void {
    const event = end.events.shift();
    const { room } = end;
    if (!event || (end.isOver && event.kind !== "closed")) return;
    if (event.kind === "message") room.turn(() => room.room.receiveTrunk(end, event.bytes, room.now));
    else if (event.kind === "opened") {
      end.isOpen = true;
      room.turn(() => room.room.trunkOpened(end, this.#nameOf(end.other.room), room.now));
    } else if (!end.isOver) {
      end.isOver = true;
      room.turn(() => room.room.trunkClosed(end, room.now));
    }
  }

  #ask(): void {
    for (const room of this.rooms) {
      const peers = room.room.takeWanted();
      if (peers.length === 0) continue;
      this.questions.push({ room, peers });
      this.asked++;
    }
  }

  #answer(): void {
    const { room, peers } = this.questions.shift()!;
    const answer = peers.map((peer) => [peer, this.#roomOf(peer)] as const);
    room.turn(() => room.room.located(answer, room.now));
  }

  #roomOf(peer: PeerId): string | undefined {
    for (const [name, { room }] of this.byName) if ([...room.peers].includes(peer)) return name;
    return undefined;
  }

  #nameOf(room: TestRoom): string {
    for (const [name, other] of this.byName) if (other === room) return name;
    throw new Error("no such room");
  }
}
