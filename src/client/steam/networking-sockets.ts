import { ConnectionType } from "../../protocol/index.ts";
import type { RelayClient } from "../relay-client.ts";
import type { Acceptor } from "../relay-options.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { TypedEvents } from "../typed-events.ts";
import { mustBePeer, mustBeUserData } from "./arguments.ts";
import { type ConfigOptions, TIMEOUT_INITIAL_MS, portOptions } from "./config-options.ts";
import type { ConnectionInfo } from "./connection-info.ts";
import { SteamConnectionState } from "./connection-states.ts";
import { Inbox } from "./inbox.ts";
import type { NetworkingMessage } from "./networking-message.ts";
import { post } from "./post.ts";
import { Result } from "./result.ts";
import { SocketConnection, type StatusAnswer } from "./socket-connection.ts";
import type {
  ConnectionHandle,
  ListenSocketHandle,
  NetworkingSocketsEvents,
  OutgoingMessage,
  PollGroupHandle,
} from "./sockets-types.ts";
import { unlessRefused } from "./unless-refused.ts";

/**
 * `ISteamNetworkingSockets` over a relay. Results and states are Steam's; docs/client.md names the differences.
 *
 * Each connection that comes in through a listen socket must be accepted or closed, and each handle be closed in the end,
 * also when the connection is over. Events follow the call that caused them.
 */
export class NetworkingSockets extends TypedEvents<NetworkingSocketsEvents> implements Disposable {
  readonly #relay: RelayClient;
  readonly #connections = new Map<ConnectionHandle, SocketConnection>();
  /** What stops each. */
  readonly #listenSockets = new Map<ListenSocketHandle, () => void>();
  readonly #pollGroups = new Map<PollGroupHandle, Inbox>();
  #lastHandle = 0;

  constructor(relay: RelayClient) {
    super();
    this.#relay = relay;
  }

