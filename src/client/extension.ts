import type { FrameWriter } from "./engine/frame-writer.ts";
import type { RelayError } from "./relay-error.ts";

/**
 * A part of the client that is an import of its own (groups/, hosting/): it speaks frames that the client itself does not
 * know, over the same socket. The relay knows of it only what it has said on this socket.
 */
export interface Extension {
  /** A frame that the client does not know, at `offset` of what came in. Its bytes may be kept, and not be changed. */
  receive(batch: Uint8Array, view: DataView, offset: number, end: number): void;
  /** Another socket than before: whatever the relay has to know is to be said again. */
  connected(): void;
  /** There is no socket. */
  interrupted(): void;
  /** An error frame about a frame that the client does not know. False: the application is told. */
  refused(error: RelayError, frame: number, about: number): boolean;
  /** The client has left the relay. */
  ended(error: RelayError): void;
  /** Writes frames while the batch stays within `budget`. True when more could leave now. */
  pull?(writer: FrameWriter, budget: number): boolean;
  /** The batch as it is to leave. */
  pack?(batch: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** What an extension is given of the client. */
export interface ExtensionHost {
  /** Says a control frame, which leaves before any data; nothing while there is no socket. */
  say(frame: Uint8Array): void;
  /** There is something to pull. */
  wake(): void;
}
