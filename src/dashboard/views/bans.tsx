import { bans } from "../api/routes.ts";
import { canOperate } from "../api/session.ts";
import type { Ban, BanKind, RoomPlace } from "../api/types.ts";
import { Empty, Failure, Waiting } from "../parts/states.tsx";
import { roomHash } from "../routing/route.ts";
import { dateTime } from "../text/times.ts";
import { banSubject, liftBan } from "./actions.tsx";
import { usePaged } from "./use-paged.ts";

export function Bans({ place }: { place: RoomPlace }) {
  const { list, hasMore, more } = usePaged(
    JSON.stringify(place),
    (page, signal) => bans(place, page, signal),
    ({ kind, subject }) => `${kind}/${subject}`,
  );
  const reload = (changed: boolean): void => void (changed && list.restart());
  return (
    <div class="view">
      <header class="title">
        <h1>Bans</h1>
        {canOperate.value && <NewBan place={place} done={reload} />}
      </header>
      <p class="muted">Who may not enter this room. A revoked ticket is here, too.</p>
      {list.error.value !== null && <Failure error={list.error.value} retry={() => list.restart()} />}
      {!list.isReady.value ? (
        list.error.value === null && <Waiting />
      ) : list.rows.value.length === 0 ? (
        <Empty>Nobody is banned from this room.</Empty>
      ) : (
        <BanTable place={place} bans={list.rows.value} lifted={reload} />
      )}
      {hasMore && <button onClick={more}>More bans</button>}
    </div>
  );
}

interface BanTableProps {
  readonly place: RoomPlace;
  readonly bans: readonly Ban[];
  lifted(changed: boolean): void;
}

function BanTable({ place, bans: list, lifted }: BanTableProps) {
  return (
    <div class="panel scroll" tabIndex={0} role="region" aria-label="Bans">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Who</th>
            <th scope="col">Until</th>
            <th scope="col">Why</th>
            <th scope="col">Since</th>
            {canOperate.value && <th scope="col">Act</th>}
          </tr>
        </thead>
        <tbody>
          {list.map(({ kind, subject, until, reason, created }) => (
            <tr key={`${kind}/${subject}`}>
              <td>{kind}</td>
              <th scope="row">
                {kind === "peer" ? (
                  <a href={roomHash(place, "peers", subject)}>
                    <code>{subject}</code>
                  </a>
                ) : (
                  <code>{subject}</code>
                )}
              </th>
              <td>{until === null ? "for ever" : dateTime(until)}</td>
              <td class="wide">{reason || "–"}</td>
              <td class="muted">{dateTime(created)}</td>
              {canOperate.value && (
                <td>
                  <button class="small" onClick={() => void liftBan(place, kind, subject).then(lifted)}>
                    Lift<span class="unseen"> the ban of {subject}</span>
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NewBan({ place, done }: { place: RoomPlace; done: (changed: boolean) => void }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = new FormData(form);
    const subject = String(values.get("subject") ?? "").trim();
    void banSubject(place, values.get("kind") as BanKind, subject).then((changed) => {
      if (changed) form.reset();
      done(changed);
    });
  };
  return (
    <form class="filters" onSubmit={submit} aria-label="Ban somebody">
      <select name="kind" aria-label="Kind">
        <option value="peer">Peer</option>
        <option value="address">Address</option>
        <option value="ticket">Ticket (jti)</option>
      </select>
      <input name="subject" aria-label="Who" placeholder="Who" required autocomplete="off" />
      <button class="danger">Ban …</button>
    </form>
  );
}
