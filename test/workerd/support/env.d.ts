import type { RelayEnv } from "../../../src/runtime/cloudflare/env.ts";

declare global {
  namespace Cloudflare {
    // What `env` and `exports` of "cloudflare:workers" hold in these tests.
    interface Env extends RelayEnv {}
    interface GlobalProps {
      mainModule: typeof import("../../../src/runtime/cloudflare/worker.ts");
    }
  }
}
