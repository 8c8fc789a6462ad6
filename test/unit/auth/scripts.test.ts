import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { completeDevVars, readDevVars } from "../../../scripts/dev-vars.ts";
import { ticketCommand } from "../../../scripts/ticket.ts";
import { verifyTicket } from "../../../src/auth/verify-ticket.ts";
import { TEST_SECRET } from "../../support/tickets.ts";
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

async function verify(token = "", now = Date.now()) {
  return verifyTicket(token.trim(), await loadOrThrow({ TICKET_SECRET: TEST_SECRET }), now);
}

describe("ticket", () => {
  const args = ["--app", "480", "--peer", "76561197960287930"];

  it("prints the ticket and nothing else", async () => {
    const { code, stdout, stderr } = await ticketCommand(args, { TICKET_SECRET: TEST_SECRET }, devVars);
    expect({ code, stderr }).toEqual({ code: 0, stderr: undefined });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(await verify(stdout)).toMatchObject({ ok: true, ticket: { peer: 76561197960287930n, visible: false } });
  });

  it("takes every option, and the secret of .dev.vars", async () => {
    writeFileSync(devVars, `TICKET_SECRET="${TEST_SECRET}"\n`);
    const more = ["--room", "lobby", "--expires", "10", "--visible", "--class", "server"];
    const { stdout } = await ticketCommand([...args, ...more], { TICKET_SECRET: "" }, devVars);
    expect(await verify(stdout)).toMatchObject({
      ok: true,
      ticket: { room: "lobby", visible: true, rateClass: "server" },
    });
    expect(await verify(stdout, Date.now() + 60_000)).toMatchObject({ ok: false });
  });

  it.each([
    [[], "--app must be"],
    [["--app", "480"], "--peer must be"],
    [["--app", "x", "--peer", "1"], "--app must be"],
    [["--app", "1", "--peer", "0"], "--peer must be"],
    [[...args, "--room", "a b"], "--room must be"],
    [[...args, "--class", "Server"], "--class must be"],
    [[...args, "--expires", "soon"], "--expires must be"],
    [[...args, "--expires", "0"], "--expires must be"],
    [[...args, "--colour", "red"], "--colour"],
    [[...args, "stray"], "stray"],
  ])("%j: exit code 2 and the usage", async (args, fault) => {
    const { code, stdout, stderr } = await ticketCommand(args, { TICKET_SECRET: TEST_SECRET }, devVars);
    expect({ code, stdout }).toEqual({ code: 2, stdout: undefined });
    expect(stderr).toContain(fault);
    expect(stderr).toContain("Usage: npm run ticket");
  });

  it("--help is no error", async () => {
    expect(await ticketCommand(["--help"], {}, devVars)).toMatchObject({ code: 0 });
  });

  it("exit code 1 where there is no secret, or one that is too short", async () => {
    const without = await ticketCommand(args, {}, devVars);
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("npm start");
    const short = await ticketCommand(args, { TICKET_SECRET: "short" }, devVars);
    expect(short.code).toBe(1);
    expect(short.stderr).toContain("has 5 bytes and needs 32");
  });

  it("runs as a command", async () => {
    const script = join(import.meta.dirname, "../../../scripts/ticket.ts");
    const node = ["--experimental-strip-types", "--no-warnings", script];
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [...node, ...args], { env: { TICKET_SECRET: TEST_SECRET } });
    expect(await verify(stdout)).toMatchObject({ ok: true });
    await expect(run(process.execPath, node)).rejects.toMatchObject({ code: 2 });
  });
});
