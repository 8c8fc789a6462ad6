import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { token } from "../api/session.ts";
import type { RoomPlace } from "../api/types.ts";
import { follow } from "../live/room-feed.ts";
import { Notices } from "../parts/notices.tsx";
import { Questions } from "../parts/question.tsx";
import { here } from "../routing/location.ts";
import { type Route, roomTitle } from "../routing/route.ts";
import { Empty } from "../parts/states.tsx";
import { Apps } from "./apps.tsx";
import { Audit } from "./audit.tsx";
import { Bans } from "./bans.tsx";
import { ConnectionPage } from "./connection.tsx";
import { Connections } from "./connections.tsx";
import { later } from "./later.tsx";
import { Overview } from "./overview.tsx";
import { PeerPage } from "./peer.tsx";
import { Peers } from "./peers.tsx";
import { Rooms } from "./rooms.tsx";
import { SettingsPage } from "./settings.tsx";
import { Shell } from "./shell.tsx";
import { SignIn } from "./sign-in.tsx";

const Graph = later(() => import("./graph.tsx").then(({ Graph: found }) => found));
const ApiReference = later(() => import("./api-reference.tsx").then(({ ApiReference: found }) => found));

effect(() => {
  const { route } = here.value;
  follow(route.view === "room" && token.value !== null ? route.place : undefined);
});

export function Page() {
  const { route } = here.value;
  const title = titleOf(route);
  useEffect(() => {
    document.title = `${title} · edge-relay`;
  }, [title]);
  return (
    <>
      {token.value === null ? (
        <SignIn />
      ) : (
        <Shell route={route}>
          <View route={route} />
        </Shell>
      )}
      <Questions />
      <Notices />
    </>
  );
}

function View({ route }: { route: Route }) {
  switch (route.view) {
    case "apps":
      return <Apps />;
    case "rooms":
      return <Rooms key={route.app} app={route.app} />;
    case "settings":
      return <SettingsPage key={route.app} app={route.app} />;
    case "api":
      return <ApiReference />;
    case "room":
      return <RoomTab key={`${route.place.app}/${route.place.room ?? ""}`} {...route} />;
    case "unknown":
      return <Empty>There is nothing at this address. It may be of another release.</Empty>;
  }
}

function RoomTab({ place, tab, subject }: Extract<Route, { view: "room" }>) {
  const room: { place: RoomPlace } = { place };
  switch (tab) {
    case "overview":
      return <Overview {...room} />;
    case "connections":
      return subject === undefined ? (
        <Connections {...room} />
      ) : (
        <ConnectionPage {...room} id={subject} key={subject} />
      );
    case "peers":
      return subject === undefined ? <Peers {...room} /> : <PeerPage {...room} peer={subject} key={subject} />;
    case "graph":
      return <Graph {...room} />;
    case "bans":
      return <Bans {...room} />;
    case "audit":
      return <Audit {...room} />;
  }
}

function titleOf(route: Route): string {
  if (route.view === "room") return `${roomTitle(route.place)} ${route.tab}`;
  if (route.view === "rooms" || route.view === "settings") return `App ${route.app} ${route.view}`;
  return route.view === "api" ? "Admin API" : "Apps";
}
