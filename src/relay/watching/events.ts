/** What an operator who watches a room is told, as JSON in WebSocket text messages; times are ms. */
import type { ConnectionStateName } from "../../protocol/index.ts";
import type { ConnectionView } from "../connection-view.ts";
import type { PresenceChange } from "../observing.ts";
import type { RoomStatistics } from "../statistics.ts";

export type WatchEvent =
  /** First; and again at most once a second while something changes. Rates are differences of these. */
  | { readonly type: "statistics"; readonly at: number; readonly room: string; readonly statistics: RoomStatistics }
  | { readonly type: "opened"; readonly at: number; readonly connection: ConnectionView }
  | {
      readonly type: "changed";
      readonly at: number;
      readonly connectionId: string;
      readonly previous: ConnectionStateName;
      readonly state: ConnectionStateName;
    }
  /** `reason`: as `endReasonName` has it, "app" for the application's own number; that number is `code`. */
  | {
      readonly type: "closed";
      readonly at: number;
      readonly connection: ConnectionView;
      readonly reason: string;
      readonly code: number;
    }
  | {
      readonly type: "peer";
      readonly at: number;
      readonly peer: string;
      readonly change: PresenceChange;
    }
  /** So many events were left out, because this watcher reads slower than they come. */
  | { readonly type: "skipped"; readonly at: number; readonly events: number };

/** A watcher offers this subprotocol, and `token.<base64url of the admin token>` beside it (a page can set no header). */
export const WATCH_SUBPROTOCOL = "edge-relay.watch.v1";
export const TOKEN_SUBPROTOCOL_PREFIX = "token.";
