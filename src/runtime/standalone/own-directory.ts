import type { PeerId } from "../../protocol/index.ts";
import type { ReportAnswer, RoomReport } from "../../relay/directory/report.ts";
import type { Reporter } from "../../relay/directory/reporting.ts";
import type { Log } from "../../relay/ports.ts";
import type { Located } from "../../relay/trunk/locating.ts";

/** The directory of the room's app, in this process. */
export interface DirectoryPort {
  /** Tells it how the room is. */
  readonly report: (report: RoomReport) => ReportAnswer;
  /** The rooms that these peers are in, "" for the app's own. */
  readonly locate: (peers: readonly PeerId[]) => (string | undefined)[];
}

/** What a room tells the directory of its app, and asks it. One that fails is logged, and is not the peers' concern. */
export class OwnDirectory {
  readonly #port: DirectoryPort;
  readonly #log: Log;

  constructor(port: DirectoryPort, log: Log) {
    this.#port = port;
    this.#log = log;
  }

  /** What is due of it. */
  report(reporter: Reporter, now: number): void {
    const report = reporter.take();
    if (report) this.#tell(reporter, report, now, "report_failed");
  }

  /** The last of a room: false where it could not be told. */
  reportLast(reporter: Reporter, report: RoomReport, now: number): boolean {
    return this.#tell(reporter, report, now, "clear_failed");
  }

  /** Nobody is anywhere while it fails. */
  locate(peers: readonly PeerId[]): Located {
    let rooms: readonly (string | undefined)[] = [];
    try {
      rooms = this.#port.locate(peers);
    } catch (error) {
      this.#log({ level: "error", event: "locate_failed", error: String(error) });
    }
    return peers.map((peer, index) => [peer, rooms[index]] as const);
  }

  #tell(reporter: Reporter, report: RoomReport, now: number, event: "report_failed" | "clear_failed"): boolean {
    try {
      reporter.answered(this.#port.report(report), now);
      return true;
    } catch (error) {
      reporter.failed();
      this.#log({ level: "error", event, error: String(error) });
      return false;
    }
  }
}
