import { ConnectionState, ConnectionType, DataFlag, parsePeerId } from "../../protocol/index.ts";
import type { RelayClient } from "../relay-client.ts";
import { TypedEvents } from "../typed-events.ts";
import { isChannel, mustBeBytes, mustBePeer } from "./arguments.ts";
import { ChannelSessions, type Session } from "./channel-sessions.ts";
import { MAX_RELIABLE_P2P_PACKET, MAX_UNRELIABLE_P2P_PACKET, P2PSend, P2PSessionError } from "./legacy-constants.ts";
import { post } from "./post.ts";

export interface P2PNetworkingEvents {
  /** `P2PSessionRequest_t`: accept, send, close, or decline by doing nothing. */
  p2pSessionRequest: { readonly peer: bigint };
  /** `P2PSessionConnectFail_t`: what was queued is dropped; sending tries again. */
  p2pSessionConnectFail: { readonly peer: bigint; readonly error: P2PSessionError };
}

/** `P2PSessionState_t` */
export interface P2PSessionState {
  readonly connectionActive: boolean;
  readonly connecting: boolean;
  /** Of the last attempt; None again as soon as something is sent. */
  readonly sessionError: P2PSessionError;
  /** Always: there is no other way. */
  readonly usingRelay: boolean;
  /** What has not left yet. */
  readonly bytesQueuedForSend: number;
  readonly packetsQueuedForSend: number;
  /** Never known. */
  readonly remoteIP: 0;
  readonly remotePort: 0;
}

export interface P2PPacket {
  readonly data: Uint8Array;
  readonly peer: bigint;
}

const SEGMENT_SIZE = 16 * 1024;
const BUFFER_SIZE = 2 * MAX_RELIABLE_P2P_PACKET;
const TUNING = {
  maxMessageSize: MAX_RELIABLE_P2P_PACKET,
  sendBufferSize: BUFFER_SIZE,
  receiveBufferSize: BUFFER_SIZE,
  segmentSize: SEGMENT_SIZE,
  nagleMs: 200,
  // Steam keeps Unreliable packets until the session is open, where a connection of ours would drop them.
  forceReliable: true,
};
/** By `P2PSend`. */
const FLAGS = [
  DataFlag.NoNagle,
  DataFlag.NoNagle | DataFlag.NoDelay,
  DataFlag.NoNagle | DataFlag.Reliable,
  DataFlag.Reliable,
] as const;

/**
 * The P2P packets of `ISteamNetworking` over a relay. A session with another user opens by sending to it, and is accepted
 * by sending back. All channels share it.
 *
 * Before a session is open, packets wait in its send buffer (2 MiB, then sending fails), but for UnreliableNoDelay, which is
 * dropped; neither the relay nor the other end holds anything of it. What is not read fills the session's receive buffer
 * (2 MiB; 1000 packets, then unreliable ones are dropped), and then holds up its sender.
 *
 * There can be one of these for each RelayClient: the second throws RelayError `port_in_use`.
 */
export class P2PNetworking extends TypedEvents<P2PNetworkingEvents> implements Disposable {
  readonly #sessions: ChannelSessions;
  readonly #segmentSize: number;
  /** Frames that were given to each session's connection, to be held against those that have left. */
  readonly #frames = new WeakMap<Session, number>();
  /** Who was sent to while `allowP2PPacketRelay(false)`. */
  readonly #unreachable = new Set<bigint>();
  #isRelayAllowed = true;

