import { createApp } from "../../http/app.ts";
import { problem } from "../../http/problem.ts";
import { MAX_BATCH } from "../../protocol/index.ts";
import type { Log } from "../../relay/ports.ts";
import type { StandaloneConfiguration } from "./configuration.ts";
import { type RoomDatabases, openDatabases } from "./databases.ts";
import { packagePages } from "./pages.ts";
import { Rooms } from "./rooms.ts";
import type { Upgraded } from "./upgraded.ts";

/**
 * The largest WebSocket message that a runtime takes in; it closes the socket of a larger one by itself, with 1009. Above
 * the protocol's limit, so that who is only a little over it is told by an error frame (rule P7).
 */
export const MAX_MESSAGE = MAX_BATCH + 64 * 1024;

/** The whole relay but for its sockets: the same HTTP app as on Cloudflare, before rooms in this process. */
export class StandaloneRelay {
  readonly #configuration: StandaloneConfiguration;
  readonly #rooms: Rooms;
  readonly #app: ReturnType<typeof createApp>;
  readonly #clients = new WeakMap<Request, string>();

  /** Throws DatabaseError. */
  constructor(runtime: string, configuration: StandaloneConfiguration, log: Log) {
    this.#configuration = configuration;
    const databases: RoomDatabases = openDatabases(configuration.database);
    this.#rooms = new Rooms({ databases, settingsFor: configuration.settingsFor, log });
    const pages = packagePages();
    this.#app = createApp({
      runtime,
      rooms: () => this.#rooms,
      pages: () => pages,
      geo: () => ({}),
      address: (request) => this.#clients.get(request),
      now: () => Date.now(),
      log,
    });
    this.#rooms.restore();
  }

  /**
   * Answers a request, or says for whom it is to be upgraded. What is offered has been checked then. `remote`: the other
   * end of the TCP connection.
   */
  async answer(request: Request, remote: string | undefined): Promise<Response | Upgraded> {
    const { trustedProxies, environment } = this.#configuration;
    const client = trustedProxies.clientOf(remote, request.headers.get("x-forwarded-for"));
    if (client !== undefined) this.#clients.set(request, client);
    const response = await this.#app.fetch(request, environment);
    return this.#rooms.takeAdmitted(request) ?? response;
  }

  drain(reconnectAfterMs: number): number {
    return this.#rooms.drain(reconnectAfterMs);
  }

  close(): void {
    this.#rooms.close();
  }
}

/** For a request that asks for an upgrade, and is let in, but is no WebSocket handshake. */
export function noHandshake(): Response {
  return problem("upgrade_required", "this asks for an upgrade, but is no WebSocket handshake");
}
