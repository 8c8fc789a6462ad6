import { ConnectionType } from "../../protocol/index.ts";
import type { RelayClient } from "../relay-client.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { TypedEvents } from "../typed-events.ts";
import { isChannel, mustBeBytes, mustBePeer } from "./arguments.ts";
import type { Unread } from "./channel-queues.ts";
import { ChannelSessions, type Session } from "./channel-sessions.ts";
import {
  type ConnectionInfo,
  type RealTimeStatus,
  connectionInfo,
  realTimeStatus,
  steamState,
} from "./connection-info.ts";
import { SteamConnectionState } from "./connection-states.ts";
import { IdleTimer } from "./idle-timer.ts";
import {
  MAX_MESSAGE_SIZE,
  MessageNumbers,
  type NetworkingMessage,
  networkingMessage,
  sendSteamMessage,
} from "./networking-message.ts";
import { post } from "./post.ts";
import { Result } from "./result.ts";
import { SendFlag } from "./send-flags.ts";

export interface NetworkingMessagesEvents {
  /** `SteamNetworkingMessagesSessionRequest_t`: accept, send, close, or decline by doing nothing. */
  sessionRequest: { readonly peer: bigint };
  /** `SteamNetworkingMessagesSessionFailed_t` */
  sessionFailed: { readonly info: ConnectionInfo };
}

export interface NetworkingMessagesOptions {
  /** A session that is not used for this long ends. Default: Steam's 3 minutes. */
  readonly idleTimeoutMs?: number;
}

/** `GetSessionConnectionInfo` */
export interface SessionConnectionInfo {
  readonly state: SteamConnectionState;
  readonly info?: ConnectionInfo;
  readonly status?: RealTimeStatus;
}

const IDLE_TIMEOUT_MS = 3 * 60 * 1000;
/** `k_ESteamNetConnectionEnd_P2P_SessionIdleTimeout` */
const SESSION_IDLE_TIMEOUT = 1002;

/**
 * `ISteamNetworkingMessages` over a relay: messages to users, UDP style. There is no connecting and no success event;
 * the first message opens a session, and sending to who asked for one accepts it.
 *
 * While a session is not connected every message is made reliable, and waits in its send buffer (512 KiB, then
 * `LimitExceeded`); neither the relay nor the other end holds anything of it. After that, reliable messages from one user
 * on one channel arrive once and in order. What is not read fills the session's receive buffer (1 MiB; 1000 messages, then
 * unreliable ones are dropped), and then holds up its sender.
 *
 * There can be one of these for each RelayClient: the second throws RelayError `port_in_use`.
 */
export class NetworkingMessages extends TypedEvents<NetworkingMessagesEvents> implements Disposable {
  readonly #sessions: ChannelSessions;
  readonly #idle: IdleTimer;
  readonly #numbers = new WeakMap<RelayConnection, MessageNumbers>();

  constructor(relay: RelayClient, { idleTimeoutMs = IDLE_TIMEOUT_MS }: NetworkingMessagesOptions = {}) {
    super();
    this.#sessions = new ChannelSessions(
      relay,
      ConnectionType.NetworkingMessages,
      { forceReliable: true },
      {
        requested: (peer) => this.#requested(peer),
        ended: (session, hasFailed) => this.#ended(session, hasFailed),
      },
    );
    this.#idle = new IdleTimer(this.#sessions, idleTimeoutMs, (peer) =>
      this.#sessions.end(peer, SESSION_IDLE_TIMEOUT, "Session Idle Timeout"),
    );
  }

  /**
   * - `InvalidParam`: no such peer or channel, or more than 512 KiB
   * - `ConnectFailed`: the session has failed. Close it, or send with `AutoRestartBrokenSession`
   * - `LimitExceeded`: the send buffer is full
   * - `Ignored`: `NoDelay`, and it could not have left about now
   * - `NoConnection`: the client has left the relay
   */
  sendMessageToUser(peer: bigint, data: Uint8Array, flags: number, remoteChannel: number): Result {
    mustBePeer(peer);
    mustBeBytes(data);
    if (!this.#sessions.canReach(peer) || !isChannel(remoteChannel)) return Result.InvalidParam;
    if (data.length > MAX_MESSAGE_SIZE) return Result.InvalidParam;
    const isBroken = this.#sessions.find(peer)?.connection.ending !== undefined;
    if (isBroken && (flags & SendFlag.AutoRestartBrokenSession) === 0) return Result.ConnectFailed;
    const session = this.#sessions.open(peer);
    if (!session) return Result.NoConnection;
    this.#idle.update();
    return sendSteamMessage(session.connection, data, flags, { channel: remoteChannel }).result;
  }

  /** Takes up to `max` messages, of all users in the order of their arrival. */
  receiveMessagesOnChannel(localChannel: number, max: number): NetworkingMessage[] {
    const messages: NetworkingMessage[] = [];
    while (messages.length < max) {
      const unread = this.#sessions.queues.take(localChannel);
      if (!unread) break;
      messages.push(this.#message(unread));
    }
    return messages;
  }

  /** False when there is no session, or it has failed. */
  acceptSessionWithUser(peer: bigint): boolean {
    mustBePeer(peer);
    return this.#sessions.accept(peer) !== undefined;
  }

  /**
   * Declines a request, ends a session or forgets one that has failed, and discards what was not read. The other user is not
   * told. Unlike Steam's, this delivers what was sent reliably before (for up to 5 s, unless something is sent again).
   */
  closeSessionWithUser(peer: bigint): boolean {
    mustBePeer(peer);
    const isClosed = this.#sessions.close(peer);
    this.#idle.update();
    return isClosed;
  }

  /** Discards what was not read on it. False when nothing has been received on it. With the last channel the session closes. */
  closeChannelWithUser(peer: bigint, localChannel: number): boolean {
    mustBePeer(peer);
    const isClosed = this.#sessions.closeChannel(peer, localChannel);
    this.#idle.update();
    return isClosed;
  }

  /** The state is None when there is no session. */
  getSessionConnectionInfo(peer: bigint): SessionConnectionInfo {
    mustBePeer(peer);
    const connection = this.#sessions.find(peer)?.connection;
    if (!connection) return { state: SteamConnectionState.None };
    const info = describe(connection);
    return { state: info.state, info, status: realTimeStatus(info.state, connection.status()) };
  }

  /** Closes all sessions, and lets go of the relay. */
  close(): void {
    this.#sessions.closeAll();
    this.#idle.update();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requested(peer: bigint): void {
    this.#idle.update();
    post<NetworkingMessagesEvents, "sessionRequest">(this, "sessionRequest", { peer });
  }

  #ended({ connection }: Session, hasFailed: boolean): void {
    this.#idle.update();
    if (hasFailed)
      post<NetworkingMessagesEvents, "sessionFailed">(this, "sessionFailed", { info: describe(connection) });
  }

  #message({ connection, message }: Unread): NetworkingMessage {
    let numbers = this.#numbers.get(connection);
    if (!numbers) this.#numbers.set(connection, (numbers = new MessageNumbers()));
    return networkingMessage(message, {
      connection: 0,
      connectionUserData: -1n,
      peer: connection.peer,
      messageNumber: numbers.expand(message.lane, message.number),
    });
  }
}

function describe(connection: RelayConnection): ConnectionInfo {
  const { reason = 0, debug = "" } = connection.ending ?? {};
  return connectionInfo(connection, {
    userData: -1n,
    listenSocket: 0,
    state: steamState(connection),
    endReason: reason,
    endDebug: debug,
  });
}
