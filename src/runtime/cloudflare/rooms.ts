import type { ClientGeo, RoomAddress, RoomGateway } from "../../http/gateway.ts";
import { adoptProblem, entryProblem, problem } from "../../http/problem.ts";
import { SUBPROTOCOL } from "../../protocol/index.ts";
import { type RoomAdmin, roomAdmin } from "../../relay/operations/index.ts";
import type { RelayDirectory } from "../../relay/directory/report.ts";
import type { Admission } from "../../relay/ports.ts";
import { writeAdmission } from "./admission-header.ts";
import { log } from "../log.ts";
import { roomName } from "../room-address.ts";
import type { RelayRoom } from "./relay-room.ts";
import { JOIN_URL, watchRequest } from "./watching.ts";

/** Rooms as Durable Objects. */
export class DurableRooms implements RoomGateway {
  readonly directory: RelayDirectory;
  readonly #namespace: DurableObjectNamespace<RelayRoom>;

  constructor(namespace: DurableObjectNamespace<RelayRoom>, directory: RelayDirectory) {
    this.directory = directory;
    this.#namespace = namespace;
  }

  async join(address: RoomAddress, admission: Admission, request: Request, _geo: ClientGeo): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    headers.set("sec-websocket-protocol", SUBPROTOCOL);
    writeAdmission(headers, admission);
    const name = roomName(address);
    try {
      // A new request, not a copy: where the client is (`cf`) stays here.
      const response = await this.#namespace.getByName(name).fetch(new Request(JOIN_URL, { headers }));
      return response.webSocket ? response : await adoptProblem(response);
    } catch (error) {
      return roomFailed(name, error);
    }
  }

  async refusal(address: RoomAddress, admission: Admission): Promise<Response | undefined> {
    const name = roomName(address);
    try {
      const refusal = await this.#namespace.getByName(name).refusal(admission);
      return refusal && entryProblem(refusal);
    } catch (error) {
      return roomFailed(name, error);
    }
  }

  async watch(address: RoomAddress): Promise<Response> {
    const name = roomName(address);
    try {
      return await this.#namespace.getByName(name).fetch(watchRequest());
    } catch (error) {
      return roomFailed(name, error);
    }
  }

  admin(address: RoomAddress): RoomAdmin {
    const stub = this.#namespace.getByName(roomName(address));
    return roomAdmin((name, rest) => stub.operate(name, rest as never) as never);
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
