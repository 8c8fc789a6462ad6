/** Where rooms are created, and what is known of it. */
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type AppId, parseAppId, parseRoomName } from "../../src/protocol/index.ts";
import type { Admission } from "../../src/relay/ports.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import { RelayObjects, objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { DurableRooms } from "../../src/runtime/cloudflare/rooms.ts";
import { testTicket } from "../support/tickets.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, TestPeer } from "./support/peer.ts";
import { freshApp, operatorOf, roomOf } from "./support/room.ts";

const TOKYO = { latitude: "35.69", longitude: "139.75", country: "JP", continent: "AS", colo: "NRT" };
const PARIS = { latitude: "48.86", longitude: "2.35", country: "FR", continent: "EU", colo: "CDG" };
const directory = new DurableDirectory(objectsOf(env));

/** As the directory lists it. */
async function regionOf(app: number, room: string): Promise<string | null | undefined> {
  return vi.waitFor(async () => {
    const rooms = await directory.app(parseAppId(app) as AppId).rooms({ limit: 10 });
    const found = rooms.find((one) => one.room === room);
    expect(found).toBeDefined();
    return found?.region;
  });
}

describe("a room", () => {
  it("is where its first player is, says so in its reports, and knows it after an eviction", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE, cf: TOKYO });
    await TestPeer.enter({ app, room: "r", peer: BOB, cf: PARIS });
    expect(await regionOf(app, "r")).toBe("apac-ne");
    expect(await roomOf(app, "r").region()).toBe("apac-ne");
    await evictDurableObject(roomOf(app, "r"));
    expect(await roomOf(app, "r").region()).toBe("apac-ne");
    a.socket.close(1000);
  });

  it("that an operator has asked for first is where nobody knows", async () => {
    const app = freshApp();
    await operatorOf(roomOf(app, "r")).statistics();
    await TestPeer.enter({ app, room: "r", peer: ALICE, cf: TOKYO });
    expect(await regionOf(app, "r")).toBeNull();
  });

  it.each(["place", "connect"])(
    "that a player has asked about first (%s) is where that player is",
    async (question) => {
      const app = freshApp();
      const ticket = await testTicket({ app, peer: BOB });
      const request = new Request(`http://relay.test/v1/apps/${app}/rooms/r/${question}`, {
        headers: { authorization: `Bearer ${ticket}` },
        cf: TOKYO,
      } as RequestInit);
      await exports.default.fetch(request);
      await TestPeer.enter({ app, room: "r", peer: ALICE, cf: PARIS });
      expect(await regionOf(app, "r")).toBe("apac-ne");
    },
  );

  it("is not where a client says in a header that it should be", async () => {
    const app = freshApp();
    await TestPeer.enter({ app, room: "r", peer: ALICE, cf: {}, headers: { "edge-relay-hint": "oc" } });
    expect(await regionOf(app, "r")).toBeNull();
  });
});

/** What the platform is asked for: it does not tell a local workerd's objects where they were to be. */
class RecordedNamespace {
  readonly asked: string[] = [];
  readonly #place: string;

  constructor(place = "") {
    this.#place = place;
  }

  getByName(name: string, options?: { locationHint?: string }) {
    this.asked.push(`${this.#place}${name} ${options?.locationHint ?? "-"}`);
    return {
      fetch: async () => Response.json({ code: "room_full" }, { status: 429 }),
      refusal: async () => undefined,
      region: async () => undefined,
      announce: async () => ({ outcome: "done" }),
      operate: async () => undefined,
    };
  }

  jurisdiction(name: string) {
    const within = new RecordedNamespace(`${name}:`);
    Object.defineProperty(within, "asked", { value: this.asked });
    return within;
  }
}

describe("what the platform is asked", () => {
  const admission = { peer: ALICE, visible: false } as Admission;
  const tokyo = { latitude: 35.7, longitude: 139.7 };

  it.each([
    ["{}", "app/480/room/r apac-ne", "app/480/room/r -"],
    ['{"480":{"jurisdiction":"eu"}}', "eu:app/480/room/r eeur", "eu:app/480/room/r -"],
    [
      '{"default":{"jurisdiction":"fedramp-high"}}',
      "fedramp-high:app/480/room/r wnam",
      "fedramp-high:app/480/room/r -",
    ],
  ])("with settings %s", async (settings, joined, other) => {
    const [rooms, directories] = [new RecordedNamespace(), new RecordedNamespace()];
    const objects = new RelayObjects({
      RELAY_ROOMS: rooms as unknown as DurableObjectNamespace<RelayRoom>,
      RELAY_DIRECTORY: directories as never,
      APP_SETTINGS: settings,
    });
    const gateway = new DurableRooms(objects, new DurableDirectory(objects));
    const address = { app: parseAppId(480)!, room: parseRoomName("r") };
    await gateway.join(address, admission, new Request("http://relay/"), tokyo);
    await gateway.refusal(address, admission, tokyo);
    await gateway.region(address, tokyo);
    await gateway.announce(address, admission.peer, undefined);
    await gateway.watch(address);
    await gateway.admin(address).statistics();
    expect(rooms.asked).toEqual([joined, joined, joined, other, other, other]);
    objects.directoryOf(address);
    expect(directories.asked).toEqual([`${joined.split("app/")[0]}app/480 -`]);
  });

  it("nothing at all where the settings cannot be read", () => {
    const objects = new RelayObjects({ ...env, APP_SETTINGS: "{" });
    expect(() => objects.room({ app: parseAppId(480)!, room: undefined })).toThrow("APP_SETTINGS is not JSON");
  });
});

it("an app of a jurisdiction is served by a workerd of one's own, which says that it knows none", async () => {
  const lines = captureLogs();
  await TestPeer.enter({ app: 3005, room: "r", peer: ALICE, cf: TOKYO });
  expect(await roomOf(3005, "r").region()).toBe("eeur");
  await regionOf(3005, "r");
  expect(lines.filter(({ event }) => event === "jurisdiction_ignored")).toMatchObject([{ app: 3005 }]);
});
