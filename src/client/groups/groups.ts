import {
  CAST_PAYLOAD_OFFSET,
  FrameType,
  JOIN,
  JOINED,
  LEAVE,
  MAX_GROUP_NAME,
  decodeFrame,
  encodeFrame,
  readCastHeader,
  writeCastHeader,
} from "../../protocol/index.ts";
import type { FrameWriter } from "../engine/frame-writer.ts";
import type { Extension, ExtensionHost } from "../extension.ts";
import type { RelayClient } from "../relay-client.ts";
import { RelayError } from "../relay-error.ts";
import { Group, type GroupHost } from "./group.ts";

/** What waits while the socket is full; beyond it the oldest is dropped. */
const MAX_QUEUED = 256 * 1024;

interface Membership {
  readonly group: Group;
  /** Under which the relay was asked last. */
  request: number;
  /** The relay's number; 0 while it has not answered. */
  id: number;
  /** Messages sent. */
  number: number;
}

/**
 * The groups that one client is in. Membership is the socket's, so on each new one they are joined again; meanwhile nothing
 * comes, and what is sent is dropped.
 */
export class Groups implements Extension, GroupHost {
  readonly #client: RelayClient;
  readonly #host: ExtensionHost;
  readonly #memberships = new Map<string, Membership>();
  readonly #byId = new Map<number, Membership>();
  #requests = 0;
  /** Frames in the order in which they are to leave: a leave is behind what was sent before it. */
  #queue: Uint8Array[] = [];
  #queued = 0;

  constructor(client: RelayClient) {
    this.#client = client;
    this.#host = client.extend(this);
  }

  /** Those that were joined and not left. */
  get all(): Group[] {
    return [...this.#memberships.values()].map(({ group }) => group);
  }

  /**
   * Joins the group of this name (32 bytes of UTF-8 at the most), which exists while somebody is in it. Without a name it is the
   * room's own. Whoever knows the name may join: one that is to be secret has to be hard to guess.
   */
  join(name = ""): Group {
    const known = this.#memberships.get(name);
    if (known) return known.group;
    if (new TextEncoder().encode(name).length > MAX_GROUP_NAME) {
      throw new RelayError("invalid_argument", `Cannot join: a group's name has at most ${MAX_GROUP_NAME} bytes`);
    }
    if (this.#client.status === "closed")
      throw new RelayError("relay_closed", "Cannot join: the client has left the relay");
    const membership: Membership = { group: new Group(name, this), request: 0, id: 0, number: 0 };
    this.#memberships.set(name, membership);
    this.#ask(membership);
    const timer = setTimeout(() => this.#giveUp(membership), this.#client.limits.connectTimeoutMs);
    const stop = (): void => clearTimeout(timer);
    membership.group.joined.then(stop, stop);
    return membership.group;
  }

  cast({ name }: Group, payload: Uint8Array): number {
    const membership = this.#memberships.get(name) as Membership; // a group that is not left has one
    const { maxPayload } = this.#client.limits;
    if (payload.length > maxPayload) {
      const message = `Cannot send ${payload.length} bytes: a message to a group has at most ${maxPayload}`;
      throw new RelayError("payload_too_large", message);
    }
    const number = (membership.number = (membership.number + 1) >>> 0);
    if (membership.id === 0) return number;
    const frame = new Uint8Array(CAST_PAYLOAD_OFFSET + payload.length);
    const header = { group: membership.id, number, sender: 0n };
    frame.set(payload, writeCastHeader(new DataView(frame.buffer), 0, header, payload.length));
    this.#enqueue(frame);
    return number;
  }

  leave({ name }: Group): void {
    const membership = this.#memberships.get(name);
    this.#memberships.delete(name);
    if (!membership || membership.id === 0) return;
    this.#byId.delete(membership.id);
    this.#enqueue(encodeFrame(LEAVE, { group: membership.id }));
  }

  receive(batch: Uint8Array, view: DataView, offset: number, end: number): void {
    const type = view.getUint8(offset);
    if (type === FrameType.Joined) {
      const values = decodeFrame(JOINED, view, offset);
      if (values) this.#joined(values.request, values.group);
    } else if (type === FrameType.Cast && end - offset >= CAST_PAYLOAD_OFFSET) {
      const { group, number, sender } = readCastHeader(view, offset);
      this.#byId.get(group)?.group.push({ sender, number, payload: batch.subarray(offset + CAST_PAYLOAD_OFFSET, end) });
    }
  }

  connected(): void {
    for (const membership of this.#memberships.values()) if (membership.id === 0) this.#ask(membership);
  }

  interrupted(): void {
    this.#queue = [];
    this.#queued = 0;
    this.#byId.clear();
    for (const membership of this.#memberships.values()) {
      membership.id = membership.request = 0;
      membership.group.interrupted();
    }
  }

  refused(error: RelayError, frame: number, about: number): boolean {
    if (frame === FrameType.Join) {
      const membership = this.#asked(about);
      if (membership) this.#end(membership, error);
      return true;
    }
    // What was said has crossed with the end of the membership.
    return error.code === "unknown_group" && !this.#byId.has(about);
  }

  ended(error: RelayError): void {
    for (const membership of [...this.#memberships.values()]) this.#end(membership, error);
  }

  pull(writer: FrameWriter, budget: number): boolean {
    let count = 0;
    for (const frame of this.#queue) {
      if (writer.length > 0 && writer.length + frame.length > budget) break;
      writer.append(frame);
      this.#queued -= frame.length;
      count++;
    }
    this.#queue.splice(0, count);
    return this.#queue.length > 0;
  }

  #enqueue(frame: Uint8Array): void {
    this.#queue.push(frame);
    this.#queued += frame.length;
    while (this.#queued > MAX_QUEUED && this.#queue.length > 1) this.#queued -= this.#queue.shift()?.length ?? 0;
    this.#host.wake();
  }

  #ask(membership: Membership): void {
    if (this.#client.status !== "connected" || membership.request !== 0) return;
    membership.request = ++this.#requests;
    this.#host.say(encodeFrame(JOIN, { request: membership.request, name: membership.group.name }));
  }

  #asked(request: number): Membership | undefined {
    return [...this.#memberships.values()].find((membership) => membership.request === request);
  }

  #joined(request: number, id: number): void {
    const membership = this.#asked(request);
    if (!membership) return this.#enqueue(encodeFrame(LEAVE, { group: id })); // left meanwhile
    membership.id = id;
    this.#byId.set(id, membership);
    membership.group.setJoined();
  }

  /** A relay of before groups passes over the join (rule P4). */
  #giveUp(membership: Membership): void {
    const message = "Cannot join: the relay has not answered in time; it may be older than groups are";
    if (membership.group.status === "joining") this.#end(membership, new RelayError("connect_timeout", message));
  }

  #end({ group }: Membership, error: RelayError): void {
    this.leave(group);
    group.end(error);
  }
}
