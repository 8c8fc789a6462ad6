import { z } from "@hono/zod-openapi";
import { ConnectionState, ConnectionType, connectionStateName, connectionTypeName } from "../../protocol/index.ts";
import { bytes, count, peerId, time } from "./schemas.ts";

/** Of each family, its number: what names in a query stand for. */
export const TYPES = new Map(Object.values(ConnectionType).map((type) => [connectionTypeName(type), type]));
/** A closed connection is not listed. */
export const STATES = new Map(
  Object.values(ConnectionState)
    .filter((state) => state !== ConnectionState.Closed)
    .map((state) => [connectionStateName(state), state]),
);

const connectionType = z.enum([...TYPES.keys()]).openapi({ example: "NetworkingSockets" });
const connectionState = z
  .enum(Object.values(ConnectionState).map(connectionStateName))
  .openapi({ example: "Connected" });

export const ConnectionViewSchema = z
  .object({
    connectionId: z.string().openapi({ description: "Its id in decimal.", example: "7301444403213369345" }),
    fromPeerId: peerId,
    toPeerId: peerId,
    appId: z.int().min(1).openapi({ example: 480 }),
    type: connectionType,
    state: connectionState,
    created: time,
    lastActivity: time,
    packetsRelayed: count,
    bytesRelayed: bytes,
    virtualPort: z.int().optional().openapi({ description: "In families that have ports.", example: 0 }),
    channel: z.int().optional().openapi({ description: "In families that have channels.", example: 0 }),
  })
  .openapi("ConnectionView");

const QualitySchema = z
  .object({
    at: time,
    pingMs: z.number().nullable().openapi({ example: 31 }),
    local: z.number().nullable().openapi({ description: "Fraction of packets that arrived in time.", example: 0.99 }),
    remote: z.number().nullable().openapi({ description: "The same, seen by the other end.", example: 1 }),
  })
  .openapi("ConnectionQuality");

const EndSchema = z
  .object({
    peer: peerId,
    presence: z.enum(["present", "away", "gone"]).openapi({ example: "present" }),
    lastHeard: time.nullable(),
    queuedBytes: bytes,
    quality: QualitySchema.nullable(),
  })
  .openapi("ConnectionEnd");

export const ConnectionDetailSchema = ConnectionViewSchema.extend({
  states: z.array(z.object({ state: connectionState, at: time })).readonly(),
  ends: z.tuple([EndSchema, EndSchema]).readonly(),
}).openapi("ConnectionDetail");
