/** As much of Bun as this folder uses, so that its types, which change those of Node and the DOM, stay out. */
declare namespace Bun {
  interface ServerWebSocket<Data> {
    readonly data: Data;
    binaryType: "nodebuffer" | "arraybuffer" | "uint8array";
    /** Bytes sent; -1 when they were queued, 0 when they were dropped. */
    send(data: Uint8Array | string): number;
    close(code: number, reason: string): void;
    getBufferedAmount(): number;
  }

  interface WebSocketHandler<Data> {
    open(ws: ServerWebSocket<Data>): void;
    message(ws: ServerWebSocket<Data>, message: ArrayBuffer | string): void;
    close(ws: ServerWebSocket<Data>, code: number): void;
    readonly maxPayloadLength: number;
    readonly backpressureLimit: number;
    readonly closeOnBackpressureLimit: boolean;
    readonly idleTimeout: number;
    readonly sendPings: boolean;
    readonly perMessageDeflate: boolean;
  }

  interface Server<Data> {
    readonly port: number;
    readonly pendingWebSockets: number;
    requestIP(request: Request): { readonly address: string } | null;
    upgrade(request: Request, options: { readonly data: Data; readonly headers: Record<string, string> }): boolean;
  }

  function serve<Data>(options: {
    readonly hostname: string;
    readonly port: number;
    readonly tls?: { readonly cert: string; readonly key: string };
    fetch(request: Request, server: Server<Data>): Promise<Response | undefined>;
    readonly websocket: WebSocketHandler<Data>;
  }): Server<Data>;
}
