/** That a peer keeps nothing alive of the request that it came with: headers, URL and signal are several KB each. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { PROTOCOL_VERSION, encodeControl } from "../../../src/protocol/index.ts";
import type { Admission } from "../../../src/relay/ports.ts";
import { parseSettings } from "../../../src/relay/settings.ts";
import { parseRoomAddress } from "../../../src/runtime/room-address.ts";
import { openDatabases } from "../../../src/runtime/standalone/databases.ts";

import { Rooms } from "../../../src/runtime/standalone/rooms.ts";
import type { Upgraded } from "../../../src/runtime/standalone/upgraded.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const LOBBY = parseRoomAddress("app/480/room/lobby");

/** A function of its own: what it leaves on the stack is gone when it has returned. */
async function join(rooms: Rooms): Promise<{ peer: Upgraded; request: WeakRef<Request> }> {
  const request = new Request("http://relay/", { headers: { authorization: "Bearer a-ticket" } });
  await rooms.join(LOBBY, { peer: 1n, visible: false } as Admission, request, {});
  const peer = rooms.takeAdmitted(request);
  if (!peer) throw new Error("was not let in");
  peer.opened({ send: () => undefined, close: () => undefined, bufferedAmount: () => 0 });
  peer.message(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
  return { peer, request: new WeakRef(request) };
}

test("a peer's request is garbage once it has joined", async () => {
  const settings = parseSettings(undefined);
  if (!settings.ok) throw new Error(settings.message);
  const rooms = new Rooms({
    databases: openDatabases(":memory:"),
    settingsFor: settings.settingsFor,
    log: () => undefined,
  });
  const { peer, request } = await join(rooms);
  await new Promise((resolve) => setTimeout(resolve, 0)); // a WeakRef holds on until its job is over
  collectGarbage();
  expect(request.deref()).toBeUndefined();
  expect(rooms.takeAdmitted(new Request("http://relay/"))).toBeUndefined();
  peer.closed(1000);
  rooms.close();
});
