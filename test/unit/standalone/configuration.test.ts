import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isLogged, readConfiguration } from "../../../src/runtime/standalone/configuration.ts";
import { TEST_SECRET } from "../../support/tickets.ts";

const GOOD = { TICKET_SECRET: TEST_SECRET };

describe("readConfiguration", () => {
  test("what nobody sets", async () => {
    expect(await readConfiguration({}, GOOD)).toMatchObject({
      host: "127.0.0.1",
      port: 8787,
      database: "./data",
      tls: undefined,
      logLevel: "info",
      environment: GOOD,
    });
  });

  test("a flag goes before its variable, and a variable before what nobody sets", async () => {
    const variables = { ...GOOD, PORT: "1", HOST: "::", DATABASE: "", LOG_LEVEL: "warn" };
    const configuration = await readConfiguration({ port: "2", database: ":memory:" }, variables);
    expect(configuration).toMatchObject({ host: "::", port: 2, database: ":memory:", logLevel: "warn" });
  });

  test("settings are read", async () => {
    const configuration = await readConfiguration({}, { ...GOOD, APP_SETTINGS: `{"7":{"graceMs":5}}` });
    expect(configuration.settingsFor(7).graceMs).toBe(5);
  });

  test("certificate and key are read from their files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-tls-"));
    try {
      for (const name of ["cert", "key"]) writeFileSync(join(folder, name), `the ${name}`);
      const variables = { ...GOOD, TLS_CERT: join(folder, "cert"), TLS_KEY: join(folder, "key") };
      expect(await readConfiguration({}, variables)).toMatchObject({ tls: { cert: "the cert", key: "the key" } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ["no secret", {}, {}, "TICKET_SECRET"],
    ["a short secret", { TICKET_SECRET: "short" }, {}, "TICKET_SECRET"],
    ["settings that are no JSON", { ...GOOD, APP_SETTINGS: "{" }, {}, "APP_SETTINGS is not JSON"],
    [
      "an admin token of no scope",
      { ...GOOD, ADMIN_TOKENS: `[{"name":"a","sha256":"${"0".repeat(64)}"}]` },
      {},
      "ADMIN_TOKENS[0].scope",
    ],
    ["a port that is none", { ...GOOD, PORT: "http" }, {}, `PORT (--port) is "http" and must be a number`],
    ["a port that is too large", GOOD, { port: "65536" }, `PORT (--port) is "65536"`],
    ["a certificate without a key", { ...GOOD, TLS_CERT: "a" }, {}, "TLS_KEY (--tls-key)"],
    ["a key without a certificate", GOOD, { "tls-key": "a" }, "TLS_CERT (--tls-cert)"],
    [
      "no such file",
      GOOD,
      { "tls-key": "/no/key", "tls-cert": "/no/cert" },
      `TLS_CERT (--tls-cert) is "/no/cert" and cannot`,
    ],
    ["proxies that are none", { ...GOOD, TRUSTED_PROXIES: "me" }, {}, `TRUSTED_PROXIES (--trusted-proxies) is "me"`],
    ["no such level", { ...GOOD, LOG_LEVEL: "loud" }, {}, "LOG_LEVEL"],
  ])("%s is refused, by name", async (_, variables, flags, message) => {
    await expect(readConfiguration(flags, variables)).rejects.toThrow(message);
    await expect(readConfiguration(flags, variables)).rejects.toMatchObject({ code: "invalid_configuration" });
  });
});

test("isLogged: from the level on", () => {
  expect([isLogged("info", "warn"), isLogged("warn", "warn"), isLogged("error", "warn")]).toEqual([false, true, true]);
});
