import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { completeDevVars, readDevVars } from "../../../scripts/dev-vars.ts";
import { loadOrThrow } from "./keys.ts";

let folder: string;
let devVars: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edge-relay-"));
  devVars = join(folder, ".dev.vars");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("dev-vars", () => {
  it("makes a file that only its owner can read, with secrets that the relay accepts", async () => {
    expect(completeDevVars(devVars)).toBe(
      "Made .dev.vars (git-ignored) with a random TICKET_SECRET and a random ADMIN_TOKEN.",
    );
    expect(statSync(devVars).mode & 0o777).toBe(0o600);
    const { TICKET_SECRET, ADMIN_TOKEN, ...rest } = readDevVars(devVars);
    expect(rest).toEqual({});
    expect(TICKET_SECRET).toMatch(/^[\w-]{43}$/);
    expect(ADMIN_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(ADMIN_TOKEN).not.toBe(TICKET_SECRET);
    await loadOrThrow({ TICKET_SECRET });
  });

  it("does nothing the second time", () => {
    completeDevVars(devVars);
    const before = readFileSync(devVars, "utf8");
    expect(completeDevVars(devVars)).toBeUndefined();
    expect(readFileSync(devVars, "utf8")).toBe(before);
  });

  it.each([
    ["# mine\nTICKET_SECRET=x\n", "ADMIN_TOKEN"],
    ["TICKET_KEYS='{\"keys\":[]}'", "ADMIN_TOKEN"],
    ["OTHER=1\r\nADMIN_TOKEN=\r\n", "TICKET_SECRET"],
    ["# TICKET_SECRET=x\nADMIN_TOKEN=y", "TICKET_SECRET"],
  ])("appends to %j what is missing", (text, name) => {
    writeFileSync(devVars, text);
    chmodSync(devVars, 0o640);
    expect(completeDevVars(devVars)).toBe(`Added a random ${name} to .dev.vars.`);
    const now = readFileSync(devVars, "utf8");
    expect(now.startsWith(text)).toBe(true);
    expect(now.slice(text.length)).toMatch(new RegExp(`^\\n?${name}=[\\w-]{43}\\n$`));
    expect(statSync(devVars).mode & 0o777).toBe(0o640);
    expect(completeDevVars(devVars)).toBeUndefined();
  });

  it("reads values with and without quotes, and no comments", () => {
    writeFileSync(devVars, `# A=0\nA=1 # one\nB="x y"\nC=\n\nD='{"keys":[]}'\n`);
    expect(readDevVars(devVars)).toEqual({ A: "1", B: "x y", C: "", D: `{"keys":[]}` });
  });

  it("reads nothing where there is no file, and says so where it cannot be read", () => {
    expect(readDevVars(devVars)).toEqual({});
    expect(() => readDevVars(folder)).toThrow(`Cannot read ${folder}`);
  });
});
