/** What the processes of the demo tell each other: a player is told what to do on stdin, and reports on stdout, in lines. */

export interface PlayerTask {
  readonly role: "listen" | "send";
  readonly url: string;
  readonly app: number;
  readonly ticket: string;
  /** Whom to send to. */
  readonly peer: string;
  readonly file: string;
}

/** What a player counted of data frames, to be held against the relay's statistics. */
export interface PlayerCounts {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
}

export type Report =
  | { readonly kind: "listening" }
  | { readonly kind: "progress"; readonly bytes: number; readonly total: number }
  | { readonly kind: "received"; readonly sha256: string; readonly matches: boolean; readonly counts: PlayerCounts }
  | { readonly kind: "sent"; readonly pingMs: number; readonly ms: number; readonly counts: PlayerCounts }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export type ReportOf<K extends Report["kind"]> = Extract<Report, { kind: K }>;
