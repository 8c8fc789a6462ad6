/** One peer: how it stands, its network, what it sends and gets, and what happened. */
import type { Deed } from "../code-sample.ts";
import type { PlaygroundPeer } from "../peer.ts";
import type { Standing } from "../standing.ts";
import { NetworkControls } from "./network-controls.tsx";
import { Inbox, SendBox } from "./messages.tsx";
import { Statistics } from "./statistics.tsx";
import { Throw } from "./throw.tsx";
import { TimelineList } from "./timeline-list.tsx";

const WORDS: Readonly<Record<Standing, readonly [text: string, mood: string]>> = {
  joining: ["Joining", "plain"],
  waiting: ["In the room, not connected", "plain"],
  connecting: ["Connecting", "warn"],
  connected: ["Connected", "good"],
  reconnecting: ["No network: dialing", "bad"],
  away: ["The other end is away", "warn"],
  over: ["Has left the relay", "bad"],
  failed: ["Could not join", "bad"],
};

export interface PeerPanelProps {
  readonly peer: PlaygroundPeer;
  readonly tabLink: string | undefined;
  readonly onDeed: (deed: Deed) => void;
}

export function PeerPanel({ peer, tabLink, onDeed }: PeerPanelProps) {
  const { name } = peer.options;
  const [words, mood] = WORDS[peer.standing.value];
  return (
    <section class="panel peer" aria-labelledby={`peer-${name}`} data-peer={name} data-standing={peer.standing.value}>
      <div class="row">
        <h2 id={`peer-${name}`}>
          Peer {name} <span class="mono thin">{String(peer.options.peer)}</span>
        </h2>
        <span class={`badge ${mood}`} role="status">
          {words}
        </span>
        {tabLink && (
          <a href={tabLink} target="_blank" rel="noopener">
            Own tab
          </a>
        )}
      </div>
      <Statistics peer={peer} />
      <NetworkControls peer={peer} onDeed={onDeed} />
      <SendBox peer={peer} onDeed={onDeed} />
      <Throw peer={peer} onDeed={onDeed} />
      <Inbox peer={peer} />
      <TimelineList timeline={peer.timeline} owner={name} />
    </section>
  );
}
