/** Sums that are kept up are the sums of what is there, whatever was reported, forgotten and begun anew. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RoomName } from "../../../../src/protocol/index.ts";
import { AppLedger, FORGET_MS, PRESENCE_MS } from "../../../../src/relay/directory/app-ledger.ts";
import { total } from "../../../../src/relay/directory/figures.ts";
import { migrate } from "../../../../src/storage/migrations.ts";
import { DIRECTORY_STEPS, SqlLedgerStore } from "../../../../src/storage/sql-directory.ts";
import { NodeSql } from "../../../support/node-sql.ts";
import { APP } from "../../../support/room.ts";
import { statisticsOf } from "./statistics.ts";

const step = fc.record({
  room: fc.constantFrom("", "a", "b", "c"),
  life: fc.constantFrom("1", "2"),
  packets: fc.nat(100),
  peers: fc.nat(2),
  wait: fc.constantFrom(0, 1_000, PRESENCE_MS, FORGET_MS, 20 * 24 * 3_600_000),
  behind: fc.constantFrom(0, 5 * 24 * 3_600_000),
});

test("totals are the sum over rooms and what is gone, before and after all is read anew", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const sql = new NodeSql();
      migrate(sql, DIRECTORY_STEPS);
      const store = new SqlLedgerStore(sql, APP);
      const ledger = new AppLedger(APP, store);
      let now = Date.UTC(2026, 10, 10);
      for (const { room, life, packets, peers, wait, behind } of steps) {
        now += wait;
        const statistics = statisticsOf(packets, { peers, monthBytes: 10 * packets });
        const name = room === "" ? undefined : (room as RoomName);
        ledger.report({ room: name, at: now - behind, statistics, life, version: 0 }, now);
        const { statistics: sums, rooms, oldest } = ledger.totals(now);
        const all = ledger.rooms({ limit: 100 }, now);
        const here = all.filter(({ statistics: { peers: some } }) => some > 0);
        const gone = store.loadRecord()?.gone;
        expect(sums.totalPackets - (gone?.totalPackets ?? 0)).toBe(
          total(all.map((one) => one.statistics)).totalPackets,
        );
        expect([rooms, oldest]).toEqual([
          here.length,
          here.length === 0 ? null : Math.min(...here.map((one) => one.lastSeen)),
        ]);
        expect(sums.peers).toBe(here.reduce((count, one) => count + one.statistics.peers, 0));
        expect(new AppLedger(APP, store).totals(now)).toEqual(ledger.totals(now));
      }
    }),
    { numRuns: 200 },
  );
}, 30_000);
