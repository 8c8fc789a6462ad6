/** Each of Steam's four families as the campaign uses it: dial, accept, send, read, and clear away what is over. */
import { ConnectionType, type RelayClient, type RelayConnection } from "../../src/client/index.ts";
import {
  NetworkingMessages,
  NetworkingSockets,
  P2PNetworking,
  P2PSend,
  P2PSockets,
  Result,
  SendFlag,
  SocketState,
  SteamConnectionState,
} from "../../src/client/steam/index.ts";
import { type Family, LANES } from "./ledger.ts";

/** A connection with the handle that its family has given it; 0 in families without. */
export interface Opened {
  readonly connection: RelayConnection;
  readonly handle: number;
}

export interface FamilyHost {
  accepted(family: Family, opened: Opened): void;
  received(family: Family, lane: number, data: Uint8Array): void;
}

export interface FamilyPort {
  /** Undefined when it cannot be just now. */
  dial(peer: bigint): Opened | undefined;
  /** False when the send buffer is full. */
  send(to: Opened, data: Uint8Array, lane: number, isReliable: boolean): boolean;
  /** Takes all that has arrived. */
  read(): void;
  /** After the connection has ended. Returns what the family should have said of that, and has not. */
  discard(opened: Opened): string | undefined;
}

const PORT = 7;
const GREETING = new Uint8Array(1);
const BATCH = 10_000;

export function familyPorts(client: RelayClient, host: FamilyHost): Readonly<Record<Family, FamilyPort>> {
  return {
    sockets: new SocketsPort(client, host),
    messages: new MessagesPort(client, host),
    p2p: new P2PPort(client, host),
    old: new OldPort(client, host),
  };
}

function find(client: RelayClient, type: ConnectionType, peer: bigint): RelayConnection | undefined {
  return client.connections.find((each) => each.type === type && each.peer === peer && !each.isLingering);
}

class SocketsPort implements FamilyPort {
  readonly #client: RelayClient;
  readonly #host: FamilyHost;
  readonly #sockets: NetworkingSockets;
  readonly #group: number;

  constructor(client: RelayClient, host: FamilyHost) {
    this.#client = client;
    this.#host = host;
    this.#sockets = new NetworkingSockets(client);
    this.#group = this.#sockets.createPollGroup();
    this.#sockets.createListenSocketP2P(PORT);
    this.#sockets.addEventListener("connectionStatusChanged", ({ detail: { connection: handle, info } }) => {
      if (info.state !== SteamConnectionState.Connecting || info.listenSocket === 0) return;
      const connection = find(client, ConnectionType.NetworkingSockets, info.peer);
      if (this.#sockets.acceptConnection(handle) !== Result.OK || !connection) return;
      this.#configure(handle);
      host.accepted("sockets", { connection, handle });
    });
  }

  dial(peer: bigint): Opened | undefined {
    const handle = this.#sockets.connectP2P(peer, PORT);
    const connection = find(this.#client, ConnectionType.NetworkingSockets, peer);
    if (handle === 0 || !connection) return undefined;
    this.#configure(handle);
    return { connection, handle };
  }

  send({ handle }: Opened, data: Uint8Array, lane: number, isReliable: boolean): boolean {
    const flags = isReliable ? SendFlag.Reliable : SendFlag.Unreliable;
    return (this.#sockets.sendMessages([{ connection: handle, data, flags, lane }])[0] ?? 0n) > 0n;
  }

  read(): void {
    for (const { data, lane } of this.#sockets.receiveMessagesOnPollGroup(this.#group, BATCH) ?? []) {
      this.#host.received("sockets", lane, data);
    }
  }

  discard({ handle, connection }: Opened): string | undefined {
    const info = this.#sockets.getConnectionInfo(handle);
    this.#sockets.closeConnection(handle);
    if (info && info.endReason !== 0 && info.endReason === connection.ending?.reason) return undefined;
    return `NetworkingSockets tells end reason ${info?.endReason}, and it is ${connection.ending?.reason}`;
  }

  #configure(handle: number): void {
    const priorities = Array.from({ length: LANES.sockets }, (_, lane) => (lane === 0 ? 0 : 1));
    this.#sockets.configureConnectionLanes(handle, priorities);
    this.#sockets.setConnectionPollGroup(handle, this.#group);
  }
}

class MessagesPort implements FamilyPort {
  readonly #client: RelayClient;
  readonly #host: FamilyHost;
  readonly #messages: NetworkingMessages;

