/** The bare forwarder, which also tells at `/births` how often its object was built: once for each waking. */
import bare, { Forwarder as Shipped } from "./bare.js";

let births = 0;

export class Forwarder extends Shipped {
  constructor(ctx, env) {
    super(ctx, env);
    births++;
  }
}

export default {
  fetch: (request, env) =>
    new URL(request.url).pathname === "/births" ? new Response(String(births)) : bare.fetch(request, env),
};
