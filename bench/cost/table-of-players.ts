/** Players of one room, each connected to each, on real clients of the SDK. */
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { testTicket } from "../../test/support/tickets.ts";
import { SentMessages, countingSocket } from "./one-frame-socket.ts";

export interface TableOptions {
  readonly url: string;
  readonly app: number;
  readonly room: string;
  readonly players: number;
  /** Bytes of a packet. */
  readonly payload: number;
  /** One frame per message. */
  readonly isNaive: boolean;
}

export class TableOfPlayers {
  readonly sent = new SentMessages();
  packets = 0;
  payloadBytes = 0;
  readonly #options: TableOptions;
  readonly #payload: Uint8Array;
  readonly #clients: RelayClient[] = [];

  private constructor(options: TableOptions) {
    this.#options = options;
    this.#payload = new Uint8Array(options.payload);
  }

  /** All are there, and every pair is connected. */
  static async gather(options: TableOptions): Promise<TableOfPlayers> {
    const table = new TableOfPlayers(options);
    for (let place = 0; place < options.players; place++) await table.#sitDown(place);
    return table;
  }

  get clients(): readonly RelayClient[] {
    return this.#clients;
  }

  /** One tick of one player: a packet to everybody else, who take the newest only. */
  send(place: number): void {
    for (const connection of this.#clients[place]?.connections ?? []) {
      connection.send(this.#payload, { reliable: false });
      connection.flush();
    }
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Who comes later connects to all who are there. */
  async #sitDown(place: number): Promise<void> {
    const { url, app, room, isNaive } = this.#options;
    const peer = String(place + 1);
    const ticket = await testTicket({ peer, app });
    const client = await connect({ url, app, room, ticket, WebSocket: countingSocket(this.sent, isNaive) });
    client.onIncoming({}, (incoming) => {
      this.#listen(incoming);
      incoming.accept().catch(() => undefined); // the end that asked is told, and fails
    });
    const opened = await Promise.all(this.#clients.map((other) => client.open(other.peer)));
    for (const connection of opened) this.#listen(connection);
    this.#clients.push(client);
  }

  #listen(connection: RelayConnection): void {
    connection.onMessage((message) => {
      this.packets++;
      this.payloadBytes += message.payload.byteLength;
      connection.release(message);
    });
  }
}
