/** Two honest players in the room that is attacked, who play on and must not notice. */
import { expect } from "vitest";
import { type RelayClient, type RelayConnection, connect } from "../../../src/client/index.ts";
import { testTicket } from "../../support/tickets.ts";

const TICK_MS = 10;
const WAIT_MS = 20_000;

/** What one end has sent, and what the other has read of it. */
interface Flow {
  sent: number;
  readonly reliable: number[];
  readonly unreliable: number[];
}

export class Bystanders {
  readonly clients: readonly RelayClient[];
  readonly peers: readonly bigint[];
  /** Of their connection: what an attacker would like to have. */
  readonly handle: number;
  readonly #ends: readonly { connection: RelayConnection; flow: Flow }[];
  readonly #errors: unknown[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(clients: readonly RelayClient[], connections: readonly RelayConnection[]) {
    this.clients = clients;
    this.peers = clients.map(({ peer }) => peer);
    this.handle = connections[0]!.handle;
    this.#ends = connections.map((connection) => ({ connection, flow: { sent: 0, reliable: [], unreliable: [] } }));
    this.#ends.forEach(({ connection }, index) => void this.#read(connection, this.#ends[1 - index]!.flow));
    for (const client of clients) {
      client.addEventListener("error", ({ detail }) => this.#errors.push(detail));
      client.addEventListener("reconnecting", ({ detail }) => this.#errors.push(detail.cause));
    }
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  static async join(url: string, peers: readonly [bigint, bigint] = [1001n, 1002n]): Promise<Bystanders> {
    const [a, b] = await Promise.all(
      peers.map(async (peer) => connect({ url, app: 480, ticket: await testTicket({ peer }) })),
    );
    const incoming = b!.listen()[Symbol.asyncIterator]().next();
    const opening = a!.open(b!.peer);
    const { value } = await incoming;
    await value!.accept();
    return new Bystanders([a!, b!], [await opening, value!]);
  }

  /** How many messages of each kind both together have sent. */
  get sent(): number {
    return this.#ends.reduce((sum, { flow }) => sum + flow.sent, 0);
  }

  /** All that was sent up to now has arrived, each message once and in order, and nobody was told of any trouble. */
  async check(): Promise<void> {
    const upTo = this.#ends.map(({ flow }) => flow.sent);
    for (let waited = 0; !this.#have(upTo) && waited < WAIT_MS; waited += TICK_MS) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    for (const [index, { flow, connection }] of this.#ends.entries()) {
      expect(flow.reliable.length).toBeGreaterThanOrEqual(upTo[index]!);
      expect(flow.reliable).toEqual(flow.reliable.map((_, at) => at));
      expect(flow.unreliable).toEqual(flow.unreliable.map((_, at) => at));
      expect(connection.path).toBe("open");
    }
    expect(this.#errors).toEqual([]);
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.clients.map((client) => client.close()));
  }

  #have(upTo: readonly number[]): boolean {
    return this.#ends.every(({ flow }, at) => Math.min(flow.reliable.length, flow.unreliable.length) >= upTo[at]!);
  }

  #send(): void {
    for (const { connection, flow } of this.#ends) {
      const index = Buffer.alloc(4);
      index.writeUInt32LE(flow.sent);
      try {
        connection.send(index, { reliable: true });
        connection.send(index, { reliable: false });
        flow.sent++;
      } catch (error) {
        this.#errors.push(error);
      }
    }
  }

  async #read(connection: RelayConnection, flow: Flow): Promise<void> {
    for await (const { payload, reliable } of connection) {
      (reliable ? flow.reliable : flow.unreliable).push(Buffer.from(payload).readUInt32LE());
    }
  }
}
