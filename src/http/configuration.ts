import { type TicketKeys, loadTicketKeys } from "../auth/index.ts";
import { type SettingsFor, parseSettings } from "../relay/settings.ts";
import type { RelayEnvironment } from "./gateway.ts";

/** What the environment says, checked once. `problem` names the variable and the remedy. */
export type Configuration =
  | { readonly ok: true; readonly ticketKeys: TicketKeys; readonly settingsFor: SettingsFor }
  | { readonly ok: false; readonly problem: string };

/**
 * Keys are imported once per isolate, not per join: importing costs as much as verifying. The environment of an
 * isolate does not change, so its text is the cache's key.
 */
export class ConfigurationCache {
  #text: string | undefined;
  #configuration: Promise<Configuration> | undefined;

  load(env: RelayEnvironment): Promise<Configuration> {
    const text = JSON.stringify([env.TICKET_SECRET, env.TICKET_KEYS, env.APP_SETTINGS]);
    if (!this.#configuration || this.#text !== text) {
      this.#text = text;
      this.#configuration = readConfiguration(env).catch((error: unknown) => {
        if (this.#text === text) this.#configuration = undefined; // the next request may have more luck
        throw error;
      });
    }
    return this.#configuration;
  }
}

async function readConfiguration(env: RelayEnvironment): Promise<Configuration> {
  const settings = parseSettings(env.APP_SETTINGS);
  if (!settings.ok) return { ok: false, problem: settings.message };
  const keys = await loadTicketKeys(env);
  if (!keys.ok) return { ok: false, problem: keys.message };
  return { ok: true, ticketKeys: keys.keys, settingsFor: settings.settingsFor };
}
