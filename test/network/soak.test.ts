/**
 * In the style of GameNetworkingSockets' own soak: 8 peers on a ring, all four families at once, reliable and unreliable
 * on 3 lanes, each peer behind a network of its own that loses, delays, repeats and reorders.
 */
import { expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { type SimulatedNetwork, seededRandom, simulateNetwork } from "../../src/client/simulator/index.ts";
import {
  NetworkingMessages,
  NetworkingSockets,
  P2PNetworking,
  P2PSend,
  P2PSockets,
  Result,
  SendFlag,
  SocketState,
} from "../../src/client/steam/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

const SEED = Number(process.env["SOAK_SEED"] ?? 20261122);
const PEERS = 8;
const MESSAGES = 150;
const LANES = 3;
const APP = 480;
const TICK_MS = 5;
const DEADLINE_MS = 90_000;

/** One sender's messages to one receiver in one family and lane (or channel). */
interface Flow {
  readonly name: string;
  readonly sent: number[];
  readonly received: number[];
}

interface Player {
  readonly index: number;
  readonly client: RelayClient;
  readonly network: SimulatedNetwork;
  readonly sockets: NetworkingSockets;
  readonly messages: NetworkingMessages;
  readonly p2p: P2PNetworking;
  readonly old: P2PSockets;
  /** To the next player on the ring. */
  connection: number;
  socket: number;
  readonly accepted: number[];
  readonly oldAccepted: number[];
}

const flows = new Map<string, Flow>();

function flow(name: string): Flow {
  let found = flows.get(name);
  if (!found) flows.set(name, (found = { name, sent: [], received: [] }));
  return found;
}

/** Index, then bytes that follow from flow and index: a corrupted or misdelivered message cannot pass. */
function payloadOf(name: string, index: number, isReliable: boolean): Uint8Array {
  const random = seededRandom(
    index * 7919 + name.length * 104729 + name.charCodeAt(0) * 31 + name.charCodeAt(name.length - 1),
  );
  const size = 9 + Math.floor(random() * (isReliable ? 900 : 300));
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, index);
  bytes[4] = isReliable ? 1 : 0;
  for (let i = 5; i < size; i++) bytes[i] = Math.floor(random() * 256);
  return bytes;
}

function check(name: string, bytes: Uint8Array): void {
  const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const isReliable = bytes[4] === 1;
  if (Buffer.compare(bytes, payloadOf(name, index, isReliable)) !== 0)
    throw new Error(`${name} ${index} is corrupted (seed ${SEED})`);
  if (isReliable) flow(name).received.push(index);
}

function lossyNetwork(index: number): SimulatedNetwork {
  const random = seededRandom(SEED + index);
  return simulateNetwork({
    loss: random() * 20,
    lagMs: random() * 100,
    jitterMs: random() * 20,
    reorderPercent: random() * 30,
    reorderMs: 20,
    duplicatePercent: random() * 5,
    seed: SEED + index * 2,
  });
}

async function join(relay: RunningRelay, index: number): Promise<Player> {
  const network = lossyNetwork(index);
  const ticket = await testTicket({ peer: String(peerOf(index)), app: APP });
  const client = await connect({ url: relay.url, app: APP, ticket, WebSocket: network.WebSocket, isLossy: true });
  const sockets = new NetworkingSockets(client);
  const messages = new NetworkingMessages(client);
  const p2p = new P2PNetworking(client);
  const old = new P2PSockets(client);
  const player: Player = {
    index,
    client,
    network,
    sockets,
    messages,
    p2p,
    old,
    connection: 0,
    socket: 0,
    accepted: [],
    oldAccepted: [],
  };
  sockets.createListenSocketP2P(1);
  sockets.addEventListener("connectionStatusChanged", ({ detail }) => {
    if (detail.info.state !== 1 || detail.info.listenSocket === 0) return;
    sockets.acceptConnection(detail.connection);
    player.accepted.push(detail.connection);
  });
  messages.addEventListener("sessionRequest", ({ detail }) => messages.acceptSessionWithUser(detail.peer));
  p2p.addEventListener("p2pSessionRequest", ({ detail }) => p2p.acceptP2PSessionWithUser(detail.peer));
  old.createListenSocket(2);
  old.addEventListener("socketStatus", ({ detail }) => {
    if (detail.listenSocket !== 0 && detail.state === SocketState.Connected) player.oldAccepted.push(detail.socket);
  });
  return player;
}

function peerOf(index: number): bigint {
  return 76561197960287930n + BigInt(index % PEERS);
}

