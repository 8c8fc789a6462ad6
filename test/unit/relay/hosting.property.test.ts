/**
 * Whatever happens in whatever order: no epoch has two hosts, epochs only grow, whoever is told is on disk (TestRoom checks
 * all three with every frame), the host is one that may be, and once nothing happens any more all who are there agree.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { HostingRole, type PeerId } from "../../../src/protocol/index.ts";
import { ALICE, BOB, CAROL, DAVE, type Heard, type TestPeer, TestRoom, frames } from "../../support/room.ts";

const PEERS = [ALICE, BOB, CAROL, DAVE];
const GRACE_MS = 20_000;

/** What the client of one peer does, as `edge-relay/client/hosting` does it: says its role again on each socket. */
class Player {
  readonly #room: TestRoom;
  readonly #id: PeerId;
  #socket: TestPeer | undefined;
  role: HostingRole = HostingRole.Follower;
  /** What it was told on this socket. */
  host: Heard | undefined;

  constructor(room: TestRoom, id: PeerId) {
    this.#room = room;
    this.#id = id;
  }

  get isHere(): boolean {
    return this.#socket !== undefined && !this.#socket.isGone && !this.#socket.socket.closed;
  }

  attend(role: HostingRole = this.role): void {
    this.role = role;
    this.come();
    this.#socket?.send(frames.attend(role));
    this.hear();
  }

  come(isAnew = false): void {
    if (this.isHere && !isAnew) return;
    const older = this.#socket;
    this.host = undefined;
    this.#socket = older?.welcome && !isAnew ? this.#room.resume(older) : this.#room.join(this.#id);
    this.#socket.send(frames.attend(this.role));
    this.hear();
  }

  lose(isFarewell: boolean): void {
    if (!this.isHere) return;
    this.#socket?.drop(isFarewell);
    this.hear();
    this.host = undefined;
  }

  ping(): void {
    if (this.isHere) this.#socket?.ping();
  }

  hear(): void {
    const heard = this.#socket?.heard().filter(({ frame }) => frame === "host") ?? [];
    this.host = heard.at(-1) ?? this.host;
    if (!this.isHere) this.host = undefined;
  }
}

interface World {
  readonly room: TestRoom;
  readonly players: readonly Player[];
}

type Step = readonly [name: string, run: (world: World) => void];

const who = fc.nat(PEERS.length - 1);
const onPlayer = (name: string, run: (player: Player) => void) =>
  who.map((index): Step => [`${name} ${index}`, ({ players }) => run(players[index] as Player)]);

const steps = fc.oneof(
  { weight: 4, arbitrary: onPlayer("offer", (player) => player.attend(HostingRole.Candidate)) },
  { weight: 1, arbitrary: onPlayer("follow", (player) => player.attend(HostingRole.Follower)) },
  { weight: 3, arbitrary: onPlayer("come", (player) => player.come()) },
  { weight: 1, arbitrary: onPlayer("come anew", (player) => player.come(true)) },
  { weight: 4, arbitrary: onPlayer("lose", (player) => player.lose(false)) },
  { weight: 1, arbitrary: onPlayer("leave", (player) => player.lose(true)) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(0, 1, 500, 2_000, 6_000, 21_000)
      .map((ms): Step => [`${ms} ms`, (world) => pass(world, ms)]),
  },
  { weight: 2, arbitrary: fc.constant<Step>(["evict", ({ room }) => room.evict()]) },
  { weight: 1, arbitrary: fc.constant<Step>(["crash", ({ room }) => room.crash()]) },
);

function pass({ room, players }: World, ms: number): void {
  for (let left = ms; left > 0; left -= 5_000) {
    for (const player of players) player.ping();
    room.advance(Math.min(left, 5_000));
  }
}

const settings = fc.record({ graceMs: fc.constantFrom(0, GRACE_MS), hostAwayMs: fc.constantFrom(0, 3_000, 60_000) });

test("[V1] [V3] [V4] [V5] one host in an epoch, and everybody agrees in the end", () => {
  fc.assert(
    fc.property(settings, fc.array(steps, { maxLength: 50, size: "max" }), (chosen, list) => {
      const room = new TestRoom({ settings: chosen });
      const world = { room, players: PEERS.map((id) => new Player(room, id)) };
      for (const [, run] of list) {
        run(world);
        for (const player of world.players) player.hear();
        agree(world);
      }
      for (const player of world.players) player.come();
      pass(world, 90_000);
      for (const player of world.players) player.hear();
      agree(world);
      const host = room.newestHost.peer;
      const candidates = PEERS.filter((_, index) => world.players[index]?.role === HostingRole.Candidate);
      if (candidates.length > 0) expect(candidates).toContain(host);
      else expect(host).toBe(0n);
    }),
    { numRuns: 300 },
  );
});

/** After every turn all who are here were told the same, which is what stands on disk. */
function agree({ room, players }: World): void {
  const { epoch = 0, holder } = room.store.loadSeat() ?? {};
  const told = { frame: "host", epoch: BigInt(epoch), peer: holder?.peer ?? 0n };
  for (const player of players) if (player.isHere) expect(player.host).toEqual(told);
}
