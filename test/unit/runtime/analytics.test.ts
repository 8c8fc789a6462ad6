import { expect, test } from "vitest";
import { MeasuredRoomStore, RoomAnalytics } from "../../../src/runtime/cloudflare/analytics.ts";
import { migrate } from "../../../src/storage/migrations.ts";
import { NodeSql } from "../../support/node-sql.ts";

test("a store that is measured keeps all that it is given: the counters, and the history with them", () => {
  const sql = new NodeSql();
  migrate(sql);
  const analytics = new RoomAnalytics({ writeDataPoint: () => undefined }, { app: 480, room: "", region: () => "" });
  const store = new MeasuredRoomStore(sql, analytics, () => undefined);
  const row = { slot: 3, packed: new Float64Array([1, 2, 3]) };
  store.saveCounters(new Float64Array([3, 1]), [row]);
  expect(store.loadHistory(0, 99)).toEqual([row]);
});
