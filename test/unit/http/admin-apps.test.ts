import { expect, test } from "vitest";
import { createAdminApi } from "../../../src/http/admin/api.ts";
import type { AdminBindings } from "../../../src/http/admin/environment.ts";

test("a page of apps asks no more of them than a request may make subrequests, and says where to go on", async () => {
  let most = 0;
  const directory = {
    apps: async ({ after, limit }: { after: number; limit: number }) => {
      most = limit;
      return Array.from({ length: limit }, (_, i) => {
        return { app: after + i + 1, rooms: 0, peers: 0, activeConnections: 0, lastSeen: 0 };
      });
    },
  };
  const operator = { name: "a", scope: "read", apps: undefined } as const;
  const env = { operator, rooms: { directory }, log: () => undefined } as unknown as AdminBindings;
  const response = await createAdminApi().fetch(new Request("http://relay/v1/admin/apps?limit=1000&after=7"), env);
  const { apps, next } = (await response.json()) as { apps: { app: number }[]; next: number };
  expect(most).toBeLessThan(1_000);
  expect([apps.length, next]).toEqual([most, apps.at(-1)?.app]);
});
