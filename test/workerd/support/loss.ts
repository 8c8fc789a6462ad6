import { runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { ControlFrame, ControlValues } from "../../../src/protocol/index.ts";
import type { RelayRoom } from "../../../src/runtime/cloudflare/relay-room.ts";
import { type JoinOptions, type Key, TestPeer } from "./peer.ts";
import type { RoomStub } from "./room.ts";

/**
 * The sockets of these peers break. A lost TCP connection cannot be had inside one isolate; these are the events that the
 * platform makes of it, one after another, and it lists none of the sockets any more when the first event comes.
 */
export async function lose(stub: RoomStub, ...peers: readonly TestPeer[]): Promise<void> {
  await runInDurableObject<RelayRoom, void>(stub, async (room, state) => {
    const lost = peers.flatMap(({ id }) => openSockets(state, id));
    expect(lost).toHaveLength(peers.length);
    const all = state.getWebSockets.bind(state);
    const listed = vi
      .spyOn(state, "getWebSockets")
      .mockImplementation((tag) => all(tag).filter((socket) => !lost.includes(socket)));
    try {
      for (const socket of lost) await room.webSocketClose(socket, 1006, "");
    } finally {
      listed.mockRestore();
    }
  });
  await Promise.all(peers.map((peer) => peer.closed));
}

function openSockets(state: DurableObjectState, peer: bigint): WebSocket[] {
  return state.getWebSockets(`peer:${peer}`).filter(({ readyState }) => readyState === WebSocket.OPEN);
}

export interface Return {
  readonly peer: TestPeer;
  readonly welcome: ControlValues<"welcome">;
  /** What came between welcome and resumed, in order, as [frame, values]; flags only where there are any. */
  readonly told: unknown[][];
  /** How many connections `resumed` announced. */
  readonly connections: number;
}

/** A new socket for the session of this key. Fails when it does not resume it. */
export async function comeBack(options: JoinOptions, key: Key): Promise<Return> {
  const peer = await TestPeer.join(options);
  const welcome = await peer.hello(key);
  expect(welcome.session).toBe(key.session);
  expect(welcome.token).not.toEqual(key.token);
  const { connections } = await peer.next("resumed");
  const told = peer.inbox.splice(0).map(({ control }) => toldAs(control!));
  return { peer, welcome, told, connections };
}

export function toldAs({ frame, values, flags }: ControlFrame): unknown[] {
  return flags === 0 ? [frame, values] : [frame, values, flags];
}

/** All that has come and was not taken, taken. */
export function takeAll(peer: TestPeer): unknown[][] {
  return peer.inbox.splice(0).map(({ control, type }) => (control ? toldAs(control) : [type]));
}
