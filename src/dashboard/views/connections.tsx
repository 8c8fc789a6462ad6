import type { PagedList } from "../api/paged-list.ts";
import { type ConnectionFilter, connections } from "../api/routes.ts";
import type { ConnectionView, RoomPlace } from "../api/types.ts";
import { type RoomEvent, feed } from "../live/room-feed.ts";
import { Id } from "../parts/id.tsx";
import { Empty, Failure, State, Waiting } from "../parts/states.tsx";
import { type Column, VirtualTable } from "../parts/virtual-table.tsx";
import { here, setQuery } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";
import { FAMILIES, FAMILY_NAMES, OPEN_STATES } from "../text/families.ts";
import { bytes, count, exact } from "../text/numbers.ts";
import { duration } from "../text/times.ts";
import { useLiveList } from "./use-live-list.ts";

const COLUMNS: readonly Column<ConnectionView>[] = [
  { name: "id", title: "Connection", cell: ({ connectionId }) => <Id of={connectionId} /> },
  { name: "from", title: "From", cell: ({ fromPeerId }) => <Id of={fromPeerId} /> },
  { name: "to", title: "To", cell: ({ toPeerId }) => <Id of={toPeerId} /> },
  { name: "type", title: "Family", isExtra: true, cell: ({ type }) => FAMILIES[type] ?? type },
  { name: "port", title: "Port", isExtra: true, isNumber: true, cell: portOf },
  { name: "state", title: "State", cell: ({ state }) => <State of={state} /> },
  { name: "packets", title: "Packets", sort: "packets", isNumber: true, cell: (row) => count(row.packetsRelayed) },
  { name: "bytes", title: "Payload", sort: "bytes", isNumber: true, cell: (row) => bytes(row.bytesRelayed) },
  {
    name: "idle",
    title: "Idle",
    sort: "lastActivity",
    isExtra: true,
    isNumber: true,
    cell: (row) => age(row.lastActivity),
  },
  { name: "age", title: "Open for", sort: "created", isExtra: true, isNumber: true, cell: (row) => age(row.created) },
];

function portOf({ virtualPort, channel }: ConnectionView): string {
  return String(virtualPort ?? channel ?? "–");
}

function age(at: number): string {
  const ms = Date.now() + (feed.peek()?.clockAhead.peek() ?? 0) - at;
  return ms < 1000 ? "< 1 s" : duration(ms);
}

export function Connections({ place }: { place: RoomPlace }) {
  const { query } = here.value;
  const filter = filterOf(query);
  const key = JSON.stringify([place, filter]);
  const { list, see } = useLiveList(
    key,
    (page, signal) => connections(place, filter, page, signal),
    (row) => row.connectionId,
    hear,
  );
  const sorting = { by: filter.sort ?? "created", order: filter.order ?? "desc" };
  const sortBy = (by: string): void => {
    const order = sorting.by === by && sorting.order === "desc" ? "asc" : "desc";
    setQuery({ sort: by, order });
  };
  return (
    <div class="view tall">
      <header class="title">
        <h1>Connections</h1>
        <p class="muted" role="status">
          {list.isReady.value && `${exact(list.count.value)} ${isFiltered(filter) ? "match" : "open"}`}
        </p>
        <Filters filter={filter} />
      </header>
      {list.error.value !== null && <Failure error={list.error.value} retry={() => list.restart()} />}
      {!list.isReady.value ? (
        list.error.value === null && <Waiting />
      ) : list.count.value === 0 ? (
        <Empty>{isFiltered(filter) ? "No connection matches." : "No connection is open in this room."}</Empty>
      ) : (
        <VirtualTable
          key={key}
          name="connections"
          label="Connections"
          columns={COLUMNS}
          rows={list.rows.value}
          count={list.count.value}
          sorting={sorting}
          onSort={sortBy}
          keyOf={(row) => row.connectionId}
          hrefOf={(row) => roomHash(place, "connections", row.connectionId)}
          onRange={see}
        />
      )}
    </div>
  );
}

/** States change in place. */
function hear(event: RoomEvent, list: PagedList<ConnectionView>): boolean {
  if (event.type === "changed") list.change(event.connectionId, (row) => ({ ...row, state: event.state }));
  if (event.type === "closed") list.change(event.connection.connectionId, () => event.connection);
  return event.type === "opened" || event.type === "closed";
}

function set(name: string): (event: Event) => void {
  return ({ currentTarget }) =>
    setQuery({ [name]: (currentTarget as HTMLInputElement | HTMLSelectElement).value.trim() });
}

function Filters({ filter }: { filter: ConnectionFilter }) {
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Which connections">
      <input
        aria-label="Of peer"
        placeholder="Peer id"
        inputMode="numeric"
        value={filter.peer ?? ""}
        onChange={set("peer")}
      />
      <select aria-label="Family" value={filter.type ?? ""} onChange={set("type")}>
        <option value="">All families</option>
        {FAMILY_NAMES.map((name) => (
          <option key={name} value={name}>
            {FAMILIES[name]}
          </option>
        ))}
      </select>
      <select aria-label="State" value={filter.state ?? ""} onChange={set("state")}>
        <option value="">All states</option>
        {OPEN_STATES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </form>
  );
}

const SORTS = ["created", "lastActivity", "packets", "bytes"] as const;

function filterOf(query: URLSearchParams): ConnectionFilter {
  return {
    peer: query.get("peer") || undefined,
    type: FAMILY_NAMES.find((name) => name === query.get("type")),
    state: OPEN_STATES.find((name) => name === query.get("state")),
    sort: SORTS.find((name) => name === query.get("sort")) ?? "created",
    order: query.get("order") === "asc" ? "asc" : "desc",
  };
}

function isFiltered({ peer, type, state }: ConnectionFilter): boolean {
  return Boolean(peer ?? type ?? state);
}
