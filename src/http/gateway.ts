/** What the routes need of the runtime they are served by. */
import type { AppId, PeerId, RoomName } from "../protocol/index.ts";
import type { RoomAdmin } from "../relay/operations/index.ts";
import type { Announced } from "../relay/directory/announcing.ts";
import type { Listing } from "../relay/directory/lobby.ts";
import type { RelayDirectory } from "../relay/directory/report.ts";
import type { Admission, Log } from "../relay/ports.ts";
import type { PageFiles } from "./pages.ts";

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

export interface RoomGateway {
  /** Hands the upgrade to the room. The request's ticket has been verified and must not travel further. */
  join(address: RoomAddress, admission: Admission, request: Request, geo: ClientGeo): Promise<Response>;
  /** What `join` would be refused with just now, if at all. Opens nothing and counts nothing. */
  refusal(address: RoomAddress, admission: Admission, geo: ClientGeo): Promise<Response | undefined>;
  /** Where the room was created; undefined where that is not known. One that is new is created where `join` would. */
  region(address: RoomAddress, geo: ClientGeo): Promise<string | undefined>;
  /** What the lobby list shows of the room, by a peer whose ticket lets it; undefined takes the room out. */
  announce(address: RoomAddress, peer: PeerId, listing: Listing | undefined): Promise<Announced>;
  admin(address: RoomAddress): RoomAdmin;
  /**
   * Hands an operator's upgrade to the room, which then sends it WatchEvents. Who asks has been checked, and the request's
   * token must not travel further.
   */
  watch(address: RoomAddress, request: Request): Promise<Response>;
  readonly directory: RelayDirectory;
}

/** The configuration as the platform has it: environment variables and secrets. */
export interface RelayEnvironment {
  readonly TICKET_SECRET?: string | undefined;
  readonly TICKET_KEYS?: string | undefined;
  readonly ADMIN_TOKEN?: string | undefined;
  readonly ADMIN_TOKENS?: string | undefined;
  readonly APP_SETTINGS?: string | undefined;
  /** "1" turns development tickets on (development.ts). Set by `npm start`, never in a deployment. */
  readonly DEVELOPMENT?: string | undefined;
}

export interface Platform<Env extends RelayEnvironment> {
  readonly runtime: string;
  rooms(env: Env): RoomGateway;
  /** The built pages; undefined where the platform has none. */
  pages(env: Env): PageFiles | undefined;
  /** Injectable: tests and runtimes without an edge say where a client is, or nothing. */
  geo(request: Request): ClientGeo;
  /** The client's IP address, which it must not be able to choose; undefined where the platform does not know it. */
  address(request: Request): string | undefined;
  now(): number;
  readonly log: Log;
}
