/** The client half of `ws`, which can be told what a browser's WebSocket cannot: whom to trust, and where to dial from. */
declare module "ws" {
  export interface ClientOptions {
    readonly ca?: string | Buffer;
    readonly localAddress?: string;
    readonly headers?: Readonly<Record<string, string | string[]>>;
    readonly perMessageDeflate?: boolean;
  }

  export const WebSocket: new (
    url: string,
    protocols: string[],
    options: ClientOptions,
  ) => InstanceType<typeof globalThis.WebSocket>;
}
