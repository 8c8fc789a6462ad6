/** A room that lies, as one of a broken release would: whatever it says over its trunk, nobody here who leads nothing over it notices. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EndReason } from "../../../../src/protocol/index.ts";
import type { TrunkSocket } from "../../../../src/relay/ports.ts";
import { NOWHERE, TRUNK_VERSION, decodeTrunk, encodeTrunk } from "../../../../src/relay/trunk/frames.ts";
import { batch } from "../../../support/frames.ts";
import { runs } from "../../../support/hunting.ts";
import { ALICE, BOB, CAROL, DAVE, type TestPeer, closeOf, frames, peerId } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";
import { lies } from "./lies.ts";

/** Alice in x and Bob in y, connected; Carol and Dave too, both in x. What room y says is said by the test. */
function setup() {
  const rooms = new TestRooms(["x", "y"]);
  const [a, b] = [rooms.join("x", ALICE), rooms.join("y", BOB)];
  const [c, d] = [rooms.join("x", CAROL), rooms.join("x", DAVE)];
  const local = rooms.room("x").pair(c, d);
  const handle = a.connect(b);
  rooms.settle();
  b.accept(1);
  rooms.settle();
  for (const peer of [a, b, c, d]) peer.take();
  const wire = rooms.wires.find(({ room }) => room === rooms.room("x"))!;
  return { rooms, a, c, d, local, handle, lie: (bytes: Uint8Array) => hear(rooms, wire, bytes) };
}

function hear(rooms: TestRooms, wire: TrunkSocket, bytes: Uint8Array): void {
  const room = rooms.room("x");
  room.turn(() => room.room.receiveTrunk(wire, bytes.slice(), room.now));
}

const lie = lies([ALICE, BOB, CAROL, DAVE], ["", "x", "y", "~0", "~1", "no room!"]);

describe("a room that lies", () => {
  it("[X2] [X8] disturbs nobody whose connections do not lead there, and the room goes on", () => {
    fc.assert(
      fc.property(fc.array(fc.array(lie, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (messages) => {
        const { rooms, c, d, local, lie: say } = setup();
        for (const message of messages) say(batch(...message));
        const noise = (who: TestPeer) => who.heard().filter(({ handle: of }) => of === local);
        expect([...noise(c), ...noise(d)]).toEqual([]);
        c.send(frames.data(local, "still here"));
        expect(noise(d)).toMatchObject([{ frame: "data", payload: "still here" }]);
        rooms.settle();
        rooms.advance(5_000);
      }),
      runs("TRUNK", 400),
    );
  }, 3_600_000);

  it("reads what is no frame of rooms as none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 100 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        view.setUint32(4, bytes.length - 8, true);
        decodeTrunk(view, 0);
      }),
      runs("TRUNK", 5_000),
    );
  });

  it("[X6] ends what it says it does not have, and nothing else", () => {
    const { a, c, d, local, handle: mine, lie: say } = setup();
    say(encodeTrunk("gone", { yours: local, ...NOWHERE }));
    expect([...c.heard(), ...d.heard(), ...a.heard()]).toEqual([]);
    say(encodeTrunk("gone", { yours: mine, ...NOWHERE }));
    expect(a.heard()).toEqual([closeOf(mine, EndReason.EndedWhileAway, 2)]);
  });

  it("[X7] and breaks off in the middle of each list is not dialed in a loop", () => {
    const { rooms } = setup();
    const y = rooms.room("y").room;
    const cutShort = batch(encodeTrunk("list", { version: TRUNK_VERSION }), Uint8Array.of(0x41));
    y.receiveTrunk = (socket) => {
      const end = rooms.ends.find((one) => one === socket)!;
      end.other.events.push({ kind: "message", bytes: cutShort });
    };
    rooms.cut();
    for (let i = 0; i < 4; i++) {
      for (const { peers } of rooms.rooms) for (const each of peers) each.ping();
      rooms.advance(9_000);
    }
    expect(rooms.dials).toBeLessThan(25);
  });

  it("[X8] cannot ask in the name of who is here, nor for who is not", () => {
    const { rooms, c, lie: say } = setup();
    const open = { mine: 900, connectionType: 2, virtualPort: 0, channel: -1, timeoutMs: 10_000 };
    say(encodeTrunk("open", { ...open, from: DAVE, to: CAROL }));
    say(encodeTrunk("open", { ...open, from: peerId(77), to: peerId(78) }));
    say(encodeTrunk("open", { ...open, from: CAROL, to: CAROL }));
    expect(c.heard()).toEqual([]);
    expect(rooms.room("x").manager.getActiveConnectionCount()).toBe(2);
  });
});
