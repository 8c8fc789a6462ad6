/** The admin API's description: what a standard linter says of it, and what must be true of every operation. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import type { AdminBindings } from "../../../src/http/admin/environment.ts";
import { createAdminApi } from "../../../src/http/admin/api.ts";
import { PROBLEMS, type ProblemCode } from "../../../src/http/problem.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Report {
  readonly totals: { readonly errors: number };
  readonly problems: readonly { readonly ruleId: string; readonly location: readonly { readonly pointer: string }[] }[];
}

const METHODS = ["get", "put", "post", "delete", "patch"];
let document: Document;
let operations: [string, Operation][];

beforeAll(async () => {
  const response = await createAdminApi().fetch(new Request("http://relay/v1/admin/openapi.json"), {} as AdminBindings);
  document = (await response.json()) as Document;
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
});

describe("the OpenAPI document", () => {
  test("is 3.1, and valid to Redocly's linter with its recommended rules", { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-openapi-"));
    try {
      const file = join(folder, "openapi.json");
      writeFileSync(file, JSON.stringify(document));
      expect(document.openapi).toBe("3.1.0");
      const { totals, problems } = await lint(file, folder);
      expect(totals.errors, JSON.stringify(problems, null, 1)).toBe(0);
      // An upgrade is answered with 101, and nothing else is a success there.
      const warnings = problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);
      expect(warnings.toSorted()).toEqual([
        "operation-2xx-response #/paths/~1apps~1{app}~1rooms~1{room}~1watch/get/responses",
        "operation-2xx-response #/paths/~1apps~1{app}~1watch/get/responses",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("names every refusal with its code, below its status", () => {
    for (const [name, { responses }] of operations) {
      for (const [status, { description }] of Object.entries(responses)) {
        if (Number(status) < 400) continue;
        for (const code of description.split(", ")) {
          expect(`${name}: ${code} is ${PROBLEMS[code as ProblemCode]}`).toBe(`${name}: ${code} is ${status}`);
        }
      }
      expect(Object.keys(responses), name).toEqual(expect.arrayContaining(["401", "429", "500", "503"]));
      if (!name.startsWith("get ")) expect(responses["403"]?.description, name).toContain("admin_scope");
      if (name.includes("{app}")) expect(responses["403"]?.description, name).toContain("admin_app");
    }
  });

  test("gives every operation a name of its own", () => {
    const names = operations.map(([, { operationId }]) => operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("getDestinationPeerInRoom");
  });
});

async function lint(file: string, folder: string): Promise<Report> {
  const cli = join(createRequire(import.meta.url).resolve("@redocly/cli/package.json"), "../bin/cli.js");
  const args = [cli, "lint", "--extends=recommended", "--format=json", file];
  // It looks for a newer release of itself otherwise.
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", CI: "true" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env }).catch((error) => error);
  return JSON.parse(stdout) as Report;
}
