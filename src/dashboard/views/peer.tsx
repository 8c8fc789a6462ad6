import { ApiProblem } from "../api/problem.ts";
import { connectionsOfPeer, peer as peerRoute } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { ConnectionView, PeerView, RoomPlace } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { feed } from "../live/room-feed.ts";
import { Figures } from "../parts/figures.tsx";
import { Empty, Loaded, State } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { roomHash } from "../routing/route.ts";
import { FAMILIES } from "../text/families.ts";
import { bytes, count } from "../text/numbers.ts";
import { ago, dateTime, duration } from "../text/times.ts";
import { banSubject, kickPeer } from "./actions.tsx";

const EVERY_MS = 2_000;

export function PeerPage({ place, peer }: { place: RoomPlace; peer: string }) {
  const found = useResource(`peer ${peer}`, (signal) => find(place, peer, signal), EVERY_MS);
  const links = useResource(`links ${peer}`, (signal) => connectionsOfPeer(place, peer, signal), EVERY_MS);
  const view = found.data;
  return (
    <div class="view">
      <header class="title">
        <h1>
          Peer <code>{peer}</code>
        </h1>
        {view !== undefined && <State of={view === null ? "gone" : view.stalled ? "stalled" : view.state} />}
        {canOperate.value && <Acts place={place} peer={peer} view={view} reload={found.reload} />}
      </header>
      <Loaded from={found}>
        {(data) => (data ? <Presence of={data} /> : <Empty>This peer is not in the room just now.</Empty>)}
      </Loaded>
      <section class="panel">
        <h2>Its connections</h2>
        <Loaded from={links}>{({ connections }) => <Links place={place} peer={peer} of={connections} />}</Loaded>
      </section>
    </div>
  );
}

/** null: it is not here, which is an answer, and not a failure. */
async function find(place: RoomPlace, peer: string, signal: AbortSignal): Promise<PeerView | null> {
  try {
    return await peerRoute(place, peer, signal);
  } catch (error) {
    if (error instanceof ApiProblem && error.code === "peer_not_found") return null;
    throw error;
  }
}

interface ActsProps {
  readonly place: RoomPlace;
  readonly peer: string;
  readonly view: PeerView | null | undefined;
  reload(): void;
}

function Acts({ place, peer, view, reload }: ActsProps) {
  const address = view?.address;
  return (
    <div class="acts">
      {view && (
        <button class="danger" onClick={() => void kickPeer(place, peer).then(reload)}>
          Kick
        </button>
      )}
      <button class="danger" onClick={() => void banSubject(place, "peer", peer).then(reload)}>
        Ban
      </button>
      {address && (
        <button class="danger" onClick={() => void banSubject(place, "address", address).then(reload)}>
          Ban its address
        </button>
      )}
    </div>
  );
}

function Presence({ of }: { of: PeerView }) {
  const now = Date.now() + (feed.value?.clockAhead.value ?? 0);
  return (
    <Figures
      of={[
        {
          label: of.state === "away" ? "Away for" : "Here for",
          value: duration(now - of.since),
          note: dateTime(of.since),
        },
        { label: "Last heard", value: of.lastHeard === null ? "–" : ago(of.lastHeard, now) },
        { label: "Connections", value: count(of.connections), series: 3 },
        {
          label: "Queued for it",
          value: bytes(of.queuedBytes),
          note: of.stalled ? "it takes in nothing" : "",
          series: 4,
        },
        { label: "Address", value: of.address ?? "–", note: of.rateClass ? `rate class ${of.rateClass}` : "" },
      ]}
    />
  );
}

function Links({ place, peer, of }: { place: RoomPlace; peer: string; of: readonly ConnectionView[] }) {
  if (of.length === 0) return <Empty>It has none.</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Its connections">
      <table class="plain">
        <TableHead texts={["Connection", "With", "Family", "State"]} numbers={["Packets", "Payload"]} />
        <tbody>
          {of.map((one) => {
            const other = one.fromPeerId === peer ? one.toPeerId : one.fromPeerId;
            return (
              <tr key={one.connectionId}>
                <th scope="row">
                  <a href={roomHash(place, "connections", one.connectionId)}>
                    <code>{one.connectionId}</code>
                  </a>
                </th>
                <td>
                  <a href={roomHash(place, "peers", other)}>
                    <code>{other}</code>
                  </a>
                </td>
                <td>{FAMILIES[one.type] ?? one.type}</td>
                <td>
                  <State of={one.state} />
                </td>
                <td class="number">{count(one.packetsRelayed)}</td>
                <td class="number">{bytes(one.bytesRelayed)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
