/**
 * What the client reads of a WebSocket: browsers, Node, Deno, Bun and workerd all have it. Declared here so that the
 * client compiles with any of their type libraries, or none.
 */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

export const OPEN = 1;

/** ms of a clock that never jumps. */
export function clock(): number {
  return performance.now();
}
