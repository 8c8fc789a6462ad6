/** The naive client: a WebSocket that sends every frame as a message of its own, as a client without batches would. */
import { frameEnd } from "../../src/protocol/index.ts";

/** What clients have sent, as they count it themselves. */
export class SentMessages {
  count = 0;
}

/** The constructor that a client of the SDK is given. */
export function countingSocket(sent: SentMessages, isNaive: boolean): typeof WebSocket {
  return class extends WebSocket {
    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBufferLike>): void {
      const messages = isNaive && data instanceof Uint8Array ? framesOf(data) : [data];
      for (const message of messages) super.send(message as string | ArrayBufferView<ArrayBuffer>);
      sent.count += messages.length;
    }
  };
}

function framesOf(batch: Uint8Array): Uint8Array[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const frames: Uint8Array[] = [];
  for (let offset = 0; offset < batch.byteLength;) {
    const end = frameEnd(view, offset);
    if (end < 0) throw new Error("the client has sent a frame that is cut short");
    frames.push(batch.subarray(offset, end));
    offset = end;
  }
  return frames;
}
