/**
 * The room: any order of joins, messages, closes, alarms, evictions and crashes. TestRoom checks after each step what must
 * always hold, and that no peer is sent a frame of a connection that it is no end of. Here: nor one that did not come from
 * the other end; nothing fails inside; and a room that everybody has left becomes quiet.
 */
import { PROTOCOL_VERSION, errorName } from "../../../src/protocol/index.ts";
import { type TestPeer, TestRoom, frames, peerId } from "../../support/room.ts";
import { walk } from "../../support/frames.ts";
import { bytesOf, mutateMessage, randomMessage } from "../messages.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";
import { Origins } from "./origins.ts";
import { type RoomStep, seeds } from "./room-steps.ts";

const PEERS = 4;
const TIMES = [0, 1, 50, 999, 1_000, 5_000, 10_000, 20_000, 45_000, 60_000, 301_000];
/** Longer than any deadline that a step can set. */
const LONG = 2 * 3_600_000;
const TIGHT = { idleTimeoutMs: 30_000, connectTimeoutMs: 500, maxPayload: 64, maxConnectionsPerPeer: 2 };
/** Half of all steps are messages. */
const KINDS = [
  "join",
  "text",
  "drop",
  "ping",
  "advance",
  "advance",
  "kick",
  "close",
  "ring",
  "evict",
  "crash",
] as const;

export const rooms: Target<RoomStep> = { name: "rooms", seeds, randomStep, mutateStep, run };

function randomStep(random: Random): RoomStep {
  const socket = random.below(PEERS + 1);
  if (random.oneIn(2)) return { do: "send", socket, message: randomMessage(random) };
  const kind = random.pick(KINDS);
  switch (kind) {
    case "join":
      return { do: "join", peer: random.below(PEERS), visible: random.oneIn(2), hello: !random.oneIn(4) };
    case "text":
    case "drop":
    case "ping":
      return { do: kind, socket };
    case "advance":
      return { do: "advance", ms: random.pick(TIMES) };
    case "kick":
      return { do: "kick", peer: random.below(PEERS) };
    case "close":
      return { do: "close", handle: random.below(5) };
    default:
      return { do: kind };
  }
}

function mutateStep(step: RoomStep, random: Random): RoomStep {
  if (step.do !== "send") return randomStep(random);
  if (random.oneIn(5)) return { ...step, socket: random.below(PEERS + 1) };
  return { ...step, message: mutateMessage(step.message, random) };
}

function run(steps: readonly RoomStep[], feature: (name: string) => void): void {
  const game = new Game(steps[0]?.do === "tight", feature);
  try {
    for (const step of steps) game.play(step);
    game.finish();
  } finally {
    game.room.sql.close();
  }
}

class Game {
  readonly room: TestRoom;
  readonly #feature: (name: string) => void;
  readonly #known = new Map<string, (number | bigint | Uint8Array | string)[]>();
  readonly #origins: Origins;
  readonly #last = new Map<TestPeer, string>();
  #logs = 0;

  constructor(isTight: boolean, feature: (name: string) => void) {
    this.room = new TestRoom({ settings: isTight ? TIGHT : {} });
    this.#origins = new Origins(this.room);
    this.#feature = feature;
    this.#known.set("version", [PROTOCOL_VERSION]);
    this.#known.set(
      "peer",
      Array.from({ length: PEERS }, (_, n) => peerId(n)),
    );
  }

  play(step: RoomStep): void {
    const { room } = this;
    switch (step.do) {
      case "tight":
        return;
      case "join": {
        const peer = room.guest(peerId(step.peer), { visible: step.visible });
        if (step.hello) room.receive(peer, frames.hello());
        break;
      }
      case "send": {
        const known = (field: string) => this.#known.get(field) ?? [];
        this.#with(step.socket, (peer) => {
          const bytes = bytesOf(step.message, known);
          this.#origins.sends(peer.id, bytes);
          room.receive(peer, bytes);
        });
        break;
      }
      case "text":
        this.#with(step.socket, (peer) => room.receiveText(peer));
        break;
      case "drop":
        this.#with(step.socket, (peer) => peer.drop());
        break;
      case "ping":
        this.#with(step.socket, (peer) => peer.ping());
        break;
      case "advance":
        room.advance(step.ms);
        break;
      case "kick":
        room.kick(peerId(step.peer));
        break;
      case "close":
        room.closeConnection(step.handle);
        break;
      default:
        room[step.do]();
    }
    this.#listen();
  }

  /** Everybody leaves, and time passes. */
  finish(): void {
    const { room } = this;
    for (const peer of room.peers) if (!peer.isGone) peer.drop();
    room.advance(LONG);
    this.#listen();
    const { activeConnections, peers } = room.statistics;
    if (activeConnections + peers > 0) throw new Error(`${activeConnections} connections and ${peers} peers never end`);
    if (room.scheduled !== Infinity) throw new Error("an empty room keeps its alarm");
  }

  /** Any socket that is there; nothing when none is. */
  #with(index: number, body: (peer: TestPeer) => void): void {
    const there = [...this.room.peers].filter(({ isGone }) => !isGone);
    const peer = there[index % Math.max(1, there.length)];
    if (peer) body(peer);
  }

  /** Takes what peers were sent, for its values, and fails when the relay says that it has failed. */
  #listen(): void {
    for (const peer of this.room.peers) {
      for (const frame of peer.take().flatMap(walk)) {
        const { type, control } = frame;
        this.#origins.arrives(peer.id, frame);
        const name =
          control?.frame === "error" ? String(errorName(control.values.code)) : (control?.frame ?? `${type}`);
        this.#feature(`${this.#last.get(peer)} ${name}`);
        this.#last.set(peer, name);
        for (const [field, value] of Object.entries(control?.values ?? {})) this.#heard(field, value);
      }
    }
    const logs = this.room.logs.slice(this.#logs);
    this.#logs += logs.length;
    const failure = logs.find(({ event }) => event === "internal_error" || event === "store_failed");
    if (failure) throw new Error(`${failure.event}: ${failure["error"]}`);
  }

  #heard(field: string, value: number | bigint | Uint8Array | string): void {
    if (field === "peer" || field === "version") return;
    const values = this.#known.get(field) ?? [];
    this.#known.set(field, [value, ...values.filter((other) => other !== value)].slice(0, 8));
  }
}
