/** What Steam's compilers refuse, ours must refuse at run time: a peer id as a number has lost digits already. */
export function mustBePeer(peer: unknown): void {
  if (typeof peer !== "bigint") throw new TypeError("The peer must be a bigint");
}

export function mustBeUserData(data: unknown): void {
  if (typeof data !== "bigint") throw new TypeError("The user data must be a bigint");
}

export function mustBeBytes(data: unknown): void {
  if (!(data instanceof Uint8Array)) throw new TypeError("The data must be a Uint8Array");
}

/** Channels are an i32 on the wire. */
export function isChannel(channel: number): boolean {
  return (channel | 0) === channel;
}
