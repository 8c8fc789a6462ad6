import type { ConnectionType } from "../protocol/index.ts";
import type { RelayConnection } from "./relay-connection.ts";

/**
 * The connections of one client: by handle for frames, by key for the rule that two peers have one connection per type
 * and port (C1), and by request while the relay has not named them yet.
 */
export class ConnectionTable {
  readonly #byHandle = new Map<number, RelayConnection>();
  readonly #byKey = new Map<string, RelayConnection>();
  readonly #byRequest = new Map<number, RelayConnection>();
  #nextRequest = 1;

  /** All connections that are not over. */
  values(): IterableIterator<RelayConnection> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  find(peer: bigint, type: ConnectionType, virtualPort: number | undefined): RelayConnection | undefined {
    return this.#byKey.get(keyOf(peer, type, virtualPort));
  }

  withHandle(handle: number): RelayConnection | undefined {
    return this.#byHandle.get(handle);
  }

  /** A connection that this client asks for. Returns the request's number. */
  addRequested(connection: RelayConnection): number {
    const request = this.#nextRequest;
    this.#nextRequest = request === 0xffff_ffff ? 1 : request + 1;
    this.#byRequest.set(request, connection);
    this.#byKey.set(keyOf(connection.peer, connection.type, connection.virtualPort), connection);
    return request;
  }

  addNamed(connection: RelayConnection, handle: number, id: bigint): void {
    connection.named(handle, id);
    this.#byHandle.set(handle, connection);
    this.#byKey.set(keyOf(connection.peer, connection.type, connection.virtualPort), connection);
  }

  /** The connection that a request was for, which is answered now; undefined when it is over already. */
  takeRequested(request: number): RelayConnection | undefined {
    const connection = this.#byRequest.get(request);
    this.#byRequest.delete(request);
    return connection;
  }

  /** Requests that are not answered yet. */
  get requests(): number {
    return this.#byRequest.size;
  }

  /** The socket that they were sent on is gone, and their answers with it. */
  clearRequests(): void {
    this.#byRequest.clear();
  }

  remove(connection: RelayConnection): void {
    if (this.#byHandle.get(connection.handle) === connection) this.#byHandle.delete(connection.handle);
    const key = keyOf(connection.peer, connection.type, connection.virtualPort);
    if (this.#byKey.get(key) === connection) this.#byKey.delete(key);
  }
}

function keyOf(peer: bigint, type: ConnectionType, virtualPort: number | undefined): string {
  return `${peer}/${type}/${virtualPort ?? ""}`;
}
