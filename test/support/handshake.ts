/** A WebSocket handshake by hand, for what no client does: `ws`, for one, writes the list of protocols without a space. */
import { type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";

export interface HandshakeOptions {
  /** Beside those of a handshake, or in their place. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** PEM of the certificate that is trusted. */
  readonly ca?: string | Buffer;
  /** The client's own end. On Linux all of 127.0.0.0/8 is this machine. */
  readonly localAddress?: string;
  /** Instead of that of app 480; written as it is. */
  readonly path?: string;
}

/** The answer: of 101 only its headers, for the socket is closed at once. */
export function handshake(
  url: string,
  protocols: string,
  { headers: others, path = "/v1/apps/480/connect", ...options }: HandshakeOptions = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-protocol": protocols,
      ...others,
    };
    const ask = url.startsWith("https") ? requestTls : request;
    const asked = ask(url, { ...options, headers, path });
    asked.once("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    asked.once("response", resolve);
    asked.once("error", reject);
    asked.end();
  });
}

/** The `code` of a refusal. */
export async function refusalOf(response: IncomingMessage): Promise<unknown> {
  const chunks = (await response.toArray()) as Buffer[];
  return (JSON.parse(Buffer.concat(chunks).toString()) as { code: unknown }).code;
}