  constructor(relay: RelayClient) {
    super();
    this.#segmentSize = Math.min(SEGMENT_SIZE, relay.limits.maxPayload);
    this.#sessions = new ChannelSessions(relay, ConnectionType.NetworkPb, TUNING, {
      requested: (peer) => this.#requested(peer),
      ended: ({ connection }, hasFailed) => {
        if (hasFailed) this.#failed(connection.peer);
      },
    });
  }

  /** False when it is too large (1200 bytes; 1 MiB if reliable), its target cannot be, or too much is queued already. */
  sendP2PPacket(peer: bigint, data: Uint8Array, sendType: P2PSend, channel = 0): boolean {
    mustBePeer(peer);
    mustBeBytes(data);
    const flags = FLAGS[sendType];
    if (flags === undefined || !this.#sessions.canReach(peer) || !isChannel(channel)) return false;
    if (data.length > (flags & DataFlag.Reliable ? MAX_RELIABLE_P2P_PACKET : MAX_UNRELIABLE_P2P_PACKET)) return false;
    if (!this.#isRelayAllowed && !isOpen(this.#sessions.find(peer))) return this.#dropUnreachable(peer);
    const session = this.#sessions.open(peer);
    if (!session) return false;
    session.channels.add(channel);
    return this.#send(session, data, flags, channel);
  }

  /** The size of the next packet; undefined when there is none. */
  isP2PPacketAvailable(channel = 0): number | undefined {
    return this.#sessions.queues.peek(channel)?.message.payload.length;
  }

  /** Takes the next packet, if there is one. What does not fit `dest` is lost; `size` is what was written. */
  readP2PPacket(dest: Uint8Array, channel = 0): { readonly size: number; readonly peer: bigint } | undefined {
    mustBeBytes(dest);
    const packet = this.readWholeP2PPacket(channel);
    if (!packet) return undefined;
    const fitting = packet.data.subarray(0, dest.length);
    dest.set(fitting);
    return { size: fitting.length, peer: packet.peer };
  }

  readWholeP2PPacket(channel = 0): P2PPacket | undefined {
    const unread = this.#sessions.queues.take(channel);
    return unread && { data: unread.message.payload, peer: unread.connection.peer };
  }

  /** Answers a request. May be called any number of times; false only for what can be no peer. */
  acceptP2PSessionWithUser(peer: bigint): boolean {
    mustBePeer(peer);
    this.#sessions.accept(peer);
    return parsePeerId(peer) !== undefined;
  }

  /**
   * Declines a request or ends a session, and discards what was not read. When the other user sends again, it asks again.
   * Unlike Steam's, this delivers what was sent reliably before (for up to 5 s, unless something is sent again): a
   * goodbye arrives. False when there was nothing to close.
   */
  closeP2PSessionWithUser(peer: bigint): boolean {
    mustBePeer(peer);
    const wasUnreachable = this.#unreachable.delete(peer);
    return this.#sessions.close(peer) || wasUnreachable;
  }

  /** False when nothing has been sent or received on it. With the last channel the session closes. */
  closeP2PChannelWithUser(peer: bigint, channel: number): boolean {
    mustBePeer(peer);
    return this.#sessions.closeChannel(peer, channel);
  }

  /** Undefined without a session; a request that is not accepted is none. */
  getP2PSessionState(peer: bigint): P2PSessionState | undefined {
    mustBePeer(peer);
    const session = this.#sessions.find(peer);
    const isUnreachable = this.#unreachable.has(peer);
    if (!session?.isWanted && !isUnreachable) return undefined;
    const state = session?.connection.state;
    const isBroken = isUnreachable || state === ConnectionState.Closed;
    return {
      connectionActive: state === ConnectionState.Connected,
      connecting: state === ConnectionState.Connecting,
      sessionError: isBroken ? P2PSessionError.Timeout : P2PSessionError.None,
      usingRelay: true,
      ...this.#queued(session),
      remoteIP: 0,
      remotePort: 0,
    };
  }

  /**
   * Steam: whether a relay may be used where no direct way is found. Here there is no direct way, so without it every new
   * session fails, whoever asks for it; those that are open stay. Always true.
   */
  allowP2PPacketRelay(allow: boolean): boolean {
    this.#isRelayAllowed = allow;
    if (allow) this.#unreachable.clear();
    return true;
  }

  /** Closes all sessions, and lets go of the relay. */
  close(): void {
    this.#sessions.closeAll();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(session: Session, data: Uint8Array, flags: number, channel: number): boolean {
    const { connection } = session;
    const isConnected = connection.state === ConnectionState.Connected;
    if (!isConnected && (flags & DataFlag.NoDelay) !== 0) return true;
    const sent = connection.trySend(data, { flags, channel });
    if (!sent.ok) return sent.reason === "Ignored";
    // What is sent before the session is open loses its NoNagle, and would wait its 200 ms.
    if (!isConnected && (flags & DataFlag.NoNagle) !== 0) connection.flush();
    const frames = Math.max(1, Math.ceil(data.length / this.#segmentSize));
    this.#frames.set(session, frames + (this.#frames.get(session) ?? 0));
    return true;
  }

  #queued(session: Session | undefined): Pick<P2PSessionState, "bytesQueuedForSend" | "packetsQueuedForSend"> {
    if (!isOpen(session)) return { bytesQueuedForSend: 0, packetsQueuedForSend: 0 };
    const { pendingReliable, pendingUnreliable } = session.connection.status();
    const { framesSent, framesResent, unsent } = session.connection.engine.counters;
    return {
      bytesQueuedForSend: pendingReliable + pendingUnreliable,
      packetsQueuedForSend: (this.#frames.get(session) ?? 0) - (framesSent - framesResent) - unsent,
    };
  }

  #requested(peer: bigint): void {
    if (this.#isRelayAllowed) post<P2PNetworkingEvents, "p2pSessionRequest">(this, "p2pSessionRequest", { peer });
    else this.#sessions.close(peer);
  }

  /** Absent, unwilling and lost peers look alike: Steam never sends the other codes either. */
  #failed(peer: bigint): void {
    const error = P2PSessionError.Timeout;
    post<P2PNetworkingEvents, "p2pSessionConnectFail">(this, "p2pSessionConnectFail", { peer, error });
  }

  /** Taken, and never arrives, as Steam does it. Told once. */
  #dropUnreachable(peer: bigint): boolean {
    if (!this.#unreachable.has(peer)) this.#failed(peer);
    this.#unreachable.add(peer);
    return true;
  }
}

function isOpen(session: Session | undefined): session is Session {
  return session !== undefined && !session.connection.ending;
}
