/** One peer of the playground: it joins, calls or waits for the other one, and notes what happens. The pages show the signals. */
import { type Signal, signal } from "@preact/signals";
import { ConnectionState, type RelayClient, type RelayConnection, connect } from "../client/index.ts";
import { Exchange } from "./exchange.ts";
import type { Family, Link } from "./families/index.ts";
import { BadNetwork, FAIR_WEATHER, type Weather } from "./network.ts";
import type { Received } from "./received.ts";
import { type Standing, standingOf } from "./standing.ts";
import { type Happening, type Mood, Timeline } from "./timeline.ts";

export interface PeerOptions {
  /** A letter, for people. */
  readonly name: string;
  readonly app: number;
  readonly room: string;
  readonly peer: bigint;
  readonly other: bigint;
  readonly family: Family;
  readonly isCaller: boolean;
  ticket(): Promise<string>;
}

export interface Numbers {
  readonly pingMs: number;
  readonly qualityLocal: number;
  readonly qualityRemote: number;
  readonly outPackets: number;
  readonly inPackets: number;
  readonly outBytes: number;
  readonly inBytes: number;
  readonly waiting: number;
}

export interface Thrown {
  readonly arrived: number;
  readonly total: number;
}

const LOOK_MS = 100;
const CALL_AGAIN_MS = 500;
const MOST_RECEIVED = 50;
const MOST_ECHOES = 60;

export class PlaygroundPeer {
  readonly options: PeerOptions;
  readonly network = new BadNetwork();
  readonly timeline = new Timeline();
  readonly standing: Signal<Standing> = signal("joining");
  readonly isCut = signal(false);
  readonly weather: Signal<Weather> = signal(FAIR_WEATHER);
  readonly received: Signal<readonly Received[]> = signal([]);
  readonly numbers: Signal<Numbers | undefined> = signal(undefined);
  /** ms that a message and its answer took, newest last. */
  readonly echoes: Signal<readonly number[]> = signal([]);
  readonly lost = signal(0);
  /** Of a file that is on its way here, 0 to 1. */
  readonly progress: Signal<number | undefined> = signal(undefined);
  readonly thrown: Signal<Thrown | undefined> = signal(undefined);
  readonly exchange: Exchange;

  #relay: RelayClient | undefined;
  #link: Link | undefined;
  #connection: RelayConnection | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isStopped = false;
  #lastId = 0;
  #looks = 0;

  constructor(options: PeerOptions) {
    this.options = options;
    const send = (bytes: Uint8Array, isReliable: boolean): boolean => this.#link?.send(bytes, isReliable) ?? false;
    this.exchange = new Exchange(send, options.family.maxPacket, {
      text: (text, isReliable) => this.#keep({ id: ++this.#lastId, kind: "text", text, isReliable, isOwn: false }),
      file: ({ name, bytes, hash, isSame }) => {
        this.progress.value = undefined;
        this.#keep({ id: ++this.#lastId, kind: "file", name, size: bytes.length, hash, isSame, isOwn: false, bytes });
        this.#note(`"${name}" arrived ${isSame ? "whole" : "damaged"}`, isSame ? "good" : "bad");
      },
      progress: (_, received, size) => (this.progress.value = received / size),
      echo: (ms) => (this.echoes.value = [...this.echoes.value, ms].slice(-MOST_ECHOES)),
      thrown: (arrived, total) => (this.thrown.value = { arrived, total }),
    });
  }

