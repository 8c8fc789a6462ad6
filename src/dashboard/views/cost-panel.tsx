/** What the room would cost on Cloudflare, by the last hour and by the last day. */
import { history } from "../api/routes.ts";
import type { RoomPlace } from "../api/types.ts";
import { useResource } from "../api/use-resource.ts";
import { ASSUMPTIONS, type Cost, awakeMinutesOf, estimate, perMonth } from "../cost/estimate.ts";
import { PRICES } from "../../cost/prices.ts";
import { Loaded } from "../parts/states.tsx";
import { count, dollars } from "../text/numbers.ts";

const EVERY_MS = 60_000;
const HOUR = 3_600_000;
const DAY_HOURS = 24;

export function CostPanel({ place }: { place: RoomPlace }) {
  const key = `cost ${JSON.stringify(place)}`;
  const from = Math.floor((Date.now() - DAY_HOURS * HOUR) / 60_000) * 60_000;
  const found = useResource(key, (signal) => history(place, { resolution: "minute", from }, signal), EVERY_MS);
  return (
    <section class="panel cost">
      <h2>What it costs on Cloudflare</h2>
      <Loaded from={found}>
        {({ buckets }) => {
          const hour = buckets.filter(({ at }) => at >= Date.now() - HOUR);
          const [last, day] = [estimate(hour, awakeMinutesOf(hour)), estimate(buckets, awakeMinutesOf(buckets))];
          return (
            <>
              <dl class="sums">
                <div>
                  <dt>The last hour</dt>
                  <dd>{dollars(last.total)}</dd>
                </div>
                <div>
                  <dt>A month like this hour</dt>
                  <dd>{dollars(perMonth(last.total, 1))}</dd>
                </div>
                <div>
                  <dt>A month like the last 24 h</dt>
                  <dd>{dollars(perMonth(day.total, DAY_HOURS))}</dd>
                </div>
              </dl>
              <Parts of={last} />
            </>
          );
        }}
      </Loaded>
      <details>
        <summary>What this assumes</summary>
        <ul>
          {ASSUMPTIONS.map((text) => (
            <li key={text}>{text}</li>
          ))}
          <li>
            The paid plan includes {count(PRICES.included.requests)} requests, {count(PRICES.included.gigabyteSeconds)}{" "}
            GB-s and {count(PRICES.included.rowsWritten)} rows written each month, for everything in the account.
          </li>
          <li>Source: {PRICES.source}. A relay on your own machine costs what the machine costs.</li>
        </ul>
      </details>
    </section>
  );
}

function Parts({ of: { usage, requests, duration, rows } }: { of: Cost }) {
  return (
    <table class="plain tight">
      <thead>
        <tr>
          <th scope="col">In the last hour</th>
          <th scope="col" class="number">
            Used
          </th>
          <th scope="col" class="number">
            Costs
          </th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Requests</th>
          <td class="number">{count(Math.round(usage.requests))}</td>
          <td class="number">{dollars(requests)}</td>
        </tr>
        <tr>
          <th scope="row">Duration, GB-s</th>
          <td class="number">{count(Math.round(usage.gigabyteSeconds))}</td>
          <td class="number">{dollars(duration)}</td>
        </tr>
        <tr>
          <th scope="row">Rows written</th>
          <td class="number">{count(Math.round(usage.rowsWritten))}</td>
          <td class="number">{dollars(rows)}</td>
        </tr>
      </tbody>
    </table>
  );
}
