import { expect, test } from "vitest";
import { parseHash, roomHash } from "../../../src/dashboard/routing/route.ts";

test.each([
  ["", { view: "apps" }],
  ["#/", { view: "apps" }],
  ["#/api", { view: "api" }],
  ["#/apps/480", { view: "rooms", app: 480 }],
  ["#/apps/480/settings", { view: "settings", app: 480 }],
  ["#/apps/x", { view: "unknown" }],
  ["#/apps/480/room/nonsense", { view: "unknown" }],
  ["#/elsewhere", { view: "unknown" }],
  // In the path of a request it would lead to another room, or to another route.
  ["#/apps/480/rooms/../peers", { view: "unknown" }],
  ["#/apps/480/room/peers/%2e%2e", { view: "unknown" }],
])("%s", (hash, route) => {
  expect(parseHash(hash).route).toEqual(route);
});

test.each([
  { app: 480, room: undefined },
  { app: 480, room: "lobby~1.a" },
  // Rooms that are called as views are.
  { app: 480, room: "overview" },
  { app: 480, room: "settings" },
])("what is written is read again: $room", (place) => {
  for (const subject of [undefined, "76561197960287930"]) {
    const { route } = parseHash(roomHash(place, "peers", subject));
    expect(route).toEqual({ view: "room", place, tab: "peers", subject });
  }
});

test("what follows the question mark is no part of the place", () => {
  const { route, query } = parseHash("#/apps/480/room/connections?peer=7&state=Connected");
  expect(route).toMatchObject({ tab: "connections", subject: undefined });
  expect(Object.fromEntries(query)).toEqual({ peer: "7", state: "Connected" });
});