  constructor(client: RelayClient, host: FamilyHost) {
    this.#client = client;
    this.#host = host;
    this.#messages = new NetworkingMessages(client);
    this.#messages.addEventListener("sessionRequest", ({ detail: { peer } }) => {
      const connection = find(client, ConnectionType.NetworkingMessages, peer);
      if (this.#messages.acceptSessionWithUser(peer) && connection)
        host.accepted("messages", { connection, handle: 0 });
    });
  }

  dial(peer: bigint): Opened | undefined {
    this.#messages.sendMessageToUser(peer, GREETING, SendFlag.Reliable, 0);
    const connection = find(this.#client, ConnectionType.NetworkingMessages, peer);
    return connection && { connection, handle: 0 };
  }

  send({ connection }: Opened, data: Uint8Array, lane: number, isReliable: boolean): boolean {
    const flags = isReliable ? SendFlag.Reliable : SendFlag.Unreliable;
    return this.#messages.sendMessageToUser(connection.peer, data, flags, lane) === Result.OK;
  }

  read(): void {
    for (let channel = 0; channel < LANES.messages; channel++) {
      for (const { data } of this.#messages.receiveMessagesOnChannel(channel, BATCH)) {
        this.#host.received("messages", channel, data);
      }
    }
  }

  discard({ connection: { peer } }: Opened): undefined {
    // Unless the other end has asked for another session by now.
    if (!find(this.#client, ConnectionType.NetworkingMessages, peer)) this.#messages.closeSessionWithUser(peer);
  }
}

class P2PPort implements FamilyPort {
  readonly #client: RelayClient;
  readonly #host: FamilyHost;
  readonly #p2p: P2PNetworking;

  constructor(client: RelayClient, host: FamilyHost) {
    this.#client = client;
    this.#host = host;
    this.#p2p = new P2PNetworking(client);
    this.#p2p.addEventListener("p2pSessionRequest", ({ detail: { peer } }) => {
      const connection = find(client, ConnectionType.NetworkPb, peer);
      if (!connection) return;
      this.#p2p.acceptP2PSessionWithUser(peer);
      host.accepted("p2p", { connection, handle: 0 });
    });
  }

  dial(peer: bigint): Opened | undefined {
    this.#p2p.sendP2PPacket(peer, GREETING, P2PSend.Reliable, 0);
    const connection = find(this.#client, ConnectionType.NetworkPb, peer);
    return connection && { connection, handle: 0 };
  }

  send({ connection }: Opened, data: Uint8Array, lane: number, isReliable: boolean): boolean {
    return this.#p2p.sendP2PPacket(connection.peer, data, isReliable ? P2PSend.Reliable : P2PSend.Unreliable, lane);
  }

  read(): void {
    for (let channel = 0; channel < LANES.p2p; channel++) {
      for (let next = this.#p2p.readWholeP2PPacket(channel); next; next = this.#p2p.readWholeP2PPacket(channel)) {
        this.#host.received("p2p", channel, next.data);
      }
    }
  }

  discard({ connection: { peer } }: Opened): undefined {
    if (!find(this.#client, ConnectionType.NetworkPb, peer)) this.#p2p.closeP2PSessionWithUser(peer);
  }
}

class OldPort implements FamilyPort {
  readonly #client: RelayClient;
  readonly #host: FamilyHost;
  readonly #old: P2PSockets;
  readonly #handles = new Set<number>();

  constructor(client: RelayClient, host: FamilyHost) {
    this.#client = client;
    this.#host = host;
    this.#old = new P2PSockets(client);
    this.#old.createListenSocket(PORT);
    this.#old.addEventListener("socketStatus", ({ detail: { socket: handle, listenSocket, peer, state } }) => {
      if (listenSocket === 0 || state !== SocketState.Connected) return;
      const connection = find(client, ConnectionType.NetworkOld, peer);
      this.#handles.add(handle);
      if (connection) host.accepted("old", { connection, handle });
    });
  }

  dial(peer: bigint): Opened | undefined {
    const handle = this.#old.createP2PConnectionSocket(peer, PORT, 0);
    const connection = find(this.#client, ConnectionType.NetworkOld, peer);
    if (handle === 0 || !connection) return undefined;
    this.#handles.add(handle);
    return { connection, handle };
  }

  send({ handle }: Opened, data: Uint8Array, _lane: number, isReliable: boolean): boolean {
    return this.#old.sendDataOnSocket(handle, data, isReliable);
  }

  read(): void {
    for (const handle of this.#handles) {
      let data = this.#old.retrieveWholeDataFromSocket(handle);
      for (; data; data = this.#old.retrieveWholeDataFromSocket(handle)) this.#host.received("old", 0, data);
    }
  }

  discard({ handle }: Opened): string | undefined {
    const state = this.#old.getSocketInfo(handle)?.state ?? SocketState.Invalid;
    this.#old.destroySocket(handle, false);
    this.#handles.delete(handle);
    return state >= SocketState.TimeoutDuringConnect
      ? undefined
      : `P2PSockets tells state ${state} of a socket that is over`;
  }
}
