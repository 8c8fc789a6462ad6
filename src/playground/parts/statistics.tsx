/** What this end measures of the connection, twice or thrice a second. */
import type { PlaygroundPeer } from "../peer.ts";
import { bytes } from "./text.ts";
import { Sparkline } from "./sparkline.tsx";

export function Statistics({ peer }: { readonly peer: PlaygroundPeer }) {
  const numbers = peer.numbers.value;
  const echo = peer.echoes.value.at(-1);
  return (
    <div class="statistics">
      <div class="ping">
        <span class="number" data-value="ping">
          {echo === undefined ? "–" : ms(echo)}
        </span>
        <span class="muted">ms there and back</span>
        <Sparkline values={peer.echoes.value} />
      </div>
      <dl>
        <Row term="Ping, smoothed by the client">
          {numbers && numbers.pingMs >= 0 ? `${ms(numbers.pingMs)} ms` : "–"}
        </Row>
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

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}
