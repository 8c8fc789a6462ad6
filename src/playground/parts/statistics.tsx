/** What this end measures of the connection, twice or thrice a second. */
import type { PlaygroundPeer } from "../peer.ts";
import { bytes } from "./text.ts";
import { Sparkline } from "./sparkline.tsx";

export function Statistics({ peer }: { readonly peer: PlaygroundPeer }) {
  const numbers = peer.numbers.value;
  const ping = numbers && numbers.pingMs >= 0 ? numbers.pingMs : undefined;
  return (
    <div class="statistics">
      <div class="ping">
        <span class="number" data-value="ping">
          {ping === undefined ? "–" : ping < 10 ? ping.toFixed(1) : Math.round(ping)}
        </span>
        <span class="muted">ms round trip</span>
        <Sparkline values={peer.pings.value} />
      </div>
      <dl>
        <Row term="Arrives in order here">{share(numbers?.qualityLocal)}</Row>
        <Row term="and at the other end">{share(numbers?.qualityRemote)}</Row>
        <Row term="Out">{numbers ? `${Math.round(numbers.outPackets)}/s, ${bytes(numbers.outBytes)}/s` : "–"}</Row>
        <Row term="In">{numbers ? `${Math.round(numbers.inPackets)}/s, ${bytes(numbers.inBytes)}/s` : "–"}</Row>
        <Row term="Not acknowledged">{numbers ? bytes(numbers.waiting) : "–"}</Row>
        <Row term="Lost by this network">{peer.lost.value}</Row>
      </dl>
    </div>
  );
}

function Row({ term, children }: { readonly term: string; readonly children: string | number }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** -1 is not known yet. */
function share(value: number | undefined): string {
  return value === undefined || value < 0 ? "–" : `${Math.round(value * 100)} %`;
}
