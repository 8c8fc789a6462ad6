/** Who hosts a room (docs/protocol.md, "Host"). Apart from the other frames for the same reasons as groups. */
import { type FieldValues, defineFrame } from "./field-frames.ts";
import { u64, u8 } from "./fields.ts";
import { FrameType } from "./frames.ts";

/** What a socket wants to have to do with the election. Each includes the one before it. */
export const HostingRole = {
  None: 0,
  /** Is told who hosts, now and whenever that changes. */
  Follower: 1,
  /** May be elected. */
  Candidate: 2,
} as const;
export type HostingRole = (typeof HostingRole)[keyof typeof HostingRole];

/** client → relay: takes the place of what this socket said before. */
export const ATTEND = defineFrame(FrameType.Attend, { role: u8 });
/** relay → client: from this epoch on `peer` hosts; 0: nobody does. Epochs only grow. */
export const HOST = defineFrame(FrameType.Host, { epoch: u64, peer: u64 });

export type Attend = FieldValues<typeof ATTEND>;
export type Host = FieldValues<typeof HOST>;
