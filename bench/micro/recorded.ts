/** What a file bench/results/micro-*.json holds. */
export interface MicroCase {
  readonly name: string;
  readonly title: string;
  /** Medians, with the spread of their rounds. "Message": one inbound WebSocket message. */
  readonly nsPerFrame: { readonly median: number; readonly min: number; readonly max: number };
  readonly nsPerMessage: number;
  /** On the heap and in array buffers outside of it. */
  readonly bytesPerFrame: number;
  readonly bytesPerMessage: number;
  /** Of the bytes per frame, those in array buffers. */
  readonly bufferBytesPerFrame: number;
}

export interface MicroRecorded {
  readonly machine: string;
  readonly date: string;
  readonly cases: readonly MicroCase[];
}
