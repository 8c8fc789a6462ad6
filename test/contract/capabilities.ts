/**
 * In what the relay differs from runtime to runtime, as far as a client can see it, and why. Everything else must be the
 * same. A test either asserts what these say, or is skipped by one of them (`needs`), and by nothing else.
 */
import { MAX_BATCH } from "../../src/protocol/index.ts";
import { type Runtime, chosenRuntime } from "../support/runtimes.ts";

/** What RFC 6455, or HTTP, forbids, and not every platform refuses. */
type Offence = "unmasked" | "long control frame" | "padded length" | "close code" | "broken text" | "header bytes";

export interface Capabilities {
  /** Bytes of the largest WebSocket message that reaches the relay: a larger one is closed with a bare 1009 (rule E2). */
  readonly largestMessage: number;
  /** A message in fragments is measured while it comes in, not only when it is whole. */
  readonly boundsFragments: boolean;
  /** What the platform takes in all the same, so that the relay's own rules answer it. Else it ends the connection. */
  readonly tolerates: ReadonlySet<Offence>;
  /** Who breaks RFC 6455 is told by a close frame, with 1002, 1007 or 1009. */
  readonly namesViolations: boolean;
  /** Dots in a path are resolved before the relay sees it. */
  readonly resolvesDots: boolean;
  /** WebSocket frames that come before the upgrade is answered are read, though nobody may send them then. */
  readonly readsBeforeAnswer: boolean;
  /** A close by the relay ends the TCP connection, too: there is nothing left that rule L5 would have to count. */
  readonly endsClosedSockets: boolean;
  /** The relay's close frame arrives, also where the client does nothing but send. */
  readonly closesBusySockets: boolean;
}

const WORKERD: Capabilities = {
  largestMessage: 32 * 1024 * 1024,
  boundsFragments: true,
  tolerates: new Set(["unmasked", "long control frame", "padded length", "close code", "broken text", "header bytes"]),
  namesViolations: true,
  resolvesDots: false,
  readsBeforeAnswer: true,
  endsClosedSockets: false,
  closesBusySockets: true,
};

const CAPABILITIES: Readonly<Record<Runtime, Capabilities>> = {
  workerd: WORKERD,
  node: {
    ...WORKERD,
    // Ours to set: on one's own machine there is no reason to hold 32 MiB for whoever wants to be told 4006.
    largestMessage: MAX_BATCH + 64 * 1024,
    tolerates: new Set(["broken text"]), // `ws` is strict; not so with text, which it need not validate for us
    resolvesDots: true, // a Request has a URL, and URLs resolve them
  },
  bun: {
    ...WORKERD,
    largestMessage: MAX_BATCH + 64 * 1024, // as on Node
    tolerates: new Set(),
    resolvesDots: true, // as on Node
    readsBeforeAnswer: false, // Bun drops a connection on which frames come while `fetch` is still pending
    endsClosedSockets: true, // without waiting for the client's answer
    closesBusySockets: false, // what a client sends after that resets the connection, and what it has not read is lost
  },
  deno: {
    ...WORKERD,
    largestMessage: 64 * 1024 * 1024, // fastwebsockets' limit for one frame, for which Deno has no option
    boundsFragments: false, // and there is none for several
    tolerates: new Set(["unmasked", "padded length"]),
    namesViolations: false, // fastwebsockets drops the connection
    closesBusySockets: false, // what comes in behind the close frame makes Deno drop the socket, and what it has not sent
  },
};

export const capabilities = CAPABILITIES[chosenRuntime()];

type Flag = { [Name in keyof Capabilities]: Capabilities[Name] extends boolean ? Name : never }[keyof Capabilities];

/** Options of a test that makes no sense where the runtime lacks `flag`. */
export function needs(flag: Flag): { skip?: true; meta?: { lacks: Flag } } {
  return capabilities[flag] ? {} : { skip: true, meta: { lacks: flag } };
}
