/** The relay that ships, which also tells at `/births` how often an object was built: once for each waking. */
import type { RelayEnv } from "../../src/runtime/cloudflare/env.ts";
import { RelayRoom as ShippedRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import relay from "../../src/runtime/cloudflare/worker.ts";

export { RelayDirectory } from "../../src/runtime/cloudflare/relay-directory.ts";

/** All objects live in one isolate, as long as the process does: so does what is counted here. */
let births = 0;

export class RelayRoom extends ShippedRoom {
  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    births++;
  }
}

export default {
  fetch: (request, env, ctx) =>
    new URL(request.url).pathname === "/births" ? new Response(String(births)) : relay.fetch(request, env, ctx),
} satisfies ExportedHandler<RelayEnv>;
