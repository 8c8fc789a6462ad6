import type { RoomAddress } from "../../http/gateway.ts";
import type { PeerId } from "../../protocol/index.ts";
import type { RoomReport } from "../../relay/directory/report.ts";
import type { Reporter } from "../../relay/directory/reporting.ts";
import type { Located } from "../../relay/trunk/locating.ts";
import { log } from "../log.ts";
import { DurableDirectory } from "./directory.ts";
import type { RelayObjects } from "./objects.ts";

/** What a room tells the directory of its app, and asks it. One that fails is logged, and is not the peers' concern. */
export class OwnDirectory {
  readonly #objects: RelayObjects;
  readonly #address: RoomAddress;
  /** As in logs. */
  readonly #name: string | undefined;

  constructor(objects: RelayObjects, address: RoomAddress, name: string | undefined) {
    this.#objects = objects;
    this.#address = address;
    this.#name = name;
  }

  async report(reporter: Reporter, report: RoomReport): Promise<void> {
    try {
      const directory = this.#objects.directoryOf(this.#address);
      reporter.answered(await directory.report(report), Date.now());
    } catch (error) {
      reporter.failed();
      log({ level: "error", event: "report_failed", room: this.#name, error: String(error) });
    }
  }

  /** Before the room's storage is cleared: whether the directory has heard it, or need not. */
  async reportLast(reporter: Reporter, now: number): Promise<boolean> {
    const report = reporter.takeLast(now);
    if (!report || report === "busy") return !report;
    try {
      reporter.answered(await this.#objects.directoryOf(this.#address).report(report), now);
      return true;
    } catch (error) {
      reporter.failed();
      log({ level: "error", event: "clear_failed", room: this.#name, error: String(error) });
      return false;
    }
  }

  /** Which rooms these peers are in; nobody is anywhere while it fails. */
  async locate(peers: readonly PeerId[]): Promise<Located> {
    let rooms: readonly (string | undefined)[] = [];
    try {
      rooms = await new DurableDirectory(this.#objects).locate(this.#address.app, peers);
    } catch (error) {
      log({ level: "error", event: "locate_failed", room: this.#name, error: String(error) });
    }
    return peers.map((peer, index) => [peer, rooms[index]] as const);
  }
}
