import type { AppId, PeerId } from "../../protocol/index.ts";
import { pageOfAll, summaryOfAll, totalsOfAll } from "../../relay/directory/division.ts";
import type { AppDirectory, AppSummary, RelayDirectory } from "../../relay/directory/report.ts";
import { latestOf } from "../../relay/directory/whereabouts.ts";
import { boundedMap } from "../bounded.ts";
import type { RelayObjects } from "./objects.ts";
import type { RelayDirectory as DirectoryObject } from "./relay-directory.ts";

/** Directories that are asked at once for their app's summary. */
const ASKED_AT_ONCE = 16;

type Directory = DurableObjectStub<DirectoryObject>;

/** The directory as Durable Objects: one or several per app, and one that knows which apps there are. */
export class DurableDirectory implements RelayDirectory {
  readonly #objects: RelayObjects;

  constructor(objects: RelayObjects) {
    this.#objects = objects;
  }

  async ids(page: { after: number; limit: number }): Promise<AppId[]> {
    return this.#objects.index.apps(page);
  }

  async apps(page: { after: number; limit: number }): Promise<AppSummary[]> {
    const ids = await this.ids(page);
    return boundedMap(ids, ASKED_AT_ONCE, async (app) =>
      summaryOfAll(await this.#askAll(app, async (directory) => directory.summary())),
    );
  }

  app(app: AppId): AppDirectory {
    const head = this.#objects.directory(app);
    return {
      rooms: async (page) => pageOfAll(await this.#askAll(app, async (part) => part.rooms(page)), page.limit),
      totals: async () => totalsOfAll(await this.#askAll(app, async (part) => part.totals())),
      lobby: async (query) => pageOfAll(await this.#askAll(app, async (part) => part.lobby(query)), query.limit),
      overrides: async () => head.overrides(),
      setOverrides: async (overrides) => head.setOverrides(overrides),
      bans: async (page) => head.bans(page),
      ban: async (terms) => head.ban(terms),
      unban: async (kind, subject) => head.unban(kind, subject),
    };
  }

  /**
   * For a room: those that these peers are in, "" for the app's own. Only objects are asked that rooms report to now: when the
   * rooms were last divided, all sockets were closed by the deployment, and who has come back was told to one of these.
   */
  async locate(app: AppId, peers: readonly PeerId[]): Promise<(string | undefined)[]> {
    const shards = Array.from({ length: this.#objects.shardsOf(app) }, (_, shard) => shard);
    const ask = async (shard: number) => this.#objects.directory(app, shard).locate(peers);
    return latestOf(await boundedMap(shards, ASKED_AT_ONCE, ask));
  }

  /** All objects that the app's rooms were ever divided among. Most apps have one, which is asked without waiting. */
  async #askAll<T>(app: AppId, question: (directory: Directory) => Promise<T>): Promise<[T, ...T[]]> {
    const head = this.#objects.directory(app);
    const [first, shards] = await Promise.all([question(head), head.shards()]);
    const others = Array.from({ length: shards - 1 }, (_, index) => index + 1);
    const rest = await boundedMap(others, ASKED_AT_ONCE, (shard) => question(this.#objects.directory(app, shard)));
    return [first, ...rest];
  }
}