  /** 0 if the port is taken or not an integer from 0 to 999. */
  createListenSocketP2P(virtualPort: number, options: ConfigOptions = {}): ListenSocketHandle {
    const socket = ++this.#lastHandle;
    const accept: Acceptor = (connection, isRepeated) => {
      if (!isRepeated) this.#add(connection, options, socket);
    };
    const stop = unlessRefused(() => this.#relay.onIncoming(portOptions(virtualPort, options), accept));
    if (!stop) return 0;
    this.#listenSockets.set(socket, stop);
    return socket;
  }

  /** Connections that came in through it are closed, without linger. */
  closeListenSocket(socket: ListenSocketHandle): boolean {
    const stop = this.#listenSockets.get(socket);
    if (!stop) return false;
    stop();
    this.#listenSockets.delete(socket);
    for (const { handle, listenSocket } of this.#connections.values()) {
      if (listenSocket === socket) this.closeConnection(handle, 0, "Listen socket closed");
    }
    return true;
  }

  /**
   * 0 if peer or port are invalid, or the client has left the relay. Two peers have one connection per port (rule C1): where
   * there is one, it is accepted if it is pending, or returned if `symmetricConnect`; otherwise 0.
   */
  connectP2P(peer: bigint, remoteVirtualPort: number, options: ConfigOptions = {}): ConnectionHandle {
    mustBePeer(peer);
    const existing = this.#relay.connections.find(
      (each) =>
        each.type === ConnectionType.NetworkingSockets &&
        each.peer === peer &&
        each.virtualPort === remoteVirtualPort &&
        !each.isLingering,
    );
    if (existing) return this.#connectAgain(existing, options);
    const { timeoutInitialMs: timeoutMs = TIMEOUT_INITIAL_MS } = options;
    const port = portOptions(remoteVirtualPort, options);
    const connection = unlessRefused(() => this.#relay.begin(peer, { ...port, timeoutMs }));
    return connection ? this.#add(connection, options, 0) : 0;
  }

  acceptConnection(connection: ConnectionHandle): Result {
    return this.#connections.get(connection)?.accept() ?? Result.InvalidParam;
  }

  /**
   * `reason`: 1000 to 1999 for a normal end, 2000 to 2999 for a failure; 0 is 1000. `enableLinger`: when Connected, what was
   * sent reliably is delivered first, for at most 5 s.
   */
  closeConnection(connection: ConnectionHandle, reason = 0, debug = "", enableLinger = false): boolean {
    const found = this.#connections.get(connection);
    if (!found) return false;
    this.#connections.delete(connection);
    const { state } = found;
    found.close(reason, debug, enableLinger);
    this.#changed(found, state);
    return true;
  }

  setConnectionUserData(connection: ConnectionHandle, data: bigint): boolean {
    mustBeUserData(data);
    const found = this.#connections.get(connection);
    if (found) found.userData = data;
    return found !== undefined;
  }

  getConnectionUserData(connection: ConnectionHandle): bigint {
    return this.#connections.get(connection)?.userData ?? -1n;
  }

  /** For `description`, and so for logs. */
  setConnectionName(connection: ConnectionHandle, name: string): void {
    const found = this.#connections.get(connection);
    if (found) found.name = name;
  }

  getConnectionName(connection: ConnectionHandle): string | undefined {
    return this.#connections.get(connection)?.name;
  }

  /** On lane 0. `messageNumber` is 0n unless the result is OK. */
  sendMessageToConnection(
    connection: ConnectionHandle,
    data: Uint8Array,
    flags: number,
  ): { result: Result; messageNumber: bigint } {
    const sent = this.#send({ connection, data, flags });
    if (sent > 0n) return { result: Result.OK, messageNumber: sent };
    return { result: Number(-sent) as Result, messageNumber: 0n };
  }

  /**
   * For each its message number, or the negative result. After a failure the rest for that connection is not attempted,
   * and gets 0n.
   */
  sendMessages(messages: readonly OutgoingMessage[]): bigint[] {
    const failed = new Set<ConnectionHandle>();
    return messages.map((message) => {
      if (failed.has(message.connection)) return 0n;
      const sent = this.#send(message);
      if (sent < 0n) failed.add(message.connection);
      return sent;
    });
  }

  /** Sends what waits for others to share a packet with. */
  flushMessagesOnConnection(connection: ConnectionHandle): Result {
    return this.#connections.get(connection)?.flush() ?? Result.InvalidParam;
  }

  /** Undefined for an invalid handle. What arrived before a connection was over can be taken until it is closed. */
  receiveMessagesOnConnection(connection: ConnectionHandle, max: number): NetworkingMessage[] | undefined {
    const found = this.#connections.get(connection);
    return found?.inbox.receive(max, found);
  }

  getConnectionInfo(connection: ConnectionHandle): ConnectionInfo | undefined {
    return this.#connections.get(connection)?.info;
  }

  /** Of the connection and its first `laneCount` lanes. */
  getConnectionRealTimeStatus(connection: ConnectionHandle, laneCount = 0): StatusAnswer {
    return this.#connections.get(connection)?.realTimeStatus(laneCount) ?? { result: Result.NoConnection };
  }

  /**
   * Lane i gets `priorities[i]`, lower being strictly first, and `weights[i]` (1 to 65535; default: all alike) among those of
   * the same priority. At most 255 lanes, which can be added, and not removed. They are for sending; the peer needs none.
   */
  configureConnectionLanes(
    connection: ConnectionHandle,
    priorities: readonly number[],
    weights?: readonly number[],
  ): Result {
    return this.#connections.get(connection)?.configureLanes(priorities, weights) ?? Result.NoConnection;
  }

  createPollGroup(): PollGroupHandle {
    this.#pollGroups.set(++this.#lastHandle, new Inbox());
    return this.#lastHandle;
  }

  /** Its connections stay, in no group. */
  destroyPollGroup(group: PollGroupHandle): boolean {
    const inbox = this.#pollGroups.get(group);
    for (const connection of this.#connections.values()) if (connection.inbox === inbox) connection.moveTo(undefined);
    return this.#pollGroups.delete(group);
  }

  /** What waits to be taken moves with the connection. Group 0: none. */
  setConnectionPollGroup(connection: ConnectionHandle, group: PollGroupHandle): boolean {
    const found = this.#connections.get(connection);
    const inbox = this.#pollGroups.get(group);
    if (!found || (!inbox && group !== 0)) return false;
    found.moveTo(inbox);
    return true;
  }

  /** In the order of arrival. Undefined for an invalid handle. */
  receiveMessagesOnPollGroup(group: PollGroupHandle, max: number): NetworkingMessage[] | undefined {
    return this.#pollGroups.get(group)?.receive(max);
  }

  /** Closes all that was opened here. The relay's client stays. */
  close(): void {
    for (const socket of this.#listenSockets.keys()) this.closeListenSocket(socket);
    for (const connection of this.#connections.keys()) this.closeConnection(connection);
    this.#pollGroups.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** 0 also for one that was opened through the client, past this class. */
  #connectAgain(existing: RelayConnection, { symmetricConnect = false }: ConfigOptions): ConnectionHandle {
    const connection = [...this.#connections.values()].find(({ relay }) => relay === existing);
    if (!connection || !(connection.isPending || symmetricConnect)) return 0;
    connection.isAnswered = true;
    connection.accept();
    return connection.handle;
  }

  #add(relay: RelayConnection, options: ConfigOptions, listenSocket: ListenSocketHandle): ConnectionHandle {
    const connection = new SocketConnection(++this.#lastHandle, relay, listenSocket, options);
    const { handle } = connection;
    this.#connections.set(handle, connection);
    const update = (): void => {
      const { state } = connection;
      if (state === SteamConnectionState.None) return; // closed here, and told
      connection.update();
      if (connection.state !== state) this.#changed(connection, state);
    };
    relay.addEventListener("statechange", update);
    relay.addEventListener("pathchange", update);
    this.#changed(connection, SteamConnectionState.None);
    return handle;
  }

  #changed({ handle, info }: SocketConnection, oldState: SteamConnectionState): void {
    const detail = Object.freeze({ connection: handle, info: Object.freeze(info), oldState });
    post<NetworkingSocketsEvents, "connectionStatusChanged">(this, "connectionStatusChanged", detail);
  }

  #send({ connection, data, flags, lane = 0 }: OutgoingMessage): bigint {
    return this.#connections.get(connection)?.send(data, flags, lane) ?? BigInt(-Result.InvalidParam);
  }
}
