/** The client: join a relay, open and accept connections to other peers. Browsers, Node ≥ 22, Deno, Bun, workerd. */
export { RelayClient, connect } from "./relay-client.ts";
export type {
  ClientClosed,
  ClientEvents,
  ConnectOptions,
  OpenOptions,
  PortOptions,
  ReconnectAttempt,
} from "./relay-options.ts";
export type { AlignmentOptions, Pace } from "./alignment.ts";
export type { SessionStatus } from "./session.ts";
export {
  type CloseOptions,
  type ConnectionEvents,
  type ConnectionPath,
  type Ending,
  type Message,
  type MessageOptions,
  type PathChange,
  RelayConnection,
  type StateChange,
} from "./relay-connection.ts";
export { Listener } from "./listener.ts";
export { type MessageStream, streamOf } from "./message-stream.ts";
export { RelayError, type RelayErrorCode } from "./relay-error.ts";
export { ConnectionState, ConnectionType, EndReason } from "../protocol/index.ts";
