import type { RelayEnvironment } from "../../http/gateway.ts";
import type { DataPoints } from "./analytics.ts";
import type { RelayDirectory } from "./relay-directory.ts";
import type { RelayRoom } from "./relay-room.ts";

/** Bindings of wrangler.toml, and the secrets. On `workerd serve` a variable that is not set is null. */
export interface RelayEnv extends RelayEnvironment {
  readonly RELAY_ROOMS: DurableObjectNamespace<RelayRoom>;
  readonly RELAY_DIRECTORY: DurableObjectNamespace<RelayDirectory>;
  /** Absent in a workerd that was configured without pages. */
  readonly PAGES?: Fetcher | null;
  readonly ANALYTICS?: DataPoints | null;
}
