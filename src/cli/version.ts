import { existsSync, readFileSync } from "node:fs";

/** Of the package that this file is in, which is two folders above the sources and three above what is built. */
export function packageVersion(): string {
  for (let folder = new URL("./", import.meta.url); ; folder = new URL("../", folder)) {
    const file = new URL("package.json", folder);
    if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
    if (folder.pathname === "/") throw new Error(`there is no package.json above ${import.meta.url}`);
  }
}
