import { useEffect, useState } from "preact/hooks";
import { history } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { HistoryBucket, RoomPlace, RoomStatistics } from "../api/types.ts";
import { type Resource, useResource } from "../api/use-resource.ts";
import { sumOf } from "../live/rates.ts";
import { type RoomFeed, feed } from "../live/room-feed.ts";
import { LIVE, RANGES, type Range, columnsOf, historySamples, liveSamples } from "../live/series.ts";
import { Chart } from "../parts/chart.tsx";
import { Figures } from "../parts/figures.tsx";
import { Failure, Waiting } from "../parts/states.tsx";
import { here, setQuery } from "../routing/location.ts";
import { roomTitle } from "../routing/route.ts";
import { byteRate, bytes, count, rate } from "../text/numbers.ts";
import { drainRoom } from "./actions.tsx";
import { CostPanel } from "./cost-panel.tsx";
import { FamilyPanel, HappeningPanel, LossPanel } from "./overview-panels.tsx";

const HISTORY_EVERY_MS = 20_000;
const TREND = 60;

type History = Resource<{ buckets: HistoryBucket[] }>;

export function Overview({ place }: { place: RoomPlace }) {
  const range = RANGES.find(({ name }) => name === here.value.query.get("range")) ?? LIVE;
  const key = `history ${JSON.stringify(place)} ${range.name}`;
  const found = useResource(key, (signal) => load(place, range, signal), HISTORY_EVERY_MS);
  const current = feed.value;
  const statistics = current?.statistics.value;
  return (
    <div class="view overview">
      <header class="title">
        <h1>{roomTitle(place)}</h1>
        <Ranges chosen={range} />
        {canOperate.value && (
          <button class="danger" onClick={() => void drainRoom(place)}>
            Drain …
          </button>
        )}
      </header>
      {current && statistics ? <Now feed={current} statistics={statistics} /> : <Silence of={current} />}
      {found.error && <Failure error={found.error} retry={found.reload} />}
      <Charts range={range} history={found} feed={current} />
      <div class="panels">
        {statistics && <LossPanel of={statistics} />}
        <CostPanel place={place} />
        {statistics && <FamilyPanel of={statistics} />}
        {current && <HappeningPanel feed={current} place={place} />}
      </div>
    </div>
  );
}

function load(place: RoomPlace, { ms, resolution, bucketMs }: Range, signal: AbortSignal) {
  const from = Math.floor((Date.now() - ms - 2 * bucketMs) / bucketMs) * bucketMs;
  return history(place, { resolution, from }, signal);
}

function Silence({ of }: { of: RoomFeed | null }) {
  return of?.state.value === "offline" ? <Failure error="The relay does not answer for this room." /> : <Waiting />;
}

function Ranges({ chosen }: { chosen: Range }) {
  return (
    <div class="ranges" role="group" aria-label="Time shown">
      {RANGES.map(({ name, text }) => (
        <button key={name} aria-pressed={name === chosen.name} onClick={() => setQuery({ range: name })}>
          {text}
        </button>
      ))}
    </div>
  );
}

function Now({ feed: { samples, latest }, statistics }: { feed: RoomFeed; statistics: RoomStatistics }) {
  const last = latest.value;
  const recent = samples.value.slice(-TREND);
  const { peers, away, activeConnections, totalBytes, totalPackets, monthBytes, drops, joins, messages } = statistics;
  return (
    <Figures
      of={[
        {
          label: "Throughput",
          value: byteRate(last?.bytes ?? 0),
          note: `${bytes(totalBytes)} in all`,
          series: 1,
          trend: recent.map((sample) => sample.bytes),
        },
        {
          label: "Packets",
          value: rate(last?.packets ?? 0),
          note: `${count(totalPackets)} in all`,
          series: 4,
          trend: recent.map((sample) => sample.packets),
        },
        {
          label: "Peers",
          value: count(peers),
          note: `${count(away)} away`,
          series: 2,
          trend: recent.map((sample) => sample.peers),
        },
        {
          label: "Connections",
          value: count(activeConnections),
          note: "open now",
          series: 3,
          trend: recent.map((sample) => sample.connections),
        },
        {
          label: "Drops",
          value: rate(last?.drops ?? 0),
          note: `${count(sumOf(drops))} in all`,
          series: 5,
          trend: recent.map((sample) => sample.drops),
        },
        {
          label: "This month",
          value: bytes(monthBytes),
          note: `${count(joins ?? 0)} joins, ${count(messages ?? 0)} messages in all`,
        },
      ]}
    />
  );
}

interface ChartsProps {
  readonly range: Range;
  readonly history: History;
  readonly feed: RoomFeed | null;
}

function Charts({ range, history: { data }, feed: current }: ChartsProps) {
  useSeconds(range === LIVE);
  const now = Date.now() + (current?.clockAhead.value ?? 0);
  const buckets = data?.buckets ?? [];
  const isLive = range === LIVE;
  const samples = isLive
    ? liveSamples(current?.samples.value ?? [], buckets, now)
    : historySamples(buckets, range, now);
  const { times, ...of } = columnsOf(samples);
  const shared = { times, range: [(now - range.ms) / 1000, now / 1000] as const };
  return (
    <div class="charts">
      <Chart
        {...shared}
        title="Payload"
        format={byteRate}
        lines={[{ label: "payload", series: 1, values: of.bytes }]}
      />
      <Chart {...shared} title="Packets" format={rate} lines={[{ label: "packets", series: 4, values: of.packets }]} />
      <Chart
        {...shared}
        title="Peers and connections"
        format={count}
        isStepped={isLive}
        lines={[
          { label: "peers", series: 2, values: of.peers },
          { label: "connections", series: 3, values: of.connections },
        ]}
      />
      <Chart {...shared} title="Drops" format={rate} lines={[{ label: "dropped", series: 5, values: of.drops }]} />
    </div>
  );
}

/** The live charts move on also while nothing comes. */
function useSeconds(isOn: boolean): void {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => document.hidden || redraw((times) => times + 1), 1000);
    return () => clearInterval(timer);
  }, [isOn]);
}
