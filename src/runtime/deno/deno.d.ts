/** As much of Deno as this folder uses: its own types come with the whole of it. */
declare namespace Deno {
  interface ServeOptions {
    readonly hostname: string;
    readonly port: number;
    readonly cert?: string;
    readonly key?: string;
    onListen(address: { readonly port: number }): void;
  }

  interface ServeInfo {
    readonly remoteAddr: { readonly hostname: string };
  }

  function serve(options: ServeOptions, handler: (request: Request, info: ServeInfo) => Promise<Response>): void;

  function upgradeWebSocket(
    request: Request,
    options: { readonly idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
}
