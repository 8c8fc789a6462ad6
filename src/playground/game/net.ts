/**
 * The game's network, all of it: join the relay, find the other player, tick together, send the ship and the score.
 *
 * - The guest opens the connection and the host accepts it. Losing the network is not handled here, because the client does
 *   that: it dials again and goes on with the same connection.
 * - Ships go over an unreliable lane, scores over a reliable one. A lane has an order of its own, so that a state never
 *   waits behind a score, and the lower priority number is sent first.
 */
import { type RelayClient, type RelayConnection, type RelayError, connect } from "../../client/index.ts";
import { createTicker } from "../../client/ticker/index.ts";
import { type ScoreState, type ShipState, decodeScore, decodeShip, encodeScore, encodeShip } from "./messages.ts";
import { TICKS_PER_SECOND } from "./simulation.ts";

const VIRTUAL_PORT = 20;
const SHIPS = 0;
const SCORES = 1;
const TRY_AGAIN_MS = 500;

export interface NetOptions {
  readonly url: string;
  readonly app: number;
  readonly room: string;
  readonly ticket: () => Promise<string>;
  readonly other: bigint;
  readonly isHost: boolean;
}

export interface NetEvents {
  tick(): void;
  /** There is somebody to play with: the game tells what it stands at. */
  joined(): void;
  left(): void;
  ship(state: ShipState): void;
  score(state: ScoreState): void;
}

export class Net {
  readonly #relay: RelayClient;
  readonly #events: NetEvents;
  #connection: RelayConnection | undefined;

  private constructor(relay: RelayClient, events: NetEvents) {
    this.#relay = relay;
    this.#events = events;
  }

  static async join(options: NetOptions, events: NetEvents): Promise<Net> {
    const relay = await connect(options);
    const net = new Net(relay, events);
    // Ticks of both players come at the same moments, so that the relay has one message to deliver instead of two.
    createTicker(relay, TICKS_PER_SECOND, () => events.tick());
    void (options.isHost ? net.#waitFor(options.other) : net.#find(options.other));
    return net;
  }

  /** There and back, in ms; undefined while nobody is there, or nothing was measured. */
  get roundTrip(): number | undefined {
    const ping = this.#connection?.status().pingMs ?? -1;
    return ping < 0 ? undefined : ping;
  }

  /** In a word, for the player. */
  get standing(): "playing" | "waiting" | "reconnecting" | "away" {
    if (this.#relay.status !== "connected") return "reconnecting";
    if (!this.#connection) return "waiting";
    return this.#connection.path === "open" ? "playing" : "away";
  }

  sendShip(state: ShipState): void {
    this.#connection?.send(encodeShip(state), { reliable: false, lane: SHIPS });
  }

  sendScore(state: ScoreState): void {
    this.#connection?.send(encodeScore(state), { reliable: true, lane: SCORES });
  }

  async leave(): Promise<void> {
    await this.#relay.close();
  }

  async #waitFor(guest: bigint): Promise<void> {
    for await (const connection of this.#relay.listen({ virtualPort: VIRTUAL_PORT })) {
      if (connection.peer !== guest) {
        connection.refuse();
        continue;
      }
      try {
        await connection.accept();
        void this.#play(connection);
      } catch {
        // The guest has given up meanwhile, and will ask again.
      }
    }
  }

  async #find(host: bigint): Promise<void> {
    while (this.#relay.status !== "closed") {
      try {
        await this.#play(await this.#relay.open(host, { virtualPort: VIRTUAL_PORT }));
      } catch (error) {
        if ((error as RelayError).code === "relay_closed") return;
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS)); // the host is not there yet
    }
  }

  /** Until the connection ends. */
  async #play(connection: RelayConnection): Promise<void> {
    connection.configureLanes([0, 1], [1, 1]);
    this.#connection = connection;
    this.#events.joined();
    for await (const { lane, payload } of connection) {
      const state = lane === SHIPS ? decodeShip(payload) : undefined;
      const score = lane === SCORES ? decodeScore(payload) : undefined;
      if (state) this.#events.ship(state);
      if (score) this.#events.score(score);
    }
    if (this.#connection !== connection) return; // the guest has come back on another one already
    this.#connection = undefined;
    this.#events.left();
  }
}
