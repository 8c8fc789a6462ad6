/**
 * Rooms on the sockets of the runtime that runs this, with no routes before them: `?peer=1` joins and `?watch` watches. Prints
 * its port. For the tests of how each runtime upgrades.
 */
import { parseAppId, parsePeerId } from "../../../src/protocol/index.ts";
import { listenOn, runtimeName } from "../../../src/cli/platform.ts";
import { parseSettings } from "../../../src/relay/settings.ts";
import type { StandaloneConfiguration } from "../../../src/runtime/standalone/configuration.ts";
import { openDatabases } from "../../../src/runtime/standalone/databases.ts";
import type { StandaloneRelay } from "../../../src/runtime/standalone/relay.ts";
import { Rooms } from "../../../src/runtime/standalone/rooms.ts";

const settings = parseSettings(undefined);
if (!settings.ok) throw new Error(settings.message);
const { settingsFor } = settings;
const rooms = new Rooms({ databases: openDatabases(":memory:"), settingsFor, log: () => undefined });
const address = { app: parseAppId("480")!, room: undefined };

const relay = {
  async answer(request: Request) {
    const { searchParams } = new URL(request.url);
    if (searchParams.has("drain")) return Response.json(rooms.drain(1_000));
    const peer = parsePeerId(searchParams.get("peer") ?? undefined);
    const response = searchParams.has("watch")
      ? await rooms.watch(address, request)
      : await rooms.join(address, { peer: peer!, visible: false }, request, {});
    return rooms.takeAdmitted(request) ?? response;
  },
} as Pick<StandaloneRelay, "answer"> as StandaloneRelay;

const { listen } = await listenOn(runtimeName());
const { port } = await listen(relay, { host: "127.0.0.1", port: 0 } as StandaloneConfiguration);
// oxlint-disable-next-line no-console -- its one line of output
console.log(port);
