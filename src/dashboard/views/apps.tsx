import { apps } from "../api/routes.ts";
import { useResource } from "../api/use-resource.ts";
import { Empty, Loaded } from "../parts/states.tsx";
import { TableHead } from "../parts/table-head.tsx";
import { count } from "../text/numbers.ts";
import { ago } from "../text/times.ts";
import { OpenRoom } from "./open-room.tsx";

const EVERY_MS = 5_000;

export function Apps() {
  const found = useResource("apps", (signal) => apps(null, signal), EVERY_MS);
  return (
    <div class="view">
      <header class="title">
        <h1>Apps</h1>
        <OpenRoom />
      </header>
      <Loaded from={found}>
        {({ apps: list }) =>
          list.length === 0 ? (
            <Empty>Nobody has joined yet. An app is here from the first join of one of its peers on.</Empty>
          ) : (
            <div class="panel scroll" tabIndex={0} role="region" aria-label="Apps">
              <table class="plain">
                <TableHead texts={["App"]} numbers={["Rooms", "Peers", "Connections", "Last seen"]} />
                <tbody>
                  {list.map(({ app, rooms, peers, activeConnections, lastSeen }) => (
                    <tr key={app}>
                      <th scope="row">
                        <a href={`#/apps/${app}`}>{app}</a>
                      </th>
                      <td class="number">{count(rooms)}</td>
                      <td class="number">{count(peers)}</td>
                      <td class="number">{count(activeConnections)}</td>
                      <td class="number muted">{ago(lastSeen, Date.now())}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </div>
  );
}
