import {
  type AppId,
  type ConnectionId,
  ConnectionState,
  type ConnectionType,
  type Handle,
  type Path,
  type PeerId,
} from "../protocol/index.ts";
import type { ConnectionRates } from "./limits/rates.ts";
import type { ConnectionQuality } from "./quality.ts";
import type { Session } from "./sessions/session.ts";
import type { Trunk } from "./trunk/trunk.ts";

/** The record as the manager holds it. Everyone else sees it as `P2PConnection`. */
export interface ConnectionRecord {
  readonly connectionId: ConnectionId;
  readonly handle: Handle;
  /** Who asked for the connection. */
  readonly fromPeerId: PeerId;
  readonly toPeerId: PeerId;
  readonly appId: AppId;
  readonly type: ConnectionType;
  state: ConnectionState;
  /** ms */
  readonly created: number;
  /** ms of becoming Connected, and Disconnecting; undefined before, and where it was not noted. */
  connectedAt: number | undefined;
  disconnectingAt: number | undefined;
  /** ms of the last packet, or of becoming Connected, or of creation. */
  lastActivity: number;
  packetsRelayed: number;
  bytesRelayed: number;
  /** Part of the connection's key in the families that have ports. */
  readonly virtualPort: number | undefined;
  /** The channel of the first message, in the families that have channels. */
  readonly channel: number | undefined;
  /** ms by which Connecting or Disconnecting must be over; without it only the idle timeout ends the connection. */
  deadline: number | undefined;
  /** The end reason that Disconnecting leads to. */
  pendingReason: number | undefined;
  /** Who began to disconnect. */
  pendingBy: PeerId | undefined;
  /** The other end refused; the initiator, a stranger to it, learns of it when the connect timeout ends (rule C6). */
  isRefused: boolean;
  /** The end that is in another room, which holds the other half (trunk/); undefined where both are here. */
  farPeer: PeerId | undefined;
  /** That room's name; "" for the app's own. */
  farRoom: string | undefined;
  /** The handle of its half; undefined until it has said. */
  farHandle: number | undefined;
  /** The way there. Undefined too once the other half knows that this one is over. */
  trunk: Trunk | undefined;
  /** How often each end has moved from one shard to another (shards/): of two rooms that both have it, the later one is right. */
  fromMoves: number;
  toMoves: number;
  /** Whether frames reach the far end, as its room said last. */
  farPath: Path;
  /** The other half is known to be Connected. */
  isFarConnected: boolean;
  /** Its other half is told that one of them has moved, and has not answered: until then it may be unknown there. */
  isMoved: boolean;
  /** The far end asked for it, with a ticket that may learn of refusals. */
  isFarVisible: boolean;
  /** Which counter flush last saw this record change (see RoomCounters). */
  dirtyMark: number;
  /** The sessions of its two ends as they were last seen (ends.ts). */
  fromSession: Session | undefined;
  toSession: Session | undefined;
  /** What each end has sent, where there is a limit on it (limiting.ts). */
  rates: ConnectionRates | undefined;
  /** What each end has said of it (quality.ts): in memory only. */
  quality: ConnectionQuality | undefined;
}

/** A tracked connection between two peers. Live: its state and counters move on; close it through the manager. */
export type P2PConnection = Readonly<ConnectionRecord>;

/** The lifecycle: what may follow each state (rule C2). */
const NEXT_STATES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  [ConnectionState.Connecting]: [ConnectionState.Connected, ConnectionState.Disconnecting, ConnectionState.Closed],
  [ConnectionState.Connected]: [ConnectionState.Disconnecting, ConnectionState.Closed],
  [ConnectionState.Disconnecting]: [ConnectionState.Closed],
  [ConnectionState.Closed]: [],
};

export function mayFollow(from: ConnectionState, to: ConnectionState): boolean {
  return NEXT_STATES[from].includes(to);
}

export function otherEnd(connection: P2PConnection, peer: PeerId): PeerId | undefined {
  if (peer === connection.fromPeerId) return connection.toPeerId;
  if (peer === connection.toPeerId) return connection.fromPeerId;
  return undefined;
}
