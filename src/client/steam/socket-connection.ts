import { ConnectionState, applicationReason } from "../../protocol/index.ts";
import type { Message } from "../engine/connection-engine.ts";
import type { RelayConnection } from "../relay-connection.ts";
import type { ConfigOptions } from "./config-options.ts";
import {
  type ConnectionInfo,
  type LaneRealTimeStatus,
  type RealTimeStatus,
  connectionInfo,
  realTimeStatus,
  steamState,
} from "./connection-info.ts";
import { SteamConnectionState } from "./connection-states.ts";
import { cutText } from "./cut-text.ts";
import { Inbox } from "./inbox.ts";
import { MessageNumbers, type NetworkingMessage, networkingMessage, sendSteamMessage } from "./networking-message.ts";
import { Result } from "./result.ts";

const MAX_WEIGHT = 0xffff;

export interface StatusAnswer {
  readonly result: Result;
  readonly status?: RealTimeStatus;
  readonly lanes?: LaneRealTimeStatus[];
}

/** What a connection handle stands for: a RelayConnection, and what the application has attached to it. */
export class SocketConnection {
  readonly handle: number;
  readonly relay: RelayConnection;
  readonly listenSocket: number;
  readonly isSymmetric: boolean;
  /** Opened from here as well while it was pending. */
  isAnswered = false;
  state: SteamConnectionState;
  userData: bigint;
  name: string | undefined;
  /** Where its messages wait: its own or its poll group's. */
  inbox: Inbox;

  readonly #ownInbox = new Inbox();
  readonly #sent = new MessageNumbers();
  readonly #received = new MessageNumbers();
  #isAccepted = false;
  #endReason = 0;
  #endDebug = "";

  constructor(handle: number, relay: RelayConnection, listenSocket: number, options: ConfigOptions) {
    this.handle = handle;
    this.relay = relay;
    this.listenSocket = listenSocket;
    this.isSymmetric = options.symmetricConnect ?? false;
    this.userData = options.connectionUserData ?? -1n;
    this.state = steamState(relay);
    this.inbox = this.#ownInbox;
    relay.onMessage((message) => this.#deliver(message));
  }

  get info(): ConnectionInfo {
    const { userData, listenSocket, state, name } = this;
    return connectionInfo(this.relay, {
      userData,
      listenSocket,
      state,
      name,
      endReason: this.#endReason,
      endDebug: this.#endDebug,
    });
  }

  get isPending(): boolean {
    return this.relay.isIncoming && !this.#isAccepted && this.state === SteamConnectionState.Connecting;
  }

  /** Neither end has closed it, and nothing else has ended it. */
  get isOpen(): boolean {
    return this.state > SteamConnectionState.None && this.state < SteamConnectionState.ClosedByPeer;
  }

  /** The relay's connection has changed. */
  update(): void {
    const { ending } = this.relay;
    this.state = steamState(this.relay);
    if (ending) this.#ended(ending.reason, ending.debug);
  }

  accept(): Result {
    if (this.isPending) {
      this.#isAccepted = true;
      void this.relay.accept();
      return Result.OK;
    }
    const isAccepted = this.#isAccepted || this.state !== SteamConnectionState.Connecting;
    const isMutual = this.isSymmetric || this.isAnswered;
    return isMutual && isAccepted && this.isOpen ? Result.DuplicateRequest : Result.InvalidState;
  }

  /** The handle is void from now on. What ended a connection before stays the reason of its end. */
  close(reason: number, debug: string, linger: boolean): void {
    const valid = applicationReason(reason);
    const isReplaced = valid !== reason && reason !== 0;
    if (this.isOpen) this.#ended(valid, isReplaced ? "Invalid numeric reason code" : cutText(debug));
    this.state = SteamConnectionState.None;
    this.inbox.take(Infinity, this);
    void this.relay.close({ reason: this.#endReason, debug: this.#endDebug, linger: linger && !this.isSymmetric });
  }

  /** The message's number, or the negative result. */
  send(data: Uint8Array, flags: number, lane: number): bigint {
    if (!this.isOpen) return BigInt(-Result.NoConnection);
    // Closed behind our back, through the RelayConnection itself.
    if (this.relay.isLingering || this.relay.state === ConnectionState.Disconnecting)
      return BigInt(-Result.InvalidState);
    const { result, number } = sendSteamMessage(this.relay, data, flags, { lane });
    return result === Result.OK ? this.#sent.expand(lane, number) : BigInt(-result);
  }

  flush(): Result {
    if (!this.isOpen) return Result.NoConnection;
    if (this.state !== SteamConnectionState.Connected) return Result.Ignored;
    this.relay.flush();
    return Result.OK;
  }

  configureLanes(priorities: readonly number[], weights: readonly number[] = priorities.map(() => 1)): Result {
    if (!this.isOpen) return Result.InvalidState;
    const areWeights = weights.every((weight) => Number.isInteger(weight) && weight > 0 && weight <= MAX_WEIGHT);
    return areWeights && this.relay.configureLanes(priorities, weights) ? Result.OK : Result.InvalidParam;
  }

  realTimeStatus(laneCount: number): StatusAnswer {
    const lanes = this.relay.laneStatus();
    if (!(laneCount >= 0 && laneCount <= lanes.length)) return { result: Result.InvalidParam };
    const status = realTimeStatus(this.state, this.relay.status());
    return { result: Result.OK, status, lanes: lanes.slice(0, laneCount) };
  }

  /** Undefined: out of any poll group. */
  moveTo(group: Inbox | undefined): void {
    const from = this.inbox;
    this.inbox = group ?? this.#ownInbox;
    if (this.inbox !== from) this.inbox.moveFrom(from, this);
  }

  /** A message of the inbox, on its way to the application. */
  receive(message: Message): NetworkingMessage {
    this.relay.release(message);
    return networkingMessage(message, {
      connection: this.handle,
      connectionUserData: this.userData,
      peer: this.relay.peer,
      messageNumber: this.#received.expand(message.lane, message.number),
    });
  }

  #deliver(message: Message): void {
    if (this.state !== SteamConnectionState.None) this.inbox.push({ connection: this, message });
  }

  #ended(reason: number, debug: string): void {
    this.#endReason = reason;
    this.#endDebug = debug;
  }
}
