import {
  FrameType,
  HANDLE_OFFSET,
  MULTICAST_TARGETS_OFFSET,
  MULTICAST_TARGET_SIZE,
  frameEnd,
} from "../../../src/protocol/index.ts";
import type { TestRoom } from "../../support/room.ts";
import type { WalkedFrame } from "../../support/frames.ts";

/**
 * Who has sent what: nothing reaches an end of a connection that the other end has not sent. Counted, not compared, because
 * the relay may keep frames for a while.
 */
export class Origins {
  readonly #room: TestRoom;
  readonly #sent = new Map<string, number>();
  readonly #arrived = new Map<string, number>();

  constructor(room: TestRoom) {
    this.#room = room;
  }

  /** A message goes to the relay, good or bad. */
  sends(peer: bigint, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let offset = 0, end = 0; offset < bytes.length; offset = end) {
      end = frameEnd(view, offset);
      if (end < 0) return;
      const type = view.getUint8(offset);
      if (type === FrameType.Multicast) {
        for (
          let at = offset + MULTICAST_TARGETS_OFFSET;
          at + MULTICAST_TARGET_SIZE <= end;
          at += MULTICAST_TARGET_SIZE
        ) {
          add(this.#sent, `${peer} ${FrameType.Data} ${view.getUint32(at, true)}`);
        }
      } else if (end - offset >= HANDLE_OFFSET + 4) {
        add(this.#sent, `${peer} ${type} ${view.getUint32(offset + HANDLE_OFFSET, true)}`);
      }
    }
  }

  /** A frame comes from the relay. */
  arrives(peer: bigint, { type, data, ack, probe }: WalkedFrame): void {
    const handle = data?.handle ?? ack?.handle ?? probe?.handle;
    if (handle === undefined) return;
    const other = this.#room.ends.get(handle)?.find((end) => end !== peer);
    // With its sender: after a crash a handle may be another connection's.
    const arrived = add(this.#arrived, `${other} ${peer} ${type} ${handle}`);
    const sent = this.#sent.get(`${other} ${type} ${handle}`) ?? 0;
    if (arrived > sent) throw new Error(`${arrived} frames of type ${type} reached ${peer}; ${other} sent ${sent}`);
  }
}

function add(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}
