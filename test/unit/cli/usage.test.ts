/** What is typed: help, exit codes, and refusals that name what is wrong. */
import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/index.ts";
import { FLAGS, SECRETS } from "../../../src/runtime/standalone/configuration.ts";
import { runCli } from "../../support/cli.ts";
import { TEST_SECRET } from "../../support/tickets.ts";
import { cli } from "./command-line.ts";

const VARIABLES = { TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: "token-of-the-tests" };
const BAN = ["admin", "ban", "--app", "1"];

test("--help lists every command, and every command has help", async () => {
  const { exit, stdout, stderr } = await cli(["--help"]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  for (const entry of COMMANDS) {
    expect(stdout).toContain(`  ${entry.name} `);
    const paths = "commands" in entry ? entry.commands.map(({ name }) => [entry.name, name]) : [[entry.name]];
    for (const path of paths) {
      const help = await cli([...path, "--help"]);
      expect(help).toMatchObject({ exit: 0, stderr: "" });
      expect(help.stdout).toContain(`Usage: edge-relay ${path.join(" ")}`);
    }
  }
});

test("serve --help names every flag, its variable, and the secrets", async () => {
  const { stdout } = await cli(["serve", "--help"]);
  const words = stdout.replaceAll(/\s+/g, " ");
  for (const [name, { variable, argument }] of Object.entries(FLAGS)) {
    expect(words).toContain(`--${name} <${argument}>`);
    expect(words).toContain(`(env: ${variable}`);
  }
  for (const name of Object.keys(SECRETS)) expect(words).toContain(` ${name} `);
});

test.each([
  [[], "Usage: edge-relay"],
  [["sreve"], "Did you mean serve?"],
  [["serve", "--prot", "1"], "Did you mean --port?"],
  [["serve", "--port"], "argument missing"],
  [["serve", "8080"], "too many arguments"],
  [["serve", "--port", "http"], `PORT (--port) is "http" and must be a number`],
  [["ticket"], "required option '--app <id>'"],
  [["ticket", "--app", "480"], "required option '--peer <id>'"],
  [["ticket", "--app", "x", "--peer", "1"], "It must be a decimal integer from 1 to 4294967295."],
  [["ticket", "--app", "1", "--peer", "0"], "It must be a decimal integer from 1 to 18446744073709551615."],
  [["ticket", "--app", "1", "--peer", "1", "--room", "a b"], "It must be 1 to 64 characters"],
  [["ticket", "--app", "1", "--peer", "1", "--class", "Server"], "It must be 1 to 32 characters"],
  [["ticket", "--app", "1", "--peer", "1", "--ttl", "soon"], "It must be a whole number from 1"],
  [["ticket", "--app", "1", "--peer", "1", "--ttl", "0"], "It must be a whole number from 1"],
  [["ticket", "--app", "1", "--peer", "1", "stray"], "too many arguments"],
  [["ping", "relay.example.com"], `"relay.example.com" is no address of a relay`],
  [["ping", "ftp://relay.example.com"], "is no address of a relay"],
  [["ping", "--count", "0"], "It must be a whole number from 1 to 1000."],
  [["ping", "--room", "lobby"], "--room needs --app"],
  [["bench", "https://relay.example.com"], "add --yes if it is yours"],
  [["bench", "--shape", "star"], "Allowed choices are pairs, mesh"],
  [["bench", "--peers", "1000"], "It must be a whole number from 2 to 100."],
  [["bench", "--shape", "mesh", "--peers", "50"], "bench plays at most 20000"],
  [["demo", "--file", "/no/such/file"], "--file /no/such/file cannot be read"],
  [["admin"], "Usage: edge-relay admin"],
  [["admin", "statistics"], "required option '--app <id>'"],
  [["admin", "peer", "me", "--app", "1"], "It must be a decimal integer"],
  [["admin", "kick", "--app", "1"], "missing required argument 'peer'"],
  [[...BAN, "game", "1"], "Allowed choices are peer, address, ticket"],
  [[...BAN, "address", "here"], `The address "here" must be an IPv4 address`],
  [[...BAN, "peer", "1", "--until", "soon"], "It must be a date"],
  [[...BAN, "peer", "1", "--seconds", "1", "--until", "2030-01-01"], "cannot be used with option"],
])("%j: exit code 2, and what is wrong", async (args, fault) => {
  const { exit, stdout, stderr } = await cli(args, VARIABLES);
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
  expect(stderr).toContain(fault);
  expect(stderr).not.toContain("    at ");
});

test("--json: a refusal is one document, too", async () => {
  for (const args of [["ping", "x:"], ["ticket", "--app", "x"], BAN.concat("address", "here")]) {
    const { exit, stdout } = await cli([...args, "--json"], VARIABLES);
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "usage", message: expect.any(String) } });
  }
});

test("without the secrets that a command needs: exit code 1, and where to get them", async () => {
  const admin = await cli(["admin", "statistics", "--app", "1", "--json"]);
  expect(admin.exit).toBe(1);
  expect(JSON.parse(admin.stdout)).toMatchObject({ error: { code: "no_admin_token" } });
  const demo = await cli(["demo", "--url", "http://127.0.0.1:1"]);
  expect(demo).toMatchObject({ exit: 1, stdout: "" });
  expect(demo.stderr).toContain("TICKET_SECRET and ADMIN_TOKEN are needed");
});

test("as a process: its exit codes, and stdout and stderr apart", async () => {
  expect(await runCli(["--version"])).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: "",
  });
  const refused = await runCli(["bench", "https://relay.example.com", "--json"]);
  expect(refused.status).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "usage" } });
  expect(await runCli(["serve", "--port", "0"])).toMatchObject({ status: 2, stdout: "" });
  expect(await runCli(["ticket", "--app", "1", "--peer", "1"])).toMatchObject({ status: 1, stdout: "" });
});
