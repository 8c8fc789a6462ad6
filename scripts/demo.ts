/** `npm run demo`: `edge-relay demo` through the local relay of a checkout, which is started where none runs. */
import process from "node:process";
import { run } from "../src/cli/run.ts";
import { DEFAULT_URL } from "../src/cli/values.ts";
import { readDevVars } from "./dev-vars.ts";
import { useLocalRelay } from "./local-relay.ts";

const args = process.argv.slice(2);
const given = args.findIndex((arg) => arg === "--url");
const url = (given < 0 ? undefined : args[given + 1]) ?? process.env["EDGE_RELAY_URL"] ?? DEFAULT_URL;

const relay = await useLocalRelay(url);
if (relay.wasStarted) process.stderr.write(`Started a relay for this demo: npm start, at ${url}\n`);
try {
  process.exitCode = await run(["demo", ...args], {
    // The first start has written secrets that were not there when this process began.
    variables: { ...readDevVars(), ...process.env, EDGE_RELAY_URL: url },
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isWatched: process.stderr.isTTY === true,
  });
} finally {
  await relay.stop();
}
