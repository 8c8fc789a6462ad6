/** The lobby list and the probe of the SDK, against a relay as it ships. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConnectOptions, type RelayClient, connect } from "../../src/client/index.ts";
import { announceRoom, listRooms, withdrawRoom } from "../../src/client/lobby/index.ts";
import { RoomProbe, measureEdge, probeRegions } from "../../src/client/probe/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
});

function ticketOf(peer: bigint, more: object = {}): Promise<string> {
  return testTicket({ peer: String(peer), app: 480, ...more });
}

async function join(peer: bigint, room: string, options: Partial<ConnectOptions> = {}): Promise<RelayClient> {
  return connect({ url: relay.url, app: 480, room, ticket: await ticketOf(peer), ...options });
}

describe("the lobby list", () => {
  test("shows a room that one of its players has announced, to who looks for one like it", async () => {
    await using client = await join(1n, "arena");
    const place = { url: relay.url, app: 480, room: "arena", ticket: await ticketOf(client.peer, { lobby: true }) };
    await announceRoom({ ...place, maxPlayers: 8, data: { mode: "ctf", level: 3, ranked: true } });
    const look = { url: `${relay.url}/`, app: 480, ticket: await ticketOf(2n) };
    const where = { mode: "ctf", level: { min: 3, max: 4 }, ranked: true } as const;
    await expect
      .poll(async () => (await listRooms({ ...look, ticket: await ticketOf(stranger++), where, free: 7 })).rooms)
      .toMatchObject([{ room: "arena", players: 1, maxPlayers: 8, data: { mode: "ctf", level: 3, ranked: true } }]);
    expect(await listRooms({ ...look, where: { mode: "dm" } })).toEqual({ rooms: [], next: null });
    expect(await listRooms({ ...look, free: 8 })).toEqual({ rooms: [], next: null });
    await withdrawRoom(place);
    await expect.poll(async () => (await listRooms({ ...look, ticket: await ticketOf(stranger++) })).rooms).toEqual([]);
  });

  test("refuses in the client's words", async () => {
    const place = { url: relay.url, app: 480, room: "nobody-there" };
    const refused = announceRoom({ ...place, ticket: await ticketOf(3n, { lobby: true }) });
    await expect(refused).rejects.toMatchObject({ name: "RelayError", code: "not_in_room", status: 409 });
    await expect(announceRoom({ ...place, ticket: await ticketOf(3n) })).rejects.toMatchObject({
      code: "lobby_not_allowed",
    });
    await expect(listRooms({ url: "nonsense", app: 480, ticket: "x" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    const nobody = listRooms({ url: "http://127.0.0.1:9", app: 480, ticket: "x" });
    await expect(nobody).rejects.toMatchObject({ code: "dial_failed" });
  });
});

/** Each peer may ask only so often. */
let stranger = 1_000n;

describe("the probe", () => {
  test("measures the edge, and the room on the client's own socket", async () => {
    const probe = new RoomProbe();
    await expect(probe.measure()).rejects.toMatchObject({ code: "relay_closed" });
    await using client = await join(4n, "far", { WebSocket: probe.WebSocket });
    const ticket = await ticketOf(client.peer);
    const regions = await probeRegions({ url: relay.url, app: 480, room: "far", ticket, probe, count: 4 });
    for (const { medianMs, minMs, maxMs, count } of [regions.edge, regions.room.roundTrip!]) {
      expect(count).toBe(4);
      expect(minMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(minMs);
      expect(maxMs).toBeGreaterThanOrEqual(medianMs);
    }
    expect(regions.room).toMatchObject({ region: null, nearest: null });
    await client.close();
    await expect(probe.measure()).rejects.toMatchObject({ code: "relay_closed" });
  });

  test("several at once get an answer each, and the client still talks", async () => {
    const probe = new RoomProbe();
    await using client = await join(5n, "far", { WebSocket: probe.WebSocket });
    await using other = await join(6n, "far");
    other.onIncoming({}, (incoming) => void incoming.accept());
    const [first, second] = await Promise.all([probe.measure({ count: 20 }), probe.measure({ count: 20 })]);
    expect([first.count, second.count]).toEqual([20, 20]);
    const connection = await client.open(other.peer);
    expect(connection.peer).toBe(other.peer);
  });

  test("follows the client to another socket", async () => {
    const probe = new RoomProbe();
    await using client = await join(7n, "far", { WebSocket: probe.WebSocket });
    const reconnected = new Promise((resolve) => client.addEventListener("reconnected", resolve));
    client.reconnect();
    await reconnected;
    expect(await probe.measure({ count: 1 })).toMatchObject({ count: 1 });
  });

  test("takes no nonsense", async () => {
    for (const count of [0, 101, 1.5, Number.NaN]) {
      await expect(measureEdge({ url: relay.url, count })).rejects.toMatchObject({ code: "invalid_argument" });
    }
  });
});
