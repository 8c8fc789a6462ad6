/** What `/metrics` shows, the one list of it: docs/metrics.md is written from here. */
import type { RoomStatistics } from "../relay/statistics.ts";
import type { TrunkTraffic } from "../relay/trunk/traffic.ts";
import type { AppTotals } from "../relay/directory/report.ts";
import type { MetricHead, Sample } from "./metrics-text.ts";

/** What one app's series are made of, or those of several apps that are shown as one. */
export type Figures = Omit<AppTotals, "app">;

export interface AppMetric extends MetricHead {
  /** Beside `app`. */
  readonly labels: readonly string[];
  /** Without the label `app`. `now`: in ms. */
  samples(figures: Figures, now: number): Sample[];
}

/** Of the relay as a whole. */
export const RELAY_METRICS = {
  buildInfo: {
    name: "edge_relay_build_info",
    kind: "gauge",
    help: "Always 1: the labels say which release answers, and on what runtime.",
    labels: ["version", "runtime"],
  },
  apps: {
    name: "edge_relay_apps",
    kind: "gauge",
    help: "Apps that the relay knows, as far as this token may see them.",
    labels: [],
  },
  unshown: {
    name: "edge_relay_apps_unshown",
    kind: "gauge",
    help: "Apps of which nothing is in this answer: they could not be asked, or were too many.",
    labels: [],
  },
} as const satisfies Record<string, MetricHead & { readonly labels: readonly string[] }>;

const APP_ONLY = { labels: [] } as const;
const BY_FAMILY = { labels: ["family"] } as const;
const BY_REASON = { labels: ["reason"] } as const;
const BY_DIRECTION = { labels: ["direction"] } as const;

/** Of each app, all its rooms together. */
export const APP_METRICS: readonly AppMetric[] = [
  {
    name: "edge_relay_rooms",
    kind: "gauge",
    help: "Rooms with somebody in them.",
    ...APP_ONLY,
    samples: ({ rooms }) => one(rooms),
  },
  {
    name: "edge_relay_peers",
    kind: "gauge",
    help: "Peers with a socket (present), and those that are waited for to come back (away).",
    labels: ["state"],
    samples: ({ statistics: { peers, away } }) => byName("state", { present: peers, away }),
  },
  {
    name: "edge_relay_connections",
    kind: "gauge",
    help: "Connections between peers that are open.",
    ...BY_FAMILY,
    samples: ofFamilies("active"),
  },
  {
    name: "edge_relay_connections_opened_total",
    kind: "counter",
    help: "Connections between peers that were opened.",
    ...BY_FAMILY,
    samples: ofFamilies("opened"),
  },
  {
    name: "edge_relay_relayed_packets_total",
    kind: "counter",
    help: "Packets relayed; to members of groups under the family Groups, once there were any.",
    ...BY_FAMILY,
    samples: withGroups("packets"),
  },
  {
    name: "edge_relay_relayed_bytes_total",
    kind: "counter",
    help: "Payload of the packets relayed.",
    ...BY_FAMILY,
    samples: withGroups("bytes"),
  },
  {
    name: "edge_relay_messages_received_total",
    kind: "counter",
    help: "WebSocket messages from peers; Cloudflare bills a request for every 20.",
    ...APP_ONLY,
    samples: ({ statistics }) => one(statistics.messages),
  },
  {
    name: "edge_relay_trunk_messages_total",
    kind: "counter",
    help: "WebSocket messages between rooms, once there were any; of those that came in Cloudflare bills a request for every 20.",
    ...BY_DIRECTION,
    samples: ofTrunks(({ messagesIn, messagesOut }) => byName("direction", { in: messagesIn, out: messagesOut })),
  },
  {
    name: "edge_relay_trunk_bytes_total",
    kind: "counter",
    help: "Bytes of the messages between rooms.",
    ...BY_DIRECTION,
    samples: ofTrunks(({ bytesIn, bytesOut }) => byName("direction", { in: bytesIn, out: bytesOut })),
  },
  {
    name: "edge_relay_trunk_dials_total",
    kind: "counter",
    help: "Sockets that rooms have dialed to each other, also in vain; Cloudflare bills a request for each.",
    ...APP_ONLY,
    samples: ofTrunks(({ dials }) => one(dials)),
  },
  {
    name: "edge_relay_joins_total",
    kind: "counter",
    help: "Peers that a room let in.",
    ...APP_ONLY,
    samples: ({ statistics }) => one(statistics.joins),
  },
  {
    name: "edge_relay_drops_total",
    kind: "counter",
    help: "Packets that were not relayed.",
    ...BY_REASON,
    samples: ({ statistics }) => byName("reason", statistics.drops),
  },
  {
    name: "edge_relay_refused_frames_total",
    kind: "counter",
    help: "Frames that were refused, answered or not, by the error's name.",
    ...BY_REASON,
    samples: ({ statistics }) => byName("reason", statistics.refusals),
  },
  {
    name: "edge_relay_refused_joins_total",
    kind: "counter",
    help: "Joins that a room refused. What is refused before a room is asked is in the log (join_refused).",
    ...BY_REASON,
    samples: ({ statistics }) => byName("reason", statistics.joinRefusals),
  },
  {
    name: "edge_relay_report_age_seconds",
    kind: "gauge",
    help: "How old the oldest report of a room is that is in the figures above.",
    ...APP_ONLY,
    samples: ({ oldest }, now) => (oldest === null ? [] : one(Math.max(0, now - oldest) / 1000)),
  },
];

type FamilyFigure = "opened" | "active" | "packets" | "bytes";

function ofFamilies(figure: FamilyFigure): AppMetric["samples"] {
  return ({ statistics: { families } }) =>
    Object.entries(families).map(([family, figures]) => ({ labels: { family }, value: figures[figure] }));
}

/** Reports of a release that had no groups have none. */
function withGroups(figure: "packets" | "bytes"): AppMetric["samples"] {
  return (totals, now) => {
    const groups: Partial<RoomStatistics>["groups"] = totals.statistics.groups;
    const ofGroups = groups && groups.packets > 0 ? [{ labels: { family: "Groups" }, value: groups[figure] }] : [];
    return [...ofFamilies(figure)(totals, now), ...ofGroups];
  };
}

/** Of apps whose rooms reach each other; reports of a release that knew no trunks have none. */
function ofTrunks(samples: (traffic: TrunkTraffic) => Sample[]): AppMetric["samples"] {
  return ({ statistics }) => {
    const { trunk }: Partial<RoomStatistics> = statistics;
    return trunk && trunk.messagesIn + trunk.messagesOut > 0 ? samples(trunk) : [];
  };
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

function byName(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
