import { useEffect, useMemo, useRef } from "preact/hooks";
import { PagedList } from "../api/paged-list.ts";
import { peers } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { PeerView, RoomPlace } from "../api/types.ts";
import { useEvery } from "../api/use-resource.ts";
import { feed } from "../live/room-feed.ts";
import { Id } from "../parts/id.tsx";
import { Empty, Failure, State, Waiting } from "../parts/states.tsx";
import { type Column, VirtualTable } from "../parts/virtual-table.tsx";
import { go } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";
import { bytes, count, exact } from "../text/numbers.ts";
import { ago, duration } from "../text/times.ts";
import { kickPeer } from "./actions.tsx";

const EVERY_MS = 3_000;
const SETTLE_MS = 250;

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
  const list = useMemo(
    () =>
      new PagedList(
        (page, signal) => peers(place, page, signal),
        (row) => row.peer,
      ),
    [key],
  );
  const seen = useRef({ first: 0, last: 0 });
  useEffect(() => {
    void list.ensure(1);
    return () => list.stop();
  }, [list]);
  useEvery(EVERY_MS, () => void list.refresh(seen.current.first, seen.current.last));
  useArrivals(list, seen);
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
          onRange={(first, last) => {
            seen.current = { first, last };
            void list.ensure(last + 1);
          }}
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

function useArrivals(list: PagedList<PeerView>, seen: { readonly current: { first: number } }): void {
  const current = feed.value;
  useEffect(() => {
    let settling: ReturnType<typeof setTimeout> | undefined;
    const stop = current?.onEvent(({ type }) => {
      if (type !== "peer" || settling !== undefined) return;
      settling = setTimeout(() => {
        settling = undefined;
        if (seen.current.first === 0) list.restart();
      }, SETTLE_MS);
    });
    return () => {
      clearTimeout(settling);
      stop?.();
    };
  }, [list, current]);
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