function dial(player: Player): void {
  const next = peerOf(player.index + 1);
  player.connection = player.sockets.connectP2P(next, 1);
  expect(player.sockets.configureConnectionLanes(player.connection, [0, 1, 1], [1, 2, 1])).toBe(Result.OK);
  player.socket = player.old.createP2PConnectionSocket(next, 2, 30, true);
}

/** Message number `index` on everything that leads to the next player. False when a buffer is full. */
function sendRound(player: Player, index: number): void {
  const next = peerOf(player.index + 1);
  for (let lane = 0; lane < LANES; lane++) {
    for (const isReliable of [true, false]) {
      attempt(`S${player.index}-${lane}`, index, isReliable, (data) => {
        const flags = isReliable ? SendFlag.Reliable : SendFlag.Unreliable;
        return (player.sockets.sendMessages([{ connection: player.connection, data, flags, lane }])[0] ?? 0n) > 0n;
      });
    }
    attempt(
      `M${player.index}-${lane}`,
      index,
      true,
      (data) => player.messages.sendMessageToUser(next, data, SendFlag.Reliable, lane) === Result.OK,
    );
    attempt(`P${player.index}-${lane}`, index, true, (data) =>
      player.p2p.sendP2PPacket(next, data, P2PSend.Reliable, lane),
    );
  }
  attempt(`P${player.index}-0`, index, false, (data) => player.p2p.sendP2PPacket(next, data, P2PSend.Unreliable, 0));
  attempt(`O${player.index}`, index, true, (data) => player.old.sendDataOnSocket(player.socket, data, true));
}

function attempt(name: string, index: number, isReliable: boolean, send: (data: Uint8Array) => boolean): void {
  const wasTaken = send(payloadOf(name, index, isReliable));
  if (wasTaken && isReliable) flow(name).sent.push(index);
}

function readAll(player: Player): void {
  const from = (player.index + PEERS - 1) % PEERS;
  for (const connection of player.accepted) {
    for (const { data, lane } of player.sockets.receiveMessagesOnConnection(connection, 1_000) ?? [])
      check(`S${from}-${lane}`, data);
  }
  for (let channel = 0; channel < LANES; channel++) {
    for (const { data } of player.messages.receiveMessagesOnChannel(channel, 1_000)) check(`M${from}-${channel}`, data);
    for (let packet = player.p2p.readWholeP2PPacket(channel); packet; packet = player.p2p.readWholeP2PPacket(channel)) {
      check(`P${from}-${channel}`, packet.data);
    }
  }
  for (const socket of player.oldAccepted) {
    for (
      let data = player.old.retrieveWholeDataFromSocket(socket);
      data;
      data = player.old.retrieveWholeDataFromSocket(socket)
    ) {
      check(`O${from}`, data);
    }
  }
}

const isComplete = ({ sent, received }: Flow): boolean => received.length >= sent.length;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(`soak, seed ${SEED}`, { timeout: DEADLINE_MS + 30_000 }, async () => {
  await using relay = await RunningRelay.start();
  const players = await Promise.all(Array.from({ length: PEERS }, (_, index) => join(relay, index)));
  for (const player of players) dial(player);

  const deadline = performance.now() + DEADLINE_MS;
  for (let index = 0; index < MESSAGES; index++) {
    for (const player of players) sendRound(player, index);
    await pause(TICK_MS);
    for (const player of players) readAll(player);
  }
  while (![...flows.values()].every(isComplete) && performance.now() < deadline) {
    await pause(20);
    for (const player of players) readAll(player);
  }

  // Reliable: everything that was taken, exactly once and in order, in every lane and channel.
  expect(flows.size).toBe(PEERS * (3 * LANES + 1));
  for (const { name, sent, received } of flows.values()) {
    expect(sent.length, `${name} took everything`).toBe(MESSAGES);
    expect(received, `${name}, seed ${SEED}`).toEqual(sent);
  }

  // Bytes: what left the senders' networks is what the relay counted is what entered the receivers' networks.
  await pause(500);
  const statistics = await relay.admin<{ totalPackets: number; totalBytes: number; drops: Record<string, number> }>(
    `/apps/${APP}/statistics`,
  );
  const sum = (pick: (player: Player) => number): number => players.reduce((total, player) => total + pick(player), 0);
  expect(Object.values(statistics.drops).every((count) => count === 0)).toBe(true);
  expect(statistics.totalPackets).toBe(sum(({ network }) => network.outbound.left.frames));
  expect(statistics.totalBytes).toBe(sum(({ network }) => network.outbound.left.bytes));
  expect(sum(({ network }) => network.inbound.entered.bytes)).toBe(statistics.totalBytes);
  expect(sum(({ network }) => network.outbound.link.counters.lost)).toBeGreaterThan(100);

  await Promise.all(players.map(({ client }) => client.close()));
});
