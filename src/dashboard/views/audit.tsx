import { audit } from "../api/routes.ts";
import type { RoomPlace } from "../api/types.ts";
import { Empty, Failure, Waiting } from "../parts/states.tsx";
import { dateTime } from "../text/times.ts";
import { usePaged } from "./use-paged.ts";

export function Audit({ place }: { place: RoomPlace }) {
  const { list, hasMore, more } = usePaged(
    JSON.stringify(place),
    (page, signal) => audit(place, page, signal),
    ({ id }) => String(id),
  );
  return (
    <div class="view">
      <header class="title">
        <h1>Audit log</h1>
        <button onClick={() => list.restart()}>Read again</button>
      </header>
      <p class="muted">What operators have done in this room, the newest first.</p>
      {list.error.value !== null && <Failure error={list.error.value} retry={() => list.restart()} />}
      {!list.isReady.value ? (
        list.error.value === null && <Waiting />
      ) : list.rows.value.length === 0 ? (
        <Empty>No operator has done anything here.</Empty>
      ) : (
        <div class="panel scroll" tabIndex={0} role="region" aria-label="Audit log">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">Did</th>
                <th scope="col">To</th>
                <th scope="col">More</th>
              </tr>
            </thead>
            <tbody>
              {list.rows.value.map(({ id, at, actor, action, subject, detail }) => (
                <tr key={id}>
                  <td class="muted">{dateTime(at)}</td>
                  <td>{actor}</td>
                  <td>
                    <span class={`verb ${action}`}>{action}</span>
                  </td>
                  <td>
                    <code>{subject || "–"}</code>
                  </td>
                  <td class="wide muted">{textOf(detail)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasMore && <button onClick={more}>Earlier</button>}
    </div>
  );
}

function textOf(detail: unknown): string {
  if (detail === null || detail === undefined || detail === "") return "–";
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}
