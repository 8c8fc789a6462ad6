/** Which room each peer is in, by what rooms have reported: what rule X1 of docs/trunk.md asks. */
import { beforeEach, describe, expect, test } from "vitest";
import type { PeerId, RoomName } from "../../../../src/protocol/index.ts";
import { AppLedger } from "../../../../src/relay/directory/app-ledger.ts";
import { NOTHING } from "../../../../src/relay/directory/figures.ts";
import { latestOf, packPeers } from "../../../../src/relay/directory/whereabouts.ts";
import { migrate } from "../../../../src/storage/migrations.ts";
import { DIRECTORY_STEPS, SqlLedgerStore } from "../../../../src/storage/sql-directory.ts";
import { NodeSql } from "../../../support/node-sql.ts";
import { ALICE, APP, BOB, CAROL } from "../../../support/room.ts";

let sql: NodeSql;
let ledger: AppLedger;

beforeEach(() => {
  sql = newSql();
  ledger = new AppLedger(APP, new SqlLedgerStore(sql, APP));
});

function newSql(): NodeSql {
  const database = new NodeSql();
  migrate(database, DIRECTORY_STEPS);
  return database;
}

function report(
  room: string,
  peers: readonly PeerId[] | undefined,
  now: number,
  more: { isLast?: boolean } = {},
): void {
  const peerIds = peers && { peerIds: packPeers(peers) };
  const name = room === "" ? undefined : (room as RoomName);
  ledger.report(
    { room: name, at: now, statistics: NOTHING, life: `life of ${room}`, version: 0, ...peerIds, ...more },
    now,
  );
}

const whereIs = (...peers: PeerId[]) => ledger.locate(peers).map((found) => found?.room);

function rows(): number {
  return Number(sql.all(`SELECT COUNT(*) AS n FROM directory_peers`)[0]?.["n"]);
}

describe("a peer", () => {
  test("[X1] is where it was named last, and nowhere when nobody names it any more", () => {
    report("", [ALICE], 1);
    report("y", [BOB], 2);
    expect(whereIs(ALICE, BOB, CAROL)).toEqual(["", "y", undefined]);
    report("y", [BOB, ALICE], 3);
    expect(whereIs(ALICE)).toEqual(["y"]);
    report("y", [BOB], 4);
    expect(whereIs(ALICE)).toEqual([""]);
    report("", [], 5);
    report("y", undefined, 6); // says nothing of who is there: they are as they were
    expect(whereIs(ALICE, BOB)).toEqual([undefined, "y"]);
    expect(rows()).toBe(1);
  });

  test("is found by a directory that has lost its memory", () => {
    report("y", [BOB, ALICE], 1);
    ledger = new AppLedger(APP, new SqlLedgerStore(sql, APP));
    expect(whereIs(ALICE, BOB)).toEqual(["y", "y"]);
  });

  test("is not in a room whose storage was cleared", () => {
    report("y", [BOB], 1);
    report("y", undefined, 2, { isLast: true });
    expect(whereIs(BOB)).toEqual([undefined]);
    expect(rows()).toBe(0);
  });

  test("goes with its room to another object", () => {
    report("y", [BOB], 7);
    const other = new AppLedger(APP, new SqlLedgerStore(newSql(), APP));
    const room = "y" as RoomName;
    other.adopt(ledger.moved(room)!);
    ledger.handOver(room);
    expect(whereIs(BOB)).toEqual([undefined]);
    expect(rows()).toBe(0);
    expect(other.locate([BOB])).toEqual([{ room: "y", since: 7 }]);
  });
});

describe("several objects", () => {
  test("[X1] of two that name the same peer the later one is right", () => {
    const answers = [
      [{ room: "x", since: 5 }, undefined, { room: "x", since: 9 }],
      [{ room: "y", since: 6 }, undefined, { room: "y", since: 8 }],
      [undefined, undefined, undefined],
    ];
    expect(latestOf(answers)).toEqual(["y", undefined, "x"]);
    expect(latestOf(answers.toReversed())).toEqual(["y", undefined, "x"]);
  });
});
