/** As much of `ws` as this folder uses: the package brings no types of its own. */
declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  export interface WebSocket {
    readonly readyState: number;
    readonly bufferedAmount: number;
    send(data: Uint8Array | string): void;
    close(code: number, reason: string): void;
    on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): this;
    on(event: "close", listener: (code: number) => void): this;
    on(event: "error", listener: (error: Error) => void): this;
  }

  export interface ServerOptions {
    readonly noServer: true;
    readonly clientTracking: boolean;
    readonly maxPayload: number;
    readonly perMessageDeflate: boolean;
    readonly skipUTF8Validation: boolean;
    readonly handleProtocols: (protocols: Set<string>, request: IncomingMessage) => string | false;
  }

  export class WebSocketServer {
    constructor(options: ServerOptions);
    readonly clients: Set<WebSocket>;
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, done: (socket: WebSocket) => void): void;
  }
}
