/** Beside the charts: what is lost and why, by family, and what happens just now. */
import type { ConnectionTypeName, RoomPlace, RoomStatistics } from "../api/types.ts";
import type { RoomEvent, RoomFeed } from "../live/room-feed.ts";
import { Empty } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { roomHash } from "../routing/route.ts";
import { FAMILIES } from "../text/families.ts";
import {
  type Counted,
  DROP_MEANINGS,
  END_MEANINGS,
  JOIN_MEANINGS,
  REFUSAL_MEANINGS,
  ranked,
} from "../text/meanings.ts";
import { bytes, count, exact } from "../text/numbers.ts";
import { timeOfDay } from "../text/times.ts";

const SHOWN = 4;
const SHOWN_EVENTS = 14;

export function LossPanel({ of: { drops, refusals, joinRefusals } }: { of: RoomStatistics }) {
  return (
    <section class="panel losses">
      <h2>What is lost, and why</h2>
      <Reasons title="Packets that were not relayed" of={ranked(drops, DROP_MEANINGS)} />
      <Reasons title="Frames that were refused" of={ranked(refusals, REFUSAL_MEANINGS)} />
      <Reasons title="Joins that were refused" of={ranked(joinRefusals, JOIN_MEANINGS)} />
    </section>
  );
}

function Reasons({ title, of }: { title: string; of: readonly Counted[] }) {
  return (
    <>
      <h3>{title}</h3>
      {of.length === 0 ? (
        <Empty>None.</Empty>
      ) : (
        <dl class="reasons">
          {of.slice(0, SHOWN).map(({ name, count: times, meaning }) => (
            <div key={name}>
              <dt>
                <code>{name}</code> <b>{exact(times)}</b>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

export function FamilyPanel({ of: { families } }: { of: RoomStatistics }) {
  if (!families) return null;
  return (
    <section class="panel">
      <h2>By family</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="By family">
        <table class="plain">
          <TableHead texts={["Family"]} numbers={["Open", "Opened", "Packets", "Payload"]} />
          <tbody>
            {Object.entries(families).map(([name, { active, opened, packets, bytes: payload }]) => (
              <tr key={name}>
                <th scope="row">{FAMILIES[name as ConnectionTypeName] ?? name}</th>
                <td class="number">{count(active)}</td>
                <td class="number">{count(opened)}</td>
                <td class="number">{count(packets)}</td>
                <td class="number">{bytes(payload)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function HappeningPanel({ feed: { events }, place }: { feed: RoomFeed; place: RoomPlace }) {
  return (
    <section class="panel happening">
      <h2>What happens</h2>
      {events.value.length === 0 ? (
        <Empty>Nothing yet. Connections and peers that come and go appear here.</Empty>
      ) : (
        <ol>
          {events.value.slice(0, SHOWN_EVENTS).map((event, index) => (
            <li key={events.value.length - index} class={event.type}>
              <time>{timeOfDay(event.at)}</time>
              <Happening event={event} place={place} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Happening({ event, place }: { event: RoomEvent; place: RoomPlace }) {
  switch (event.type) {
    case "opened":
    case "closed": {
      const { connectionId, fromPeerId, toPeerId, type } = event.connection;
      return (
        <span>
          <a href={roomHash(place, "connections", connectionId)}>{FAMILIES[type] ?? type}</a> {event.type}:{" "}
          <code>{fromPeerId}</code> → <code>{toPeerId}</code>
          {event.type === "closed" && <em> {reasonOf(event.reason, event.code)}</em>}
        </span>
      );
    }
    case "changed":
      return (
        <span>
          <a href={roomHash(place, "connections", event.connectionId)}>
            <code>{event.connectionId}</code>
          </a>{" "}
          {event.previous} → {event.state}
        </span>
      );
    case "peer":
      return (
        <span>
          Peer{" "}
          <a href={roomHash(place, "peers", event.peer)}>
            <code>{event.peer}</code>
          </a>{" "}
          {PEER_TEXTS[event.change]}
        </span>
      );
    case "skipped":
      return <span class="muted">{count(event.events)} events were left out: too many at once</span>;
  }
}

const PEER_TEXTS = { joined: "joined", away: "lost its network", back: "is back", left: "left" } as const;

function reasonOf(reason: string, code: number): string {
  return reason === "app" ? `(by the game, ${code})` : `(${END_MEANINGS[reason] ?? reason})`;
}
