/** Packets thrown at the other end, to see how many get there. */
import { useState } from "preact/hooks";
import type { Deed } from "../code-sample.ts";
import type { PlaygroundPeer } from "../peer.ts";

const TOTAL = 200;
const BYTES = 200;
const PER_SECOND = 100;

interface Props {
  readonly peer: PlaygroundPeer;
  readonly onDeed: (deed: Deed) => void;
}

export function Throw({ peer, onDeed }: Props) {
  const [isThrowing, setThrowing] = useState(false);
  const thrown = peer.thrown.value;
  const begin = (): void => {
    setThrowing(true);
    onDeed({ kind: "throw", total: TOTAL, size: BYTES, perSecond: PER_SECOND });
    void peer.exchange.throw(TOTAL, BYTES, PER_SECOND).finally(() => setThrowing(false));
  };
  return (
    <div class="row throw">
      <button type="button" disabled={isThrowing} onClick={begin}>
        {isThrowing ? "Throwing…" : `Throw ${TOTAL} packets`}
      </button>
      <span class="muted" data-value="thrown">
        {thrown
          ? `${thrown.arrived} of ${thrown.total} thrown at ${peer.options.name} arrived`
          : `${BYTES} bytes each, unreliable`}
      </span>
    </div>
  );
}
