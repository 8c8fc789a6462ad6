import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

/** An empty project with the packed package in it. */
export interface UserProject {
  readonly folder: string;
  readonly tarball: string;
  remove(): void;
}

export async function installPacked(): Promise<UserProject> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-package-"));
  await run("npm", ["pack", "--pack-destination", folder], { cwd: ROOT });
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], { cwd: folder });
  return { folder, tarball, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
