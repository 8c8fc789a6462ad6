import { expect, test, vi } from "vitest";
import { NetworkingSockets, SteamConnectionState } from "../../../src/client/steam/index.ts";
import { Path, encodeControl } from "../../../src/protocol/index.ts";
import { LASTING, ScriptedRelay } from "../client/scripted-relay.ts";

const { Connecting, FindingRoute, Connected, ProblemDetectedLocally } = SteamConnectionState;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test("a session that is being resumed is FindingRoute, posted on the way in and out; a peer that is away is Connected", async () => {
  const relay = new ScriptedRelay((self) => self.send(encodeControl("welcome", LASTING)));
  const sockets = new NetworkingSockets(await relay.connect());
  const posted: [number, number][] = [];
  sockets.addEventListener("connectionStatusChanged", ({ detail }) =>
    posted.push([detail.oldState, detail.info.state]),
  );
  const connection = sockets.connectP2P(5n, 0);
  const waiting = sockets.connectP2P(6n, 0);
  const state = (): number | undefined => sockets.getConnectionInfo(connection)?.state;
  await turn();
  relay.send(encodeControl("connecting", { request: 1, handle: 7, connectionId: 7n, state: 1 }));
  await turn();
  posted.length = 0;

  relay.send(relay.path(7, Path.Away));
  expect(state()).toBe(Connected);
  relay.resumeWith(relay.state(7, 1));
  relay.socket?.drop();
  expect(state()).toBe(FindingRoute);
  expect(sockets.getConnectionInfo(waiting)?.state).toBe(Connecting);
  expect(sockets.sendMessageToConnection(connection, Uint8Array.of(1), 8).result).toBe(1);
  await vi.waitFor(() =>
    expect(posted).toEqual([
      [Connected, FindingRoute],
      [FindingRoute, Connected],
    ]),
  );

  relay.atHello = (self) => self.send(encodeControl("welcome", { ...LASTING, session: 10n }));
  relay.socket?.drop();
  await vi.waitFor(() =>
    expect(posted.slice(2)).toEqual([
      [Connected, FindingRoute],
      [FindingRoute, ProblemDetectedLocally],
    ]),
  );
  expect(sockets.getConnectionInfo(connection)?.endReason).toBe(5107);
});
