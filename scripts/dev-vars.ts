/** `.dev.vars`: the secrets of a relay on this machine. `npm start` runs this file, so that none has to be made up. */
import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";

export const DEV_VARS = fileURLToPath(new URL("../.dev.vars", import.meta.url));

/** Its variables; none if there is no such file. */
export function readDevVars(path: string = DEV_VARS): Record<string, string | undefined> {
  return parseEnv(readText(path) ?? "");
}

/** Adds what is missing and leaves every other byte alone. What it did in one line; undefined if it had nothing to do. */
export function completeDevVars(path: string = DEV_VARS): string | undefined {
  const text = readText(path);
  const present = parseEnv(text ?? "");
  const missing: string[] = [];
  if (!("TICKET_SECRET" in present || "TICKET_KEYS" in present)) missing.push("TICKET_SECRET");
  if (!("ADMIN_TOKEN" in present)) missing.push("ADMIN_TOKEN");
  if (missing.length === 0) return undefined;
  const lines = missing.map((name) => `${name}=${randomBytes(32).toString("base64url")}\n`).join("");
  const secrets = `a random ${missing.join(" and a random ")}`;
  if (text === undefined) {
    writeFileSync(path, lines, { mode: 0o600, flag: "wx" });
    return `Made .dev.vars (git-ignored) with ${secrets}.`;
  }
  appendFileSync(path, text === "" || text.endsWith("\n") ? lines : `\n${lines}`);
  return `Added ${secrets} to .dev.vars.`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`Cannot read ${path}`, { cause: error });
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const done = completeDevVars();
  if (done) console.log(done);
}
