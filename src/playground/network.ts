/** A network to experiment with: between this peer and the relay packets get lost, late or overtaken, or all of it is cut. */
import type { ConnectOptions } from "../client/index.ts";
import { type NetworkConditions, PERFECT_NETWORK, simulateNetwork } from "../client/simulator/index.ts";

type WebSocketConstructor = NonNullable<ConnectOptions["WebSocket"]>;
type Socket = InstanceType<WebSocketConstructor>;

/** Closes a socket and not the session, so that this peer is away and not gone. */
const AWAY = 4000;
/** What a browser reports of a connection that just ended. */
const ABNORMAL = 1006;
/** Of a socket that found no network. At 1006 the client would ask the relay by HTTP why, and a cut network has none. */
const GOING_AWAY = 1001;

export type Weather = Pick<NetworkConditions, "loss" | "lagMs" | "jitterMs" | "reorderPercent">;
export const FAIR_WEATHER: Weather = { loss: 0, lagMs: 0, jitterMs: 0, reorderPercent: 0 };

/** How far a packet is held back that others are to overtake. */
const REORDER_MS = 60;

export class BadNetwork {
  /** Spread into the options of `connect`. */
  readonly options: Pick<ConnectOptions, "WebSocket" | "isLossy">;
  readonly #simulated = simulateNetwork({ seed: 1 + Math.floor(Math.random() * 1_000_000) });
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  constructor() {
    const open = (url: string, protocols: string[]): Socket => this.#open(url, protocols);
    // `new` on a function that returns an object gives that object.
    const WebSocket = function (url: string, protocols: string[]): Socket {
      return open(url, protocols);
    } as unknown as WebSocketConstructor;
    this.options = { WebSocket, isLossy: true };
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Half of the lag each way, so that the round trip grows by as much as the slider says. */
  set weather({ loss, lagMs, jitterMs, reorderPercent }: Weather) {
    const { outbound, inbound } = this.#simulated;
    const conditions = { loss, lagMs: lagMs / 2, jitterMs, reorderPercent, reorderMs: REORDER_MS };
    for (const { link } of [outbound, inbound]) link.conditions = { ...PERFECT_NETWORK, ...conditions };
  }

  /** Packets of data that left this peer or were to arrive there, and never did. */
  get lost(): number {
    const { outbound, inbound } = this.#simulated;
    return outbound.link.counters.lost + inbound.link.counters.lost;
  }

  /** Every socket is gone, and none can be opened until `restore`. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) {
      const { onclose } = socket;
      socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close(AWAY);
      onclose?.({ code: ABNORMAL, reason: "" } as never);
    }
    this.#sockets.clear();
  }

  restore(): void {
    this.#isCut = false;
  }

  #open(url: string, protocols: string[]): Socket {
    if (this.#isCut) return deadSocket();
    const socket = new this.#simulated.WebSocket(url, protocols);
    this.#sockets.add(socket);
    return socket;
  }
}

/** A socket that finds no network. */
function deadSocket(): Socket {
  const socket: Socket = {
    binaryType: "arraybuffer",
    readyState: 3,
    bufferedAmount: 0,
    protocol: "",
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send: () => undefined,
    close: () => undefined,
  };
  setTimeout(() => socket.onclose?.({ code: GOING_AWAY, reason: "" } as never), 0);
  return socket;
}
