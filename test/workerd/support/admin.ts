/** The relay's HTTP side before real rooms, with a directory and a watcher of the test's own: what the routes make of them. */
import { createApp } from "../../../src/http/app.ts";
import type { RelayEnvironment, RoomAddress, RoomGateway } from "../../../src/http/gateway.ts";
import type { AppId } from "../../../src/protocol/index.ts";
import { type AppRecord, bansOf, newRecord, withBan, withoutBan } from "../../../src/relay/directory/app-record.ts";
import type { AppDirectory, AppSummary, RelayDirectory, RoomSummary } from "../../../src/relay/directory/report.ts";
import type { LogEntry } from "../../../src/relay/ports.ts";
import type { SettingOverrides } from "../../../src/relay/settings.ts";
import { operatorOf, roomOf } from "./room.ts";

/** What each is the SHA-256 of: its name. */
export const TOKENS = {
  admin: "admin-token-token-of-tests",
  reader: "reader",
  operator: "operator",
  other: "other",
} as const;
export type TokenName = keyof typeof TOKENS;

async function entry(token: TokenName, more: object): Promise<object> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(TOKENS[token]));
  const sha256 = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { name: token, sha256, ...more };
}

/** `reader` and `operator` are for all apps; `other` may operate app 7. */
export async function tokensFor(): Promise<RelayEnvironment> {
  const list = [
    await entry("reader", { scope: "read" }),
    await entry("operator", { scope: "operate" }),
    await entry("other", { scope: "operate", apps: [7] }),
  ];
  return {
    ADMIN_TOKEN: TOKENS.admin,
    ADMIN_TOKENS: JSON.stringify(list),
    APP_SETTINGS: '{"default":{"graceMs":5000}}',
  };
}

export class MemoryDirectory implements RelayDirectory {
  readonly summaries: AppSummary[] = [];
  readonly rooms: RoomSummary[] = [];
  readonly overrides = new Map<AppId, SettingOverrides>();
  readonly #records = new Map<AppId, AppRecord>();

  async apps({ after, limit }: { after: number; limit: number }): Promise<AppSummary[]> {
    return this.summaries.filter(({ app }) => app > after).slice(0, limit);
  }

  async ids(): Promise<AppId[]> {
    return this.summaries.map(({ app }) => app as AppId);
  }

  app(app: AppId): AppDirectory {
    return {
      rooms: async ({ after, limit }) =>
        this.rooms.filter(({ room }) => after === undefined || (room ?? "") > after).slice(0, limit),
      totals: async () => ({ app, rooms: 0, oldest: null, statistics: await operatorOf(roomOf(app)).statistics() }),
      overrides: async () => this.overrides.get(app) ?? {},
      setOverrides: async (overrides) => void this.overrides.set(app, overrides),
      bans: async (page) => bansOf(this.#recordOf(app), page, Date.now()),
      ban: async (terms) => {
        const ban = { ...terms, created: Date.now() };
        const record = withBan(this.#recordOf(app), ban, ban.created);
        if (record) this.#records.set(app, record);
        return record && ban;
      },
      unban: async (kind, subject) => {
        const record = withoutBan(this.#recordOf(app), kind, subject, Date.now());
        if (record) this.#records.set(app, record);
        return record !== undefined;
      },
      lobby: async () => [],
    };
  }

  #recordOf(app: AppId): AppRecord {
    return this.#records.get(app) ?? newRecord(0);
  }
}

export interface AskOptions {
  readonly token?: string | undefined;
  readonly method?: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export class AdminRelay {
  readonly directory = new MemoryDirectory();
  readonly watched: { readonly address: RoomAddress; readonly request: Request }[] = [];
  readonly lines: LogEntry[] = [];
  readonly #app;
  readonly #env: RelayEnvironment;
  /** A second passes from one request to the next, so that no rate is reached unless a test stops the clock. */
  tickMs = 1_000;
  #now = Date.now();

  constructor(env: RelayEnvironment) {
    this.#env = env;
    this.#app = createApp<RelayEnvironment>({
      runtime: "test",
      rooms: () => this.#gateway(),
      pages: () => undefined,
      geo: () => ({}),
      address: (request) => request.headers.get("x-test-address") ?? undefined,
      now: () => this.#now,
      log: (line) => this.lines.push(line),
    });
  }

  async ask(path: string, { token, method = "GET", body, headers = {} }: AskOptions = {}): Promise<Response> {
    this.#now += this.tickMs;
    const all = { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const init = { method, headers: all, ...(body !== undefined && { body }) };
    return this.#app.fetch(new Request(`http://relay.test/v1/admin${path}`, init), this.#env);
  }

  #gateway(): RoomGateway {
    return {
      join: () => Promise.reject(new Error("nobody joins here")),
      refusal: () => Promise.reject(new Error("nobody joins here")),
      region: () => Promise.reject(new Error("nobody joins here")),
      announce: () => Promise.reject(new Error("nobody joins here")),
      admin: ({ app, room }) => operatorOf(roomOf(app, room)),
      watch: async (address, request) => {
        this.watched.push({ address, request });
        return new Response("watched");
      },
      directory: this.directory,
    };
  }
}
