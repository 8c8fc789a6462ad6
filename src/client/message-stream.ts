import { EndReason, MAX_PAYLOAD } from "../protocol/index.ts";
import { endingError } from "./connection-errors.ts";
import type { Ending, RelayConnection } from "./relay-connection.ts";

/** Both directions of a connection as streams of bytes. */
export interface MessageStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * A connection as a pair of streams: for `pipeTo`, compression, `Response` bodies and the like. Takes the place of reading
 * and sending messages: a chunk is a reliable message (several if it is above 512 KiB), and either side's queue holds the
 * other side's writer back.
 *
 * There is no half-close. Closing the writable delivers what was written and ends the connection for both; aborting it, or
 * cancelling the readable with a reason, ends it at once with reason 2000. The other end's readable is then closed or,
 * respectively, in error, as it is when the connection is lost.
 */
export function streamOf(connection: RelayConnection): MessageStream {
  const abort = async (why: unknown): Promise<void> => {
    const debug = why instanceof Error ? why.message : String(why ?? "");
    await connection.close({ reason: EndReason.AppExceptionGeneric, debug, linger: false });
  };
  return { readable: readableOf(connection, abort), writable: writableOf(connection, abort) };
}

type Abort = (why: unknown) => Promise<void>;

function readableOf(connection: RelayConnection, abort: Abort): ReadableStream<Uint8Array> {
  const messages = connection[Symbol.asyncIterator]();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { value, done } = await messages.next();
      if (!done) return controller.enqueue(value.payload);
      const ending = await connection.closed;
      if (isOrderly(ending)) controller.close();
      else controller.error(endingError(ending));
    },
    cancel: async (why) => void (await (why === undefined ? connection.close() : abort(why))),
  };
  // Messages are taken when they are asked for: until then they count against the sender's window.
  return new ReadableStream(source, { highWaterMark: 0 });
}

function writableOf(connection: RelayConnection, abort: Abort): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(controller) {
      void connection.closed.then((ending) => controller.error(endingError(ending)));
      // `abort` is called when a write that is under way has ended, which may be never.
      controller.signal.addEventListener("abort", () => void abort(controller.signal.reason));
    },
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += MAX_PAYLOAD) {
        await connection.write(chunk.subarray(at, at + MAX_PAYLOAD));
      }
    },
    async close() {
      const ending = await connection.close();
      if (!isOrderly(ending)) throw endingError(ending);
    },
    abort,
  });
}

/** Not a failure, of the application or of the relay. */
function isOrderly({ reason }: Ending): boolean {
  return reason < EndReason.AppExceptionGeneric;
}
