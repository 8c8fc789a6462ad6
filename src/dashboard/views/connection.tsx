import { useRef } from "preact/hooks";
import { connection } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { ConnectionDetail, ConnectionEnd, ConnectionStateName, RoomPlace } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { feed } from "../live/room-feed.ts";
import { Figures } from "../parts/figures.tsx";
import { Loaded, State } from "../parts/states.tsx";
import { go } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";
import { FAMILIES } from "../text/families.ts";
import { byteRate, bytes, exact, percent, rate } from "../text/numbers.ts";
import { ago, dateTime, duration, timeOfDay } from "../text/times.ts";
import { closeOne } from "./actions.tsx";

const EVERY_MS = 1_500;
const KEPT = 60;

interface Point {
  readonly at: number;
  readonly packets: number;
  readonly bytes: number;
}

export function ConnectionPage({ place, id }: { place: RoomPlace; id: string }) {
  const found = useResource(`connection ${id}`, (signal) => connection(place, id, signal), EVERY_MS);
  const close = async (): Promise<void> => {
    if (await closeOne(place, id)) go(roomHash(place, "connections"));
  };
  return (
    <div class="view">
      <header class="title">
        <h1>
          Connection <code>{id}</code>
        </h1>
        {found.data && <State of={found.data.state} />}
        {canOperate.value && found.data && (
          <button class="danger" onClick={() => void close()}>
            Close
          </button>
        )}
      </header>
      <Loaded from={found}>{(detail) => <Detail place={place} of={detail} />}</Loaded>
    </div>
  );
}

function Detail({ place, of }: { place: RoomPlace; of: ConnectionDetail }) {
  const points = usePoints(of);
  const now = Date.now() + (feed.value?.clockAhead.value ?? 0);
  const rates = points.slice(1).map((point, index) => ratesBetween(points[index] ?? point, point));
  const last = rates.at(-1);
  return (
    <>
      <Figures
        of={[
          {
            label: "Payload",
            value: bytes(of.bytesRelayed),
            note: last ? byteRate(last.bytes) : "–",
            series: 1,
            trend: rates.map((point) => point.bytes),
          },
          {
            label: "Packets",
            value: exact(of.packetsRelayed),
            note: last ? rate(last.packets) : "–",
            series: 2,
            trend: rates.map((point) => point.packets),
          },
          { label: "Open for", value: duration(now - of.created), note: dateTime(of.created) },
          { label: "Idle for", value: duration(now - of.lastActivity), note: dateTime(of.lastActivity) },
          { label: "Family", value: FAMILIES[of.type] ?? of.type, note: addressOf(of) },
        ]}
      />
      <States of={of} now={now} />
      <div class="ends">
        {(of.ends ?? []).map((end) => (
          <End
            key={end.peer}
            end={end}
            place={place}
            role={end.peer === of.fromPeerId ? "opened it" : "was asked"}
            now={now}
          />
        ))}
      </div>
    </>
  );
}

function addressOf({ virtualPort, channel }: ConnectionDetail): string {
  if (virtualPort !== undefined) return `virtual port ${virtualPort}`;
  return channel === undefined ? "" : `channel ${channel}`;
}

/** The counters as they were each time; kept while the page is open. */
function usePoints({ packetsRelayed, bytesRelayed }: ConnectionDetail): readonly Point[] {
  const kept = useRef<readonly Point[]>([]);
  const last = kept.current.at(-1);
  const at = Date.now();
  if (!last || at - last.at > 700) {
    kept.current = [...kept.current, { at, packets: packetsRelayed, bytes: bytesRelayed }].slice(-KEPT);
  }
  return kept.current;
}

function ratesBetween(before: Point, now: Point): { packets: number; bytes: number } {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  return { packets: (now.packets - before.packets) / seconds, bytes: (now.bytes - before.bytes) / seconds };
}

/** Each state as a stretch of a line, as long as it lasted; the list says the same in words. */
function States({ of: { states = [], created, state }, now }: { of: ConnectionDetail; now: number }) {
  const known = states.length > 0 ? states : [{ state, at: created }];
  const from = known[0]?.at ?? created;
  const whole = Math.max(1, now - from);
  const stretches = known.map((one, index) => ({ ...one, until: known[index + 1]?.at ?? now }));
  return (
    <section class="panel states" aria-label="States over time">
      <h2>States over time</h2>
      <div class="stretches" aria-hidden="true">
        {stretches.map(({ state: name, at, until }) => (
          <i key={at} class={`stretch ${name}`} style={{ flexGrow: String(Math.max(0.015, (until - at) / whole)) }} />
        ))}
      </div>
      <ol>
        {stretches.map(({ state: name, at, until }, index) => (
          <li key={at}>
            <State of={name} />
            <span>
              {timeOfDay(at)} · {index === stretches.length - 1 ? isFinal(name) : `for ${duration(until - at)}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function isFinal(state: ConnectionStateName): string {
  return state === "Closed" ? "the end" : "since then";
}

function End({ end, place, role, now }: { end: ConnectionEnd; place: RoomPlace; role: string; now: number }) {
  const { peer, presence, lastHeard, queuedBytes, quality } = end;
  return (
    <section class="panel end" aria-label={`End ${peer}`}>
      <header>
        <h2>
          <a href={roomHash(place, "peers", peer)}>
            <code>{peer}</code>
          </a>
        </h2>
        <State of={presence} />
        <span class="muted">{role}</span>
      </header>
      <dl class="pairs">
        <dt>Last heard</dt>
        <dd>{lastHeard === null ? "–" : ago(lastHeard, now)}</dd>
        <dt>Waiting for it</dt>
        <dd>{bytes(queuedBytes)}</dd>
        <dt>Round trip</dt>
        <dd>{typeof quality?.pingMs === "number" ? `${quality.pingMs.toFixed(0)} ms` : "not measured"}</dd>
        <dt>Delivered, as it sees it</dt>
        <dd>
          <Share of={quality?.local} />
        </dd>
        <dt>Delivered, as the other end sees it</dt>
        <dd>
          <Share of={quality?.remote} />
        </dd>
        {quality && (
          <>
            <dt>Measured</dt>
            <dd>{ago(quality.at, now)}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Share({ of }: { of: number | null | undefined }) {
  if (typeof of !== "number") return "–";
  return (
    <span class="share">
      <meter min={0} max={1} low={0.9} high={0.98} optimum={1} value={of} aria-hidden="true" />
      {percent(of)}
    </span>
  );
}
