/** Steam's networking interfaces over a relay. Each class stands alone: what is not imported is not bundled. */
export * from "./connection-states.ts";
export * from "./legacy-constants.ts";
export * from "./result.ts";
export * from "./send-flags.ts";
export type { ConfigOptions } from "./config-options.ts";
export type { ConnectionInfo, LaneRealTimeStatus, RealTimeStatus } from "./connection-info.ts";
export { MAX_MESSAGE_SIZE, type NetworkingMessage } from "./networking-message.ts";
export { NetworkingSockets } from "./networking-sockets.ts";
export type { StatusAnswer } from "./socket-connection.ts";
export type {
  ConnectionHandle,
  ConnectionStatusChanged,
  ListenSocketHandle,
  NetworkingSocketsEvents,
  OutgoingMessage,
  PollGroupHandle,
} from "./sockets-types.ts";
export {
  NetworkingMessages,
  type NetworkingMessagesEvents,
  type NetworkingMessagesOptions,
  type SessionConnectionInfo,
} from "./networking-messages.ts";
export { P2PNetworking, type P2PNetworkingEvents, type P2PPacket, type P2PSessionState } from "./p2p-networking.ts";
export {
  P2PSockets,
  type P2PSocketsEvents,
  type SocketData,
  type SocketHandle,
  type SocketInfo,
  type SocketStatus,
} from "./p2p-sockets.ts";
