/** What each setting of an app does, and in what it is counted. Ranges are the relay's: it says when a value is refused. */
import type { SettingName } from "../api/types.ts";

export interface SettingNote {
  readonly name: SettingName;
  readonly unit: "ms" | "bytes" | "";
  readonly note: string;
  /** It holds before a room is known, so it stands in APP_SETTINGS alone. */
  readonly isFixed?: boolean;
}

export interface SettingGroup {
  readonly title: string;
  readonly settings: readonly SettingNote[];
}

const note = (name: SettingName, unit: SettingNote["unit"], text: string): SettingNote => ({ name, unit, note: text });

export const SETTING_GROUPS: readonly SettingGroup[] = [
  {
    title: "Connections",
    settings: [
      note("idleTimeoutMs", "ms", "A connection over which nothing was relayed for this long is closed."),
      note("connectTimeoutMs", "ms", "How long a connect waits for its answer, when the client names no time."),
      note("graceMs", "ms", "How long a session without a socket waits for its client. 0: not at all."),
      note("maxConnectionsPerPeer", "", "Connections that one peer may have at once."),
      note("connectBurst", "", "Connects that a session may send at once."),
      note("connectsPerSecond", "", "Connects that a session may send in the long run."),
    ],
  },
  {
    title: "Rates and sizes",
    settings: [
      note("messagesPerSecond", "", "WebSocket messages that one peer may send. 0: no limit."),
      note("bytesPerSecond", "bytes", "Bytes that one peer may send in a second. 0: no limit."),
      note("connectionBytesPerSecond", "bytes", "Payload that one end may send over one connection. 0: no limit."),
      note("maxPayload", "bytes", "Payload of one packet."),
      note("maxQueuedBytes", "bytes", "What the relay holds for a peer that does not take it in."),
    ],
  },
  {
    title: "Rooms",
    settings: [
      note("maxPeers", "", "Sockets that one room may have at once."),
      {
        ...note(
          "joinsPerMinute",
          "",
          "Joins of one client address in a minute. 0: no limit. Set in APP_SETTINGS only.",
        ),
        isFixed: true,
      },
      note("monthlyBytes", "bytes", "Payload that one room may relay in a calendar month. 0: no limit."),
      note("coalesceMs", "ms", "How long frames may wait in a loaded room to share a message. 0: not at all."),
      note("paceIntervalMs", "ms", "How often a client may be hinted when to send. 0: never."),
      note("crossRooms", "", "1: peers of one room may connect to peers of another. 0: not."),
      note("shards", "", "Objects that share the peers of the app's own room. 1: it is one room."),
      note("retentionMs", "ms", "How long a named room that nobody is in keeps what it has stored. 0: for ever."),
      note("ownRoomRetentionMs", "ms", "The same for the app's own room."),
      {
        ...note("directoryShards", "", "Objects that share the list of rooms. Set in APP_SETTINGS only."),
        isFixed: true,
      },
      note("hostAwayMs", "ms", "How long the elected host may be without a socket before another one is elected."),
    ],
  },
  {
    title: "Groups",
    settings: [
      note("maxGroupsPerPeer", "", "Groups that one peer may be in at once. 0: the app has none."),
      note("maxGroupMembers", "", "Peers that one group may have."),
      note("groupCopiesPerSecond", "", "Copies that one peer's messages to groups may become. 0: no limit."),
    ],
  },
];
