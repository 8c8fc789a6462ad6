/** The relay of relay/worker.ts, in a process of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle } from "../../scripts/workerd-bundle.ts";
import { type Usage, NOTHING, plus } from "../../src/cost/bill.ts";
import { PRICES } from "../../src/cost/prices.ts";
import { RunningRelay } from "../../test/support/running-relay.ts";
import type { MeterReading } from "./relay/meter.ts";

const ENTRY = fileURLToPath(new URL("relay/worker.ts", import.meta.url));
/** Limits are not what is measured. */
const SETTINGS = JSON.stringify({ default: { joinsPerMinute: 0, messagesPerSecond: 0, connectBurst: 65_536 } });

export type Readings = Readonly<Record<string, MeterReading>>;

export class MeteredRelay implements AsyncDisposable {
  readonly #relay: RunningRelay;
  readonly #folder: string;

  private constructor(relay: RunningRelay, folder: string) {
    this.#relay = relay;
    this.#folder = folder;
  }

  static async start(): Promise<MeteredRelay> {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-cost-"));
    buildBundle(folder, ENTRY);
    const build = { bundle: folder, runtime: "workerd" } as const;
    return new MeteredRelay(await RunningRelay.start({ APP_SETTINGS: SETTINGS }, build), folder);
  }

  get url(): string {
    return this.#relay.url;
  }

  /** Of rooms and their apps' directories, by the objects' names. Looking is not counted. */
  async read(rooms: readonly { readonly app: number; readonly room: string }[]): Promise<Readings> {
    const query = new URLSearchParams();
    for (const { app, room } of rooms) {
      query.append("room", roomObject(app, room));
      query.append("directory", `app/${app}`);
    }
    const response = await fetch(`${this.url}/test/meters?${query}`);
    if (!response.ok) throw new Error(`/test/meters answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Readings;
  }

  /** What the relay itself says that it has received. */
  async messagesCounted(app: number, room: string): Promise<number> {
    return (await this.#relay.admin<{ messages: number }>(`/apps/${app}/rooms/${room}/statistics`)).messages;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function roomObject(app: number, room: string): string {
  return `app/${app}/room/${room}`;
}

/** Of a room and its app's directory together. */
export function usageOf(readings: Readings, app: number, room: string): Usage {
  return [roomObject(app, room), `app/${app}`].reduce((sum, name) => {
    const reading = readings[name];
    return reading ? plus(sum, billable(reading)) : sum;
  }, NOTHING);
}

function billable({ calls, messages, rowsRead, rowsWritten, awakeMs }: MeterReading): Usage {
  const gigabyteSeconds = (awakeMs / 1000) * PRICES.gigabytesPerObject;
  return { calls, messages, rowsRead, rowsWritten, gigabyteSeconds };
}
