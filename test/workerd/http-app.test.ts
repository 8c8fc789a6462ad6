/** The HTTP side over a platform of the test's own: what is injected is what counts. */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { ConfigurationCache } from "../../src/http/configuration.ts";
import type { ClientGeo, RelayEnvironment, RoomGateway } from "../../src/http/gateway.ts";
import type { RoomAdmin } from "../../src/relay/operations/index.ts";
import type { LogEntry } from "../../src/relay/ports.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { RelayObjects } from "../../src/runtime/cloudflare/objects.ts";
import { DurableRooms } from "../../src/runtime/cloudflare/rooms.ts";
import { parseRoomAddress, roomName } from "../../src/runtime/room-address.ts";
import { TEST_SECRET, testTicket } from "../support/tickets.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, connectUrl } from "./support/peer.ts";

const keys: RelayEnvironment = { TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: "admin-token-of-tests" };
const NOW = 1_700_000_000_000;

function platform(geo: ClientGeo = {}) {
  const join = vi.fn<RoomGateway["join"]>(async () => new Response("joined"));
  const refusal = vi.fn<RoomGateway["refusal"]>(async () => undefined);
  const admin = vi.fn<RoomGateway["admin"]>(
    () => ({ statistics: () => Promise.reject(new Error("no disk")) }) as unknown as RoomAdmin,
  );
  const lines: LogEntry[] = [];
  const geoOf = vi.fn<(request: Request) => ClientGeo>(() => geo);
  const app = createApp<RelayEnvironment>({
    runtime: "test",
    rooms: () => ({ join, refusal, admin }) as unknown as RoomGateway,
    pages: () => undefined,
    geo: geoOf,
    address: (request) => request.headers.get("x-test-address") ?? undefined,
    now: () => NOW,
    log: (entry) => lines.push(entry),
  });
  return { app, join, refusal, geoOf, lines };
}

async function joinRequest(ticket: Parameters<typeof testTicket>[0], url = connectUrl({})): Promise<Request> {
  const headers = {
    upgrade: "websocket",
    "sec-websocket-protocol": "edge-relay.v1",
    authorization: `Bearer ${await testTicket(ticket)}`,
  };
  return new Request(url, { headers });
}

describe("createApp", () => {
  it("hands the room what the platform says of where a client is", async () => {
    const geo: ClientGeo = { colo: "SYD", country: "AU", latitude: -33.87, longitude: 151.21 };
    const { app, join, geoOf } = platform(geo);
    const request = await joinRequest({ peer: ALICE, now: NOW, visible: true });
    const response = await app.fetch(request, keys);
    expect(await response.text()).toBe("joined");
    expect(geoOf).toHaveBeenCalledExactlyOnceWith(request);
    expect(join).toHaveBeenCalledExactlyOnceWith(
      { app: 480, room: undefined },
      { peer: ALICE, visible: true },
      request,
      geo,
    );
  });

  it("does not keep a failure to read its configuration: the next request tries again", async () => {
    let reads = 0;
    const env: RelayEnvironment = {
      get TICKET_SECRET() {
        // The first read is for the cache's key, the second for the key itself.
        if (++reads === 2) throw new Error("no secret store");
        return TEST_SECRET;
      },
    };
    const configurations = new ConfigurationCache();
    await expect(configurations.load(env)).rejects.toThrow("no secret store");
    expect(await configurations.load(env)).toMatchObject({ ok: true });
  });

  it("asks nothing of where a client is that it does not let in", async () => {
    const { app, join, geoOf } = platform();
    const response = await app.fetch(await joinRequest({ peer: ALICE, app: 481, now: NOW }), keys);
    expect(response.status).toBe(403);
    expect(geoOf).not.toHaveBeenCalled();
    expect(join).not.toHaveBeenCalled();
  });

  it("takes the time from the platform: to the second, and with the tolerance for clocks", async () => {
    const { app } = platform();
    const statusAt = async (signed: number) => {
      const request = await joinRequest({ peer: ALICE, now: signed, expiresInSeconds: 60 });
      return (await app.fetch(request, keys)).status;
    };
    expect(await statusAt(NOW - 89_000)).toBe(200);
    expect(await statusAt(NOW - 90_000)).toBe(401);
    expect(await statusAt(NOW + 30_000)).toBe(200);
    expect(await statusAt(NOW + 31_000)).toBe(401);
  });

  it("reads the environment anew when it changes, and not otherwise", async () => {
    const { app } = platform();
    const request = await joinRequest({ peer: ALICE, now: NOW });
    const imports = vi.spyOn(crypto.subtle, "importKey");
    const codes = [];
    for (const env of [keys, { ...keys }, { TICKET_SECRET: "" }, keys, { TICKET_SECRET: "x".repeat(32) }]) {
      codes.push((await app.fetch(request.clone(), env)).status);
    }
    expect(codes).toEqual([200, 200, 503, 200, 401]);
    expect(imports).toHaveBeenCalledTimes(3);
    imports.mockRestore();
  });

  it("answers its own failure with 500, and tells the log rather than the stranger", async () => {
    const { app, lines } = platform();
    const request = new Request("http://relay.test/v1/admin/apps/480/statistics", {
      headers: { authorization: "Bearer admin-token-of-tests" },
    });
    const response = await app.fetch(request, keys);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: "internal_error", status: 500 });
    expect(text).not.toContain("no disk");
    expect(lines).toMatchObject([{ level: "error", event: "http_error", error: expect.stringContaining("no disk") }]);
  });
});

function roomsThatThrow(error: unknown): DurableRooms {
  const getByName = () => ({ fetch: () => Promise.reject(error) });
  const namespace = { getByName } as unknown as DurableObjectNamespace<RelayRoom>;
  const objects = new RelayObjects({ RELAY_ROOMS: namespace, RELAY_DIRECTORY: env.RELAY_DIRECTORY });
  return new DurableRooms(objects, new DurableDirectory(objects));
}

describe("DurableRooms", () => {
  it.each([
    {
      what: "an overloaded object",
      error: Object.assign(new Error("too much"), { overloaded: true }),
      code: "room_overloaded",
      status: 503,
    },
    { what: "a broken object", error: new Error("boom"), code: "internal_error", status: 500 },
    { what: "whatever was thrown", error: null, code: "internal_error", status: 500 },
  ])("$what is $status $code", async ({ error, code, status }) => {
    const lines = captureLogs();
    const request = await joinRequest({ peer: ALICE });
    const address = { app: parseRoomAddress("app/480").app, room: undefined };
    const response = await roomsThatThrow(error).join(address, { peer: ALICE as never, visible: false }, request, {});
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "5" : null);
    expect(await response.json()).toMatchObject({ code });
    expect(lines.at(-1)).toMatchObject({ level: "error", event: "room_failed", room: "app/480" });
    vi.restoreAllMocks();
  });

  it("an object's name says its app and room, and is read back", () => {
    for (const name of ["app/1", "app/4294967295", "app/480/room/a", "app/480/room/Lobby.1_~-"]) {
      expect(roomName(parseRoomAddress(name))).toBe(name);
    }
    for (const name of [undefined, "", "480", "app/0", "app/4294967296", "room/480"]) {
      expect(() => parseRoomAddress(name)).toThrow("its name is no room");
    }
  });
});
