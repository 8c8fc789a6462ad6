import { useMemo, useRef } from "preact/hooks";
import { connections } from "../api/routes.ts";
import type { ConnectionView, RoomPlace } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { NetworkCanvas } from "../graph/canvas.tsx";
import { type Network, type Pair, networkOf } from "../graph/network.ts";
import { Empty, Loaded } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { go } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";
import { bytes, count, exact } from "../text/numbers.ts";

const EVERY_MS = 5_000;
/** More than can be told apart in a picture; the busiest are those that matter. */
const MOST = 1_000;
const PAGE = 500;
const LISTED = 100;

export function Graph({ place }: { place: RoomPlace }) {
  const found = useResource(`graph ${JSON.stringify(place)}`, (signal) => busiest(place, signal), EVERY_MS);
  return (
    <div class="view">
      <header class="title">
        <h1>Who talks to whom</h1>
        {found.data && <Extent of={found.data} />}
      </header>
      <Loaded from={found}>
        {({ rows }) =>
          rows.length === 0 ? <Empty>No connection is open in this room.</Empty> : <Picture place={place} rows={rows} />
        }
      </Loaded>
    </div>
  );
}

interface Busiest {
  readonly rows: readonly ConnectionView[];
  readonly total: number;
}

async function busiest(place: RoomPlace, signal: AbortSignal): Promise<Busiest> {
  const rows: ConnectionView[] = [];
  let [cursor, total]: [string | null, number] = [null, 0];
  do {
    const page = await connections(place, { sort: "bytes", order: "desc" }, { cursor, limit: PAGE }, signal);
    rows.push(...page.rows);
    total = page.total ?? rows.length;
    cursor = page.next;
  } while (cursor !== null && rows.length < MOST);
  return { rows, total };
}

function Extent({ of: { rows, total } }: { of: Busiest }) {
  return (
    <p class="muted" role="status">
      {rows.length < total
        ? `The busiest ${exact(rows.length)} of ${exact(total)} connections`
        : `${exact(total)} connections`}
    </p>
  );
}

function Picture({ place, rows }: { place: RoomPlace; rows: readonly ConnectionView[] }) {
  const before = useRef<Network | undefined>(undefined);
  // The picture moves only when somebody comes or goes, not with every byte.
  const shape = rows.map(({ connectionId, state }) => `${connectionId}${state}`).join();
  const network = useMemo(() => (before.current = networkOf(rows, before.current)), [shape]);
  const now = useMemo(() => networkOf(rows), [rows]);
  return (
    <>
      <section class="panel">
        <NetworkCanvas
          network={network}
          label={`${network.peers.length} peers and ${network.pairs.length} pairs that are connected; the table below lists them`}
          choose={(peer) => go(roomHash(place, "peers", peer))}
        />
      </section>
      <section class="panel">
        <h2>Pairs{now.pairs.length > LISTED && `, the busiest ${LISTED} of ${exact(now.pairs.length)}`}</h2>
        <Pairs place={place} of={now.pairs.slice(0, LISTED)} />
      </section>
    </>
  );
}

function Pairs({ place, of }: { place: RoomPlace; of: readonly Pair[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Pairs">
      <table class="plain">
        <TableHead texts={["Peer", "With"]} numbers={["Connections", "Packets", "Payload"]} />
        <tbody>
          {of.map(({ id, source, target, connections: links, packets, bytes: payload }) => (
            <tr key={id}>
              <th scope="row">
                <a href={roomHash(place, "peers", source.id)}>
                  <code>{source.id}</code>
                </a>
              </th>
              <td>
                <a href={roomHash(place, "peers", target.id)}>
                  <code>{target.id}</code>
                </a>
              </td>
              <td class="number">{links}</td>
              <td class="number">{count(packets)}</td>
              <td class="number">{bytes(payload)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
