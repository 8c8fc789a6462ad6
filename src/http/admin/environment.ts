import type { AdminIdentity } from "../../auth/admin-tokens.ts";
import type { RoomAdmin } from "../../relay/operations/index.ts";
import type { Log } from "../../relay/ports.ts";
import type { ParsedSettings } from "../../relay/settings.ts";
import type { RoomAddress, RoomGateway } from "../gateway.ts";
import { type ProblemCode, problem } from "../problem.ts";

/** What the gate hands to the routes. */
export interface AdminBindings {
  readonly operator: AdminIdentity;
  /** Of the path, as the gate has checked it: routes never read an app or a room from the path themselves. */
  readonly address: RoomAddress | undefined;
  readonly rooms: RoomGateway;
  readonly settings: ParsedSettings;
  readonly runtime: string;
  readonly now: () => number;
  readonly log: Log;
}

export type AdminEnv = { Bindings: AdminBindings };

/** Ends a request from within a route, whose type promises only what it answers when all is well. */
export class Refused extends Error {
  readonly response: Response;

  constructor(code: ProblemCode, detail: string) {
    super(`${code}: ${detail}`);
    this.response = problem(code, detail);
  }
}

/** Only under `/apps/:app`, where the gate has seen to it that there is one. */
export function addressOf({ env }: { readonly env: AdminBindings }): RoomAddress {
  if (!env.address) throw new Error("A route asked for its room, and is not below /apps/:app");
  return env.address;
}

export function roomOf(context: { readonly env: AdminBindings }): RoomAdmin {
  return context.env.rooms.admin(addressOf(context));
}
