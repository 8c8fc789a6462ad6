import { useEffect, useMemo, useState } from "preact/hooks";
import { parsePeerId } from "../protocol/index.ts";
import { type Deed, codeSample } from "./code-sample.ts";
import { familyOf } from "./families/index.ts";
import { type Parameters, readParameters, writeParameters } from "./parameters.ts";
import { CodeBox } from "./parts/code-box.tsx";
import { PeerPanel } from "./parts/peer-panel.tsx";
import { Setup, type Tickets } from "./parts/setup.tsx";
import { PlaygroundPeer } from "./peer.ts";
import { developmentTicket } from "./tickets.ts";

const NO_TICKETS: Tickets = { a: "", b: "" };

export function App() {
  const [parameters, setParameters] = useState(() => readParameters(location.search));
  const [tickets, setTickets] = useState(NO_TICKETS);
  const [last, setLast] = useState<{ readonly deed: Deed; readonly isCaller: boolean }>({
    deed: { kind: "connect" },
    isCaller: parameters.view !== "b",
  });
  const peers = useMemo(() => makePeers(parameters, tickets), [parameters, tickets]);
  useEffect(() => {
    for (const peer of peers) void peer.start();
    return () => peers.forEach((peer) => peer.stop());
  }, [peers]);

  const connectAgain = (next: Parameters, nextTickets: Tickets): void => {
    history.replaceState(null, "", writeParameters(next));
    setTickets(nextTickets);
    setParameters({ ...next }); // a new object: the peers start anew also with the same settings
    setLast({ deed: { kind: "connect" }, isCaller: next.view !== "b" });
  };

  return (
    <>
      <header class="top">
        <h1>
          edge-relay <span class="thin">playground</span>
        </h1>
        <nav aria-label="Pages">
          <a href="/playground/game/">Game</a>
          <a href="/dashboard/">Dashboard</a>
        </nav>
      </header>
      <main>
        <Setup parameters={parameters} tickets={tickets} onConnect={connectAgain} />
        <div class={`panels ${peers.length === 1 ? "alone" : ""}`}>
          {peers.map((peer) => (
            <PeerPanel
              key={`${peer.options.name}-${peer.options.peer}`}
              peer={peer}
              tabLink={parameters.view === "both" ? writeParameters({ ...parameters, view: nameOf(peer) }) : undefined}
              onDeed={(deed) => setLast({ deed, isCaller: peer.options.isCaller })}
            />
          ))}
        </div>
        <CodeBox code={codeSample(parameters, last.deed, last.isCaller)} />
      </main>
    </>
  );
}

function nameOf(peer: PlaygroundPeer): "a" | "b" {
  return peer.options.isCaller ? "a" : "b";
}

function makePeers({ app, room, family, a, b, view }: Parameters, tickets: Tickets): PlaygroundPeer[] {
  const ends = [
    { name: "a", own: a, other: b },
    { name: "b", own: b, other: a },
  ] as const;
  return ends
    .filter(({ name }) => view === "both" || view === name)
    .flatMap(({ name, own, other }) => {
      const [peer, otherPeer] = [parsePeerId(own), parsePeerId(other)];
      if (peer === undefined || otherPeer === undefined) return [];
      const ticket = async (): Promise<string> =>
        tickets[name] || developmentTicket({ app, peer: own, ...(room && { room }) });
      const isCaller = name === "a";
      return new PlaygroundPeer({
        name: name.toUpperCase(),
        app,
        room,
        peer,
        other: otherPeer,
        family: familyOf(family),
        isCaller,
        ticket,
      });
    });
}
