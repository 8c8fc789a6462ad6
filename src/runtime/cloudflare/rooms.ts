import type { Announced } from "../../relay/directory/announcing.ts";
import type { Listing } from "../../relay/directory/lobby.ts";
import type { ClientGeo, RoomAddress, RoomGateway } from "../../http/gateway.ts";
import { adoptProblem, entryProblem, problem } from "../../http/problem.ts";
import { type PeerId, type RoomName, SUBPROTOCOL } from "../../protocol/index.ts";
import { type RoomAdmin, roomAdmin } from "../../relay/operations/index.ts";
import type { RelayDirectory } from "../../relay/directory/report.ts";
import type { LocationHint } from "../../relay/placement/location-hints.ts";
import { nearestHint } from "../../relay/placement/nearest-hint.ts";
import type { Admission } from "../../relay/ports.ts";
import { writeAdmission } from "./admission-header.ts";
import { wholeRoomAdmin } from "../../relay/shards/whole-room.ts";
import { writeHint } from "./hint-header.ts";
import { MAX_HOPS, writePlan } from "./shard-routing.ts";
import type { RelayObjects } from "./objects.ts";
import { log } from "../log.ts";
import { roomName } from "../room-address.ts";
import { JOIN_URL, watchRequest } from "./watching.ts";

/** Rooms as Durable Objects. */
export class DurableRooms implements RoomGateway {
  readonly directory: RelayDirectory;
  readonly #objects: RelayObjects;

  constructor(objects: RelayObjects, directory: RelayDirectory) {
    this.directory = directory;
    this.#objects = objects;
  }

  async join(address: RoomAddress, admission: Admission, request: Request, geo: ClientGeo): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    headers.set("sec-websocket-protocol", SUBPROTOCOL);
    writeAdmission(headers, admission);
    try {
      const hint = this.#hintFor(address, geo);
      writeHint(headers, hint);
      const response = await this.#joinPart(address, admission.peer, headers, hint);
      return response.webSocket ? response : await adoptProblem(response);
    } catch (error) {
      return roomFailed(roomName(address), error);
    }
  }

  /** The part of the app's own room that the peer belongs to, where that is divided. */
  async #joinPart(
    address: RoomAddress,
    peer: PeerId,
    headers: Headers,
    hint: LocationHint | undefined,
  ): Promise<Response> {
    const { shardRoutes } = this.#objects;
    for (let hops = 1; ; hops++) {
      writePlan(headers, shardRoutes.planOf(address.app));
      const part = this.#objects.room(shardRoutes.route(address, peer), hint);
      // A new request, not a copy: where the client is (`cf`) stays here.
      // oxlint-disable-next-line no-await-in-loop -- nearly always one
      const response = await part.fetch(new Request(JOIN_URL, { headers }));
      if (!shardRoutes.isSentOn(address.app, response)) return response;
      if (hops === MAX_HOPS) return problem("room_overloaded", "the room is being divided anew; try again in a second");
    }
  }

  async refusal(address: RoomAddress, admission: Admission, geo: ClientGeo): Promise<Response | undefined> {
    try {
      const hint = this.#hintFor(address, geo);
      const part = this.#objects.shardRoutes.route(address, admission.peer);
      const refusal = await this.#objects.room(part, hint).refusal(admission, hint);
      return refusal && entryProblem(refusal);
    } catch (error) {
      return roomFailed(roomName(address), error);
    }
  }

  async region(address: RoomAddress, geo: ClientGeo): Promise<string | undefined> {
    const hint = this.#hintFor(address, geo);
    return this.#objects.room(address, hint).region(hint);
  }

  async announce(address: RoomAddress, peer: PeerId, listing: Listing | undefined): Promise<Announced> {
    return this.#objects.room(address).announce(peer, listing);
  }

  async watch(address: RoomAddress): Promise<Response> {
    try {
      return await this.#objects.room(address).fetch(watchRequest());
    } catch (error) {
      return roomFailed(roomName(address), error);
    }
  }

  admin(address: RoomAddress): RoomAdmin {
    const stub = this.#objects.room(address);
    if (address.room !== undefined) return roomAdmin((name, rest) => stub.operate(name, rest as never) as never);
    const partOf = (room: RoomName) => this.#objects.room({ app: address.app, room });
    return wholeRoomAdmin({
      own: (name, rest) => stub.operateOwn(name, rest as never) as never,
      part: (room, name, rest) => partOf(room).operate(name, rest as never) as never,
    });
  }

  /** Whatever a player asks of a room first creates it. */
  #hintFor({ app }: RoomAddress, geo: ClientGeo): LocationHint | undefined {
    return nearestHint(geo, this.#objects.jurisdictionOf(app));
  }
}

/** Cloudflare marks exceptions of an object that has more than it can do; a client may try again later. */
function roomFailed(room: string, error: unknown): Response {
  const isOverloaded =
    typeof error === "object" && error !== null && "overloaded" in error && error.overloaded === true;
  log({ level: "error", event: "room_failed", room, overloaded: isOverloaded, error: String(error) });
  return isOverloaded
    ? problem("room_overloaded", "the room has more to do than it can; try again in a few seconds")
    : problem("internal_error", "the room failed on this request; it is logged there");
}
