import { peers } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { PeerView, RoomPlace } from "../api/types.ts";
import { feed } from "../live/room-feed.ts";
import { Id } from "../parts/id.tsx";
import { Empty, Failure, State, Waiting } from "../parts/states.tsx";
import { type Column, VirtualTable } from "../parts/virtual-table.tsx";
import { go } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";
import { bytes, count, exact } from "../text/numbers.ts";
import { ago, duration } from "../text/times.ts";
import { kickPeer } from "./actions.tsx";
import { useLiveList } from "./use-live-list.ts";

const now = (): number => Date.now() + (feed.peek()?.clockAhead.peek() ?? 0);

const COLUMNS: readonly Column<PeerView>[] = [
  { name: "id", title: "Peer", cell: ({ peer }) => <Id of={peer} /> },
  { name: "state", title: "State", cell: ({ state, stalled }) => <State of={stalled ? "stalled" : state} /> },
  { name: "links", title: "Connections", isNumber: true, cell: (row) => count(row.connections) },
  { name: "address", title: "Address", isExtra: true, cell: ({ address }) => address ?? "–" },
  { name: "class", title: "Rate class", isExtra: true, cell: ({ rateClass }) => rateClass ?? "–" },
  { name: "queued", title: "Queued", isNumber: true, cell: ({ queuedBytes }) => bytes(queuedBytes) },
  { name: "heard", title: "Last heard", isExtra: true, isNumber: true, cell: heard },
  { name: "since", title: "Here for", isExtra: true, isNumber: true, cell: ({ since }) => duration(now() - since) },
];

function heard({ lastHeard }: PeerView): string {
  return lastHeard === null ? "–" : ago(lastHeard, now());
}

export function Peers({ place }: { place: RoomPlace }) {
  const key = JSON.stringify(place);
  const { list, see } = useLiveList(
    key,
    (page, signal) => peers(place, page, signal),
    (row) => row.peer,
    ({ type }) => type === "peer",
  );
  const columns = canOperate.value ? [...COLUMNS, kickColumn(place, () => list.restart())] : COLUMNS;
  return (
    <div class="view tall">
      <header class="title">
        <h1>Peers</h1>
        <p class="muted" role="status">
          {list.isReady.value && `${exact(list.count.value)} here or away`}
        </p>
        <FindPeer place={place} />
      </header>
      {list.error.value !== null && <Failure error={list.error.value} retry={() => list.restart()} />}
      {!list.isReady.value ? (
        list.error.value === null && <Waiting />
      ) : list.count.value === 0 ? (
        <Empty>Nobody is in this room.</Empty>
      ) : (
        <VirtualTable
          name={canOperate.value ? "peers operated" : "peers"}
          label="Peers"
          columns={columns}
          rows={list.rows.value}
          count={list.count.value}
          keyOf={(row) => row.peer}
          hrefOf={(row) => roomHash(place, "peers", row.peer)}
          onRange={see}
        />
      )}
    </div>
  );
}

function kickColumn(place: RoomPlace, done: () => void): Column<PeerView> {
  return {
    name: "act",
    title: "Act",
    cell: ({ peer }) => (
      <button class="danger small" onClick={() => void kickPeer(place, peer).then((kicked) => kicked && done())}>
        Kick<span class="unseen"> {peer}</span>
      </button>
    ),
  };
}

function FindPeer({ place }: { place: RoomPlace }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const peer = String(new FormData(event.currentTarget as HTMLFormElement).get("peer") ?? "").trim();
    if (peer) go(roomHash(place, "peers", peer));
  };
  return (
    <form class="filters" onSubmit={submit} aria-label="Find a peer">
      <input name="peer" aria-label="Peer id" placeholder="Peer id" inputMode="numeric" pattern="[0-9]{1,20}" />
      <button>Open</button>
    </form>
  );
}
