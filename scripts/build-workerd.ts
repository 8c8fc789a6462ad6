/** `npm run build:workerd`: the relay as a folder that needs nothing but workerd, to be copied to where it shall run. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, workerdConfig } from "./workerd-bundle.ts";

const FOLDER = fileURLToPath(new URL("../dist/workerd", import.meta.url));
const DEFAULT_PORT = 8787;
/** Read from the environment when workerd starts: what is secret is in no file of the folder. */
const VARIABLES = ["TICKET_SECRET", "TICKET_KEYS", "ADMIN_TOKEN", "ADMIN_TOKENS", "APP_SETTINGS"];

/** Leaves the state alone that a relay has kept there. */
export function buildWorkerdFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const bundle = mkdtempSync(join(tmpdir(), "edge-relay-bundle-"));
  try {
    buildBundle(bundle);
    copyFileSync(join(bundle, "worker.js"), join(folder, "worker.js"));
    rmSync(join(folder, "pages"), { recursive: true, force: true });
    cpSync(join(bundle, "pages"), join(folder, "pages"), { recursive: true });
  } finally {
    rmSync(bundle, { recursive: true, force: true });
  }
  const bindings = VARIABLES.map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  writeFileSync(join(folder, "config.capnp"), workerdConfig({ port: DEFAULT_PORT, bindings, pages: folder }));
  writeFileSync(join(folder, "start.sh"), START);
  chmodSync(join(folder, "start.sh"), 0o755);
  writeFileSync(join(folder, "README.txt"), readme(workerdVersion()));
}

/**
 * A path in the configuration would be relative to the current directory, and workerd makes no folder: so both are done
 * here. What is in the state lets its reader take over sessions.
 */
const START = `#!/bin/sh
# Serves the relay, from any current directory: README.txt. Arguments are handed on to workerd.
set -eu
umask 077
if [ -z "\${TICKET_SECRET:-}\${TICKET_KEYS:-}" ]; then
  echo "set TICKET_SECRET (at least 32 bytes) or TICKET_KEYS (a JWK set): README.txt" >&2
  exit 1
fi
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
state=\${DATABASE:-$here/state}
mkdir -p -- "$state"
exec "\${WORKERD:-workerd}" serve "$here/config.capnp" --directory-path="state=$state" \\
  --socket-addr="http=\${HOST:-127.0.0.1}:\${PORT:-8787}" "$@"
`;

function readme(version: string): string {
  return `edge-relay on workerd. It needs workerd ${version} or later: npm install --global workerd@${version}
Start it, from any directory:  TICKET_SECRET=... ADMIN_TOKEN=... /path/to/start.sh
or without a shell:  workerd serve /path/to/config.capnp --directory-path=state=/path/to/state   (which has to exist)
Settings are environment variables, written to no file: TICKET_SECRET (at least 32 bytes) or TICKET_KEYS, ADMIN_TOKEN,
APP_SETTINGS; for start.sh also HOST [127.0.0.1], PORT [8787], DATABASE [state/ beside it, made at the first start], WORKERD.
DATABASE is all that has to be kept. What the relay has promised survives a restart, and kill -9 too.
Before you stop it, ask the clients of each room that is in use to come back: with sockets open workerd ignores SIGTERM.
  curl -X POST -H "Authorization: Bearer $ADMIN_TOKEN" -d '{"reconnectAfterMs":5000}' \\
    http://127.0.0.1:8787/v1/admin/apps/480/drain                 (a named room: /v1/admin/apps/480/rooms/lobby/drain)
Then send SIGTERM, and SIGKILL to a process that is still there after 5 s.
`;
}

/** An older one does not know wrangler.toml's compatibility date, and does not start. */
function workerdVersion(): string {
  const path = createRequire(import.meta.url).resolve("workerd/package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  buildWorkerdFolder(FOLDER);
  console.log(`${FOLDER}: README.txt says how to start it`);
}
