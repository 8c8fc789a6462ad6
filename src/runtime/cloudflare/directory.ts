import type { AppId } from "../../protocol/index.ts";
import type { AppDirectory, AppSummary, AppTotals, RelayDirectory, RoomSummary } from "../../relay/directory/report.ts";
import type { SettingOverrides } from "../../relay/settings.ts";
import { boundedMap } from "../bounded.ts";
import { directoryName } from "../room-address.ts";
import { INDEX_NAME, type RelayDirectory as DirectoryObject } from "./relay-directory.ts";

/** Directories that are asked at once for their app's summary. */
const ASKED_AT_ONCE = 16;

/** The directory as Durable Objects: one per app, and one that knows which apps there are. */
export class DurableDirectory implements RelayDirectory {
  readonly #namespace: DurableObjectNamespace<DirectoryObject>;

  constructor(namespace: DurableObjectNamespace<DirectoryObject>) {
    this.#namespace = namespace;
  }

  async ids(page: { after: number; limit: number }): Promise<AppId[]> {
    return this.#namespace.getByName(INDEX_NAME).apps(page);
  }

  async apps(page: { after: number; limit: number }): Promise<AppSummary[]> {
    return boundedMap(await this.ids(page), ASKED_AT_ONCE, async (app) => this.#objectOf(app).summary());
  }

  app(app: AppId): AppDirectory {
    const object = this.#objectOf(app);
    return {
      rooms: async (page): Promise<RoomSummary[]> => object.rooms(page),
      totals: async (): Promise<AppTotals> => object.totals(),
      overrides: async (): Promise<SettingOverrides> => (await object.overrides()).overrides,
      setOverrides: async (overrides): Promise<void> => object.setOverrides(overrides),
    };
  }

  #objectOf(app: AppId): DurableObjectStub<DirectoryObject> {
    return this.#namespace.getByName(directoryName(app));
  }
}
