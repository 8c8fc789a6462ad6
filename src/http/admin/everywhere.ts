/** Bans from all rooms of an app: kept by its directory, told to its rooms. */
import type { Context } from "hono";
import type { BanKind } from "../../relay/limits/bans.ts";
import { MAX_APP_BANS } from "../../relay/directory/app-record.ts";
import {
  ADDRESS,
  BanSchema,
  PEER,
  TICKET,
  type Terms,
  address,
  deleteRoute,
  listRoute,
  pageOf,
  peer,
  putRoute,
  ticket,
  untilOf,
} from "./bans.ts";
import { type AdminEnv, Refused, addressOf } from "./environment.ts";
import { newRouter } from "./router.ts";

const PREFIX = "/apps/{app}/everywhere";
const TEXTS = {
  suffix: "Everywhere",
  place: " from all rooms of an app",
  description: `Rooms that are in use are told at once, and end what it meets; others follow with their first report after they
wake. An earlier ban of the same subject is replaced. An app has at most ${MAX_APP_BANS}.`,
};

export function everywhereRoutes() {
  return newRouter()
    .openapi(listRoute(`${PREFIX}/bans`, TEXTS), async (c) => {
      const { query, result } = pageOf(c.req.valid("query"));
      return c.json(result(await directoryOf(c).bans(query)), 200);
    })
    .openapi(putRoute(`${PREFIX}/bans/peers/{peer}`, peer, PEER, BanSchema, TEXTS), async (c) =>
      c.json(await ban(c, "peer", String(c.req.valid("param").peer), c.req.valid("json")), 200),
    )
    .openapi(deleteRoute(`${PREFIX}/bans/peers/{peer}`, peer, PEER, TEXTS), async (c) => {
      await unban(c, "peer", String(c.req.valid("param").peer));
      return c.body(null, 204);
    })
    .openapi(putRoute(`${PREFIX}/bans/addresses/{address}`, address, ADDRESS, BanSchema, TEXTS), async (c) =>
      c.json(await ban(c, "address", c.req.valid("param").address, c.req.valid("json")), 200),
    )
    .openapi(deleteRoute(`${PREFIX}/bans/addresses/{address}`, address, ADDRESS, TEXTS), async (c) => {
      await unban(c, "address", c.req.valid("param").address);
      return c.body(null, 204);
    })
    .openapi(putRoute(`${PREFIX}/tickets/{jti}/revocation`, ticket, TICKET, BanSchema, TEXTS), async (c) =>
      c.json(await ban(c, "ticket", c.req.valid("param").jti, c.req.valid("json")), 200),
    )
    .openapi(deleteRoute(`${PREFIX}/tickets/{jti}/revocation`, ticket, TICKET, TEXTS), async (c) => {
      await unban(c, "ticket", c.req.valid("param").jti);
      return c.body(null, 204);
    });
}

async function ban(c: Context<AdminEnv>, kind: BanKind, subject: string, terms: Terms) {
  const until = untilOf(terms, c.env.now());
  const kept = await directoryOf(c).ban({ kind, subject, until, reason: terms.reason ?? "" });
  if (!kept) {
    throw new Refused("too_many_bans", `this app has ${MAX_APP_BANS} bans, which is the limit; remove one first`);
  }
  await ownRoomOf(c).noteBan(kept, c.env.operator.name);
  return kept;
}

async function unban(c: Context<AdminEnv>, kind: BanKind, subject: string): Promise<void> {
  if (!(await directoryOf(c).unban(kind, subject))) {
    throw new Refused("ban_not_found", `there is no ban of ${kind} ${subject} from all rooms of this app`);
  }
  await ownRoomOf(c).noteUnban(kind, subject, c.env.operator.name);
}

function directoryOf(c: Context<AdminEnv>) {
  return c.env.rooms.directory.app(addressOf(c).app);
}

/** Whose audit log has what is done to the app. */
function ownRoomOf(c: Context<AdminEnv>) {
  return c.env.rooms.admin({ app: addressOf(c).app, room: undefined });
}