  /** Joins the relay and begins. What goes wrong is noted in the timeline. */
  async start(): Promise<void> {
    const { app, room, ticket, peer } = this.options;
    this.#note("asks for a ticket and joins", "plain");
    try {
      const url = location.origin;
      const relay = await connect({ url, app, ...(room && { room }), ticket, ...this.network.options });
      if (this.#isStopped) return void relay.close();
      this.#relay = relay;
      this.#note(`joined as ${peer}`, "good");
      this.#watch(relay);
      this.#begin();
    } catch (error) {
      this.standing.value = "failed";
      this.#note(error instanceof Error ? error.message : String(error), "bad");
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#link?.close();
    void this.#relay?.close();
  }

  setWeather(weather: Weather): void {
    this.weather.value = weather;
    this.network.weather = weather;
  }

  cut(): void {
    this.#note("network cut", "bad");
    this.isCut.value = true;
    this.network.cut();
  }

  restore(): void {
    this.#note("network back", "plain");
    this.isCut.value = false;
    this.network.restore();
    this.#relay?.reconnect();
  }

  sendText(text: string, isReliable: boolean): void {
    if (!this.exchange.text(text, isReliable)) return this.#note("the text could not be sent", "bad");
    this.#keep({ id: ++this.#lastId, kind: "text", text, isReliable, isOwn: true });
  }

  async sendFile(file: File): Promise<void> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const hash = await this.exchange.file(file.name, bytes, () => this.#isStopped);
    if (hash === undefined) return;
    this.#keep({
      id: ++this.#lastId,
      kind: "file",
      name: file.name,
      size: bytes.length,
      hash,
      isSame: true,
      isOwn: true,
      bytes,
    });
  }

  #begin(): void {
    const relay = this.#relay;
    if (!relay || this.#isStopped || relay.status === "closed") return;
    const { family, other, isCaller } = this.options;
    const message = (bytes: Uint8Array): void => this.exchange.received(bytes);
    this.#connection = undefined;
    if (!isCaller) {
      this.#note(`waits for ${other}`, "plain");
      this.#link = family.wait(relay, other, { message, ended: (why) => this.#note(`connection over: ${why}`, "bad") });
      return;
    }
    this.#note(`calls ${other}`, "plain");
    const link = family.call(relay, other, {
      message,
      ended: (why) => {
        this.#note(`connection over: ${why}`, "bad");
        link.close();
        setTimeout(() => this.#begin(), CALL_AGAIN_MS);
      },
    });
    this.#link = link;
    this.exchange.hello();
  }

  #watch(relay: RelayClient): void {
    relay.addEventListener("reconnecting", ({ detail: { attempt } }) =>
      this.timeline.add(`dials again, attempt ${attempt}`, "warn", "dialing"),
    );
    relay.addEventListener("reconnected", ({ detail: { isResumed } }) =>
      this.#note(isResumed ? "session resumed" : "joined anew", isResumed ? "good" : "warn"),
    );
    void relay.closed.then(({ reason }) => {
      if (this.#isStopped) return;
      this.standing.value = "over";
      this.#note(`left the relay${reason ? `: ${reason}` : ""}`, "bad");
    });
    this.#timer = setInterval(() => this.#look(relay), LOOK_MS);
  }

  /** All families have a RelayConnection underneath, whose state and numbers are the same for all. */
  #look(relay: RelayClient): void {
    const { family, other } = this.options;
    const found = relay.connections.find(({ peer, type }) => peer === other && type === family.type);
    if (found && found !== this.#connection) this.#follow(found);
    this.standing.value = standingOf(relay, found);
    this.lost.value = this.network.lost;
    if (!found || ++this.#looks % 3 !== 0) return;
    if (this.standing.value === "connected") this.exchange.beat();
    const status = found.status();
    this.numbers.value = {
      pingMs: status.pingMs,
      qualityLocal: status.qualityLocal,
      qualityRemote: status.qualityRemote,
      outPackets: status.outPacketsPerSecond,
      inPackets: status.inPacketsPerSecond,
      outBytes: status.outBytesPerSecond,
      inBytes: status.inBytesPerSecond,
      waiting: status.pendingReliable + status.sentUnackedReliable,
    };
  }

  #follow(connection: RelayConnection): void {
    this.#connection = connection;
    this.#note(
      `connection ${STATES[connection.state]}`,
      connection.state === ConnectionState.Connected ? "good" : "plain",
    );
    connection.addEventListener("statechange", ({ detail: { state } }) =>
      this.#note(`connection ${STATES[state]}`, state === ConnectionState.Connected ? "good" : "plain"),
    );
    connection.addEventListener("pathchange", ({ detail: { path } }) =>
      this.#note(`path ${path}`, path === "open" ? "good" : "warn"),
    );
  }

  #keep(received: Received): void {
    this.received.value = [...this.received.value, received].slice(-MOST_RECEIVED);
  }

  #note(text: Happening["text"], mood: Mood): void {
    this.timeline.add(text, mood);
  }
}

const STATES = ["Connecting", "Connected", "Disconnecting", "Closed"] as const;
