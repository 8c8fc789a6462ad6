/**
 * Every line that the relay may log, the one list of them: docs/metrics.md is written from here, and what is not listed
 * does not compile. There is never in a line: a ticket or its id, a token, a secret, a payload, a client's address.
 * Nothing is logged per packet.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

interface LogEvent {
  readonly level: LogLevel;
  readonly meaning: string;
  /** Beside `level`, `event` and, of what happens in a room, `room`: `app/480` or `app/480/room/lobby`. */
  readonly fields: readonly string[];
}

const CONNECTION = ["connection", "from", "to", "app", "type", "virtualPort", "channel"] as const;

export const LOG_EVENTS = {
  join: {
    level: "info",
    meaning: "A peer was let in: its socket is open, and its hello is to come.",
    fields: ["peer", "colo", "country"],
  },
  join_refused: {
    level: "info",
    meaning: "An upgrade was refused, by the room or before one was asked; `reason` is the answer's `code`.",
    fields: ["reason", "peer"],
  },
  joins_refused: {
    level: "warn",
    meaning:
      "More were refused for `reason` in one minute than have a line each: `count`, of which `unlogged` have none.",
    fields: ["reason", "count", "unlogged"],
  },
  session_opened: { level: "info", meaning: "A peer said hello.", fields: ["peer", "session"] },
  session_resumed: { level: "info", meaning: "A peer came back to its session.", fields: ["peer", "session"] },
  session_away: { level: "info", meaning: "A peer lost its socket, and is waited for.", fields: ["peer", "why"] },
  session_moved: {
    level: "info",
    meaning: "A peer's session is in the shard `to` from now on.",
    fields: ["peer", "session", "to"],
  },
  session_adopted: {
    level: "info",
    meaning: "A peer's session has come from another shard, and waits for its client.",
    fields: ["peer", "session", "shard"],
  },
  connection_moved: {
    level: "info",
    meaning: "A connection, or a half of it, has come with a session from another shard.",
    fields: ["connection", "from", "to", "shard"],
  },
  peers_moved: {
    level: "info",
    meaning: "Peers belong to other shards since the number of shards has changed, and were told to come back.",
    fields: ["peers"],
  },
  session_closed: { level: "info", meaning: "A peer is gone.", fields: ["peer", "why"] },
  host_elected: {
    level: "info",
    meaning: "The room has another host from this epoch on; none where `peer` is empty.",
    fields: ["epoch", "peer"],
  },
  connection_opened: { level: "info", meaning: "A peer asked for a connection to another.", fields: CONNECTION },
  connection_closed: {
    level: "info",
    meaning: "It is over, for a `reason` of docs/protocol.md, and these are its final statistics.",
    fields: [
      ...CONNECTION,
      "state",
      "previousState",
      "reason",
      "packets",
      "bytes",
      "created",
      "lastActivity",
      "durationMs",
    ],
  },
  cleanup: {
    level: "info",
    meaning: "Connections were closed because they were idle, or did not connect or disconnect in time.",
    fields: ["closed", "active"],
  },
  trunk_given_up: {
    level: "warn",
    meaning: "The room `to` could not be reached for 30 s, and the connections to its peers have ended.",
    fields: ["to", "connections"],
  },
  trunk_refused: {
    level: "warn",
    meaning: "The room `to` is of another release, and speaks a trunk of another version.",
    fields: ["to", "version"],
  },
  trunk_failed: {
    level: "warn",
    meaning: "The room `to` could not be dialed; it is tried again.",
    fields: ["to", "error"],
  },
  locate_failed: { level: "error", meaning: "The directory could not be asked where a peer is.", fields: ["error"] },
  banned: {
    level: "info",
    meaning: "An operator banned a peer, an address or a ticket. Only a peer is named.",
    fields: ["kind", "peer", "until", "ended"],
  },
  banned_everywhere: {
    level: "info",
    meaning: "The room was told of bans from all rooms of its app, and ended the sockets that they meet.",
    fields: ["ended"],
  },
  storage_cleared: {
    level: "info",
    meaning: "Nobody has been in the room for its retention time: what it had stored is deleted.",
    fields: [],
  },
  clear_failed: {
    level: "error",
    meaning: "A room could not clear its storage, or tell the directory that it does; it tries again later.",
    fields: ["error"],
  },
  jurisdiction_ignored: {
    level: "warn",
    meaning:
      "The app is bound to a jurisdiction, which a workerd of one's own does not know: it runs where workerd runs.",
    fields: ["app"],
  },
  unbanned: { level: "info", meaning: "An operator lifted a ban.", fields: ["kind", "peer"] },
  kicked: { level: "info", meaning: "An operator removed a peer.", fields: ["peer"] },
  drained: {
    level: "info",
    meaning: "All clients of the room were told to come back.",
    fields: ["sockets", "reconnectAfterMs"],
  },
  shutdown: {
    level: "info",
    meaning: "All connections of the room were closed for good.",
    fields: ["active", "totalPackets", "totalBytes"],
  },
  admin_action: {
    level: "info",
    meaning: "The admin API changed something; the room's audit log says whom it met.",
    fields: ["actor", "method", "route", "status"],
  },
  migrated: {
    level: "info",
    meaning: "A database, of a room or of the directory, was brought to this release's schema.",
    fields: ["directory", "from", "to"],
  },
  listening: {
    level: "info",
    meaning: "A relay of one's own serves from now on.",
    fields: ["url", "database", "runtime"],
  },
  stopping: {
    level: "info",
    meaning: "A relay of one's own was ended by a signal.",
    fields: ["signal", "sockets"],
  },
  protocol_error: {
    level: "warn",
    meaning: "A peer broke the protocol, and its session was ended.",
    fields: ["peer", "error", "message"],
  },
  socket_error: { level: "warn", meaning: "The platform reports a broken socket.", fields: ["error"] },
  close_failed: {
    level: "warn",
    meaning: "A close frame could not be answered as it was asked.",
    fields: ["code", "error"],
  },
  internal_error: {
    level: "error",
    meaning: "The relay failed on a peer's message, and ended its session.",
    fields: ["peer", "error"],
  },
  store_failed: {
    level: "error",
    meaning: "The room's disk failed; what is in memory goes on, and is written later.",
    fields: ["error"],
  },
  socket_failed: {
    level: "error",
    meaning: "The relay failed on an event of a peer's socket, and closed it.",
    fields: ["peer", "error"],
  },
  room_failed: { level: "error", meaning: "A room could not be asked, or failed.", fields: ["overloaded", "error"] },
  watcher_failed: {
    level: "error",
    meaning: "An operator who watches a room could not be told of it.",
    fields: ["error"],
  },
  report_failed: {
    level: "error",
    meaning: "A room could not tell the directory how it is; its next report makes up for it.",
    fields: ["error"],
  },
  settings_not_told: {
    level: "error",
    meaning: "A room could not be told of an app's new settings; it learns of them with its next report.",
    fields: ["error"],
  },
  http_error: { level: "error", meaning: "The relay failed on a request.", fields: ["route", "error"] },
  metrics_failed: {
    level: "error",
    meaning: "An app could not be asked for its totals: its metrics are missing from one scrape.",
    fields: ["app", "error"],
  },
} as const satisfies Record<string, LogEvent>;

export type LogEventName = keyof typeof LOG_EVENTS;
type Field = string | number | boolean | undefined;

type LineOf<Name extends LogEventName> = {
  readonly level: (typeof LOG_EVENTS)[Name]["level"];
  readonly event: Name;
  readonly room?: string | undefined;
} & { readonly [field in (typeof LOG_EVENTS)[Name]["fields"][number]]?: Field };

/** Ids are decimal strings, times ms. */
export type LogLine = { [Name in LogEventName]: LineOf<Name> }[LogEventName];
