/** What the routes need of the runtime they are served by. */
import type { AppId, ConnectionId, PeerId, RoomName } from "../protocol/index.ts";
import type { Ban, BanKind, BanPage } from "../relay/limits/bans.ts";
import type { ConnectionView } from "../relay/connection-view.ts";
import type { Admission, Log } from "../relay/ports.ts";
import type { RoomStatistics } from "../relay/room.ts";

/** Without a room it is the app's own: one per app. */
export interface RoomAddress {
  readonly app: AppId;
  readonly room: RoomName | undefined;
}

/** Where a client is, as far as the edge can tell. Anything may be unknown. */
export interface ClientGeo {
  readonly colo?: string | undefined;
  readonly country?: string | undefined;
  readonly continent?: string | undefined;
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}

export interface RoomAdmin {
  statistics(): Promise<RoomStatistics>;
  /** In order of creation, those with a handle above `after`. */
  connections(page: { after: number; limit: number }): Promise<ConnectionView[]>;
  connection(id: ConnectionId): Promise<ConnectionView | undefined>;
  connectionsOfPeer(peer: PeerId): Promise<ConnectionView[]>;
  /** False when there is no such connection. */
  closeConnection(id: ConnectionId): Promise<boolean>;
  /** False when the peer is not in the room. */
  kick(peer: PeerId): Promise<boolean>;
  /** In order of kind and subject. */
  bans(page: BanPage): Promise<Ban[]>;
  /** With how many sockets it ended; undefined when the room has as many bans as it may have. */
  ban(ban: Omit<Ban, "created">): Promise<{ ban: Ban; ended: number } | undefined>;
  /** False when there is no such ban. */
  unban(kind: BanKind, subject: string): Promise<boolean>;
  /** Closes all sockets, whose clients are told to come back. Returns how many. */
  drain(reconnectAfterMs: number): Promise<number>;
}

export interface RoomGateway {
  /** Hands the upgrade to the room. The request's ticket has been verified and must not travel further. */
  join(address: RoomAddress, admission: Admission, request: Request, geo: ClientGeo): Promise<Response>;
  /** What `join` would be refused with just now, if at all. Opens nothing and counts nothing. */
  refusal(address: RoomAddress, admission: Admission): Promise<Response | undefined>;
  admin(address: RoomAddress): RoomAdmin;
}

/** The configuration as the platform has it: environment variables and secrets. */
export interface RelayEnvironment {
  readonly TICKET_SECRET?: string | undefined;
  readonly TICKET_KEYS?: string | undefined;
  readonly ADMIN_TOKEN?: string | undefined;
  readonly APP_SETTINGS?: string | undefined;
}

export interface Platform<Env extends RelayEnvironment> {
  readonly runtime: string;
  rooms(env: Env): RoomGateway;
  /** Injectable: tests and runtimes without an edge say where a client is, or nothing. */
  geo(request: Request): ClientGeo;
  /** The client's IP address, which it must not be able to choose; undefined where the platform does not know it. */
  address(request: Request): string | undefined;
  now(): number;
  readonly log: Log;
}
