import { useState } from "preact/hooks";
import { appTotals, rooms } from "../api/routes.ts";
import type { AppTotals, RoomPage } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { sumOf } from "../live/rates.ts";
import { Figures } from "../parts/figures.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { roomHash } from "../routing/route.ts";
import { bytes, count } from "../text/numbers.ts";
import { ago } from "../text/times.ts";
import { OpenRoom } from "./open-room.tsx";

const EVERY_MS = 5_000;

export function Rooms({ app }: { app: number }) {
  const totals = useResource(`totals ${app}`, (signal) => appTotals(app, signal), EVERY_MS);
  const [pages, setPages] = useState(1);
  const list = useResource(`rooms ${app} ${pages}`, (signal) => firstPages(app, pages, signal), EVERY_MS);
  return (
    <div class="view">
      <header class="title">
        <h1>App {app}</h1>
        <OpenRoom app={app} />
      </header>
      <Loaded from={totals}>{(found) => <Totals of={found} />}</Loaded>
      <Loaded from={list}>
        {({ found, hasMore }) =>
          found.length === 0 ? (
            <Empty>Nobody is in a room of this app just now.</Empty>
          ) : (
            <>
              <RoomTable app={app} rooms={found} />
              {hasMore && <button onClick={() => setPages(pages + 1)}>More rooms</button>}
            </>
          )
        }
      </Loaded>
    </div>
  );
}

async function firstPages(app: number, pages: number, signal: AbortSignal) {
  const found: RoomPage["rooms"] = [];
  let after: string | null = null;
  for (let page = 0; page < pages; page++) {
    const answer: RoomPage = await rooms(app, after, signal);
    found.push(...answer.rooms);
    after = answer.next;
    if (after === null) break;
  }
  return { found, hasMore: after !== null };
}

function Totals({ of: { rooms: open, oldest, statistics } }: { of: AppTotals }) {
  const age = oldest === null ? "nobody is here" : `as of ${ago(oldest, Date.now())}, or later`;
  return (
    <Figures
      of={[
        { label: "Rooms in use", value: count(open), note: age },
        { label: "Peers", value: count(statistics.peers), note: `${count(statistics.away)} away`, series: 2 },
        { label: "Connections", value: count(statistics.activeConnections), series: 3 },
        {
          label: "Relayed",
          value: bytes(statistics.totalBytes),
          note: `${count(statistics.totalPackets)} packets`,
          series: 1,
        },
        { label: "Dropped", value: count(sumOf(statistics.drops)), note: "packets, since the beginning", series: 5 },
      ]}
    />
  );
}

function RoomTable({ app, rooms: list }: { app: number; rooms: RoomPage["rooms"] }) {
  return (
    <div class="panel scroll" tabIndex={0} role="region" aria-label="Rooms">
      <table class="plain">
        <TableHead texts={["Room", "Region"]} numbers={["Peers", "Connections", "Relayed", "Dropped", "Last seen"]} />
        <tbody>
          {list.map(({ room, region, lastSeen, statistics }) => (
            <tr key={room ?? ""}>
              <th scope="row">
                <a href={roomHash({ app, room: room ?? undefined })}>{room ?? "Own room"}</a>
              </th>
              <td class="muted">{region ?? "–"}</td>
              <td class="number">{count(statistics.peers)}</td>
              <td class="number">{count(statistics.activeConnections)}</td>
              <td class="number">{bytes(statistics.totalBytes)}</td>
              <td class="number">{count(sumOf(statistics.drops))}</td>
              <td class="number muted">{ago(lastSeen, Date.now())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
