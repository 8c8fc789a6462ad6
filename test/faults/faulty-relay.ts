/** A relay in a process of its own, with the back door of relay/worker.ts. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle } from "../../scripts/workerd-bundle.ts";
import type { ConnectionView } from "../../src/relay/connection-view.ts";
import type { RoomStatistics } from "../../src/relay/statistics.ts";
import type { TrunkTraffic } from "../../src/relay/trunk/traffic.ts";
import { TEST_APP } from "../support/tickets.ts";
import { RunningRelay } from "../support/running-relay.ts";

const ENTRY = fileURLToPath(new URL("relay/worker.ts", import.meta.url));
/** The smallest there is for what may wait for one peer: so that a slow one gets there. */
const SETTINGS = { joinsPerMinute: 0, maxQueuedBytes: 64 * 1024 };
/** What the relay logs when it has failed; a join into an object that is just being aborted is no failure of its own. */
const FAILURES = /"event":"(internal_error|store_failed|http_error|close_failed)"/;

/** Of relay/worker.ts. */
interface BackDoorAnswer {
  readonly births: Readonly<Record<string, number>>;
  /** Sockets of trunks that this request has broken. */
  readonly cut: number;
}

export class FaultyRelay implements AsyncDisposable {
  /** Counts processes. */
  generation = 0;
  /** ms that its clock is ahead of ours. */
  clockOffset = 0;
  readonly #relay: RunningRelay;
  readonly #folder: string;
  readonly #log: string;

  private constructor(relay: RunningRelay, folder: string, log: string) {
    this.#relay = relay;
    this.#folder = folder;
    this.#log = log;
  }

  static async start(settings: Readonly<Record<string, number>> = {}): Promise<FaultyRelay> {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-faults-"));
    const log = join(folder, "relay.log");
    buildBundle(folder, ENTRY);
    const build = { bundle: folder, log, v8Flags: ["--expose-gc"] };
    const APP_SETTINGS = JSON.stringify({ default: { ...SETTINGS, ...settings } });
    return new FaultyRelay(await RunningRelay.start({ APP_SETTINGS }, build), folder, log);
  }

  get url(): string {
    return this.#relay.url;
  }

  async kill(): Promise<void> {
    await this.#relay.kill();
    this.generation++;
    this.clockOffset = 0;
  }

  async restart(): Promise<void> {
    await this.#relay.restart();
  }

  statistics(room: string): Promise<RoomStatistics> {
    return this.#relay.admin(`/apps/${TEST_APP}/rooms/${room}/statistics`);
  }

  async connections(room: string): Promise<readonly ConnectionView[]> {
    const page = await this.#relay.admin<{ connections: ConnectionView[] }>(
      `/apps/${TEST_APP}/rooms/${room}/connections?limit=1000`,
    );
    return page.connections;
  }

  /** What has gone over the trunks of these rooms, added up. */
  async trunks(rooms: readonly string[]): Promise<TrunkTraffic> {
    const all = await Promise.all(rooms.map((room) => this.statistics(room)));
    return all.map(({ trunk }) => trunk).reduce(added);
  }

  admin<T>(path: string): Promise<T> {
    return this.#relay.admin(path);
  }

  async drain(room: string, reconnectAfterMs: number): Promise<void> {
    const body = JSON.stringify({ reconnectAfterMs });
    await this.#relay.admin(`/apps/${TEST_APP}/rooms/${room}/drain`, { method: "POST", body });
  }

  /** As a deploy does to every object. */
  async abort(...rooms: readonly string[]): Promise<void> {
    await this.#backDoor("abort", rooms);
  }

  /**
   * Breaks every trunk to and from these rooms, with what is under way on it, and lets none be dialed for so long. Returns how
   * many sockets there were.
   */
  async cutTrunks(rooms: readonly string[], outageMs: number): Promise<number> {
    return (await this.#backDoor("cut", rooms, { outage: outageMs })).cut;
  }

  async moveClock(by: number, rooms: readonly string[]): Promise<void> {
    this.clockOffset += by;
    await this.#backDoor("clock", rooms, { by });
  }

  /** How often this process has built the room's object. Asking does not wake it. */
  async births(room: string): Promise<number> {
    const { births } = await this.#backDoor("births");
    return births[nameOf(room)] ?? 0;
  }

  /** MiB that the process has resident, after a garbage collection: the lowest of a few looks. */
  async memory(): Promise<number> {
    let lowest = Infinity;
    for (let look = 0; look < 5; look++) {
      await this.#backDoor("collect");
      await new Promise((resolve) => setTimeout(resolve, 500));
      const status = readFileSync(`/proc/${this.#relay.pid}/status`, "utf8");
      lowest = Math.min(lowest, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
    }
    return lowest;
  }

  /** Lines of the log that must not be there. */
  failures(): string[] {
    return readFileSync(this.#log, "utf8")
      .split("\n")
      .filter((line) => FAILURES.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #backDoor(
    what: string,
    rooms: readonly string[] = [],
    parameters: Readonly<Record<string, number>> = {},
  ): Promise<BackDoorAnswer> {
    const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
    for (const room of rooms) query.append("room", nameOf(room));
    const response = await fetch(`${this.url}/test/${what}?${query}`);
    if (!response.ok) throw new Error(`/test/${what} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as BackDoorAnswer;
  }
}

function nameOf(room: string): string {
  return `app/${TEST_APP}/room/${room}`;
}

function added(a: TrunkTraffic, b: TrunkTraffic): TrunkTraffic {
  const names = Object.keys(a) as (keyof TrunkTraffic)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as TrunkTraffic;
}
