/** The other end of all visits: greets on port 5, and on port 6 sends back what it is sent. */
import { createHash } from "node:crypto";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { testTicket } from "../support/tickets.ts";

const HOST = 4242n;

export class EchoHost {
  readonly #client: RelayClient;
  /** SHA-256 of the file that each peer has sent. */
  readonly hashes = new Map<bigint, string>();

  private constructor(client: RelayClient) {
    this.#client = client;
    void this.#acceptAll(5, (connection) => this.#greet(connection));
    void this.#acceptAll(6, (connection) => this.#echo(connection));
  }

  static async join(url: string): Promise<EchoHost> {
    return new EchoHost(await connect({ url, app: 480, ticket: await testTicket({ peer: HOST }) }));
  }

  get peer(): bigint {
    return this.#client.peer;
  }

  async leave(): Promise<void> {
    await this.#client.close();
  }

  async #acceptAll(virtualPort: number, serve: (connection: RelayConnection) => Promise<void>): Promise<void> {
    for await (const connection of this.#client.listen({ virtualPort })) {
      await connection.accept();
      void serve(connection);
    }
  }

  async #greet(connection: RelayConnection): Promise<void> {
    for await (const _ of connection) connection.send("welcome, package");
  }

  async #echo(connection: RelayConnection): Promise<void> {
    const hash = createHash("sha256");
    for await (const { payload } of connection) {
      hash.update(payload);
      this.hashes.set(connection.peer, hash.copy().digest("hex"));
      await connection.write(payload);
    }
  }
}
