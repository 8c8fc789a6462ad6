import type { RelayEnvironment } from "../../http/gateway.ts";
import type { RelayRoom } from "./relay-room.ts";

/** Bindings of wrangler.toml, and the secrets. */
export interface RelayEnv extends RelayEnvironment {
  readonly RELAY_ROOMS: DurableObjectNamespace<RelayRoom>;
}
