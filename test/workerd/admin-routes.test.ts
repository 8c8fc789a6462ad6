/** Every route of the admin API, as its OpenAPI document lists them: who is let in, and that nothing breaks it. */
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Document, type Operation, exampleOf, misfits, operationsOf, requestsFor } from "../support/openapi.ts";
import { pairUp } from "./support/peer.ts";
import { AdminRelay, TOKENS, tokensFor } from "./support/admin.ts";

let relay: AdminRelay;
let document: Document;
let operations: Operation[];
/** Beside those of the document. */
const UNLISTED = { method: "GET", path: "/openapi.json", parameters: [], responses: {} };

beforeAll(async () => {
  relay = new AdminRelay(await tokensFor());
  const response = await relay.ask("/openapi.json", { token: TOKENS.reader });
  expect(response.status).toBe(200);
  document = await response.json<Document>();
  operations = [...operationsOf(document), UNLISTED];
  expect(operations.length).toBeGreaterThan(40);
});

async function outcome(at: AdminRelay, operation: Operation, token: string | undefined): Promise<string> {
  const { method, path } = exampleOf(operation);
  const response = await at.ask(path, { method, token });
  const { code } = await response.json<{ code?: string }>().catch(() => ({ code: undefined }));
  return `${method} ${operation.path}: ${response.status} ${code ?? "no problem"}`;
}

const nameOf = ({ method, path }: Operation): string => `${method} ${path}`;

describe("each route of the document", () => {
  it("asks for a token", async () => {
    for (const operation of operations) {
      expect(await outcome(relay, operation, undefined)).toBe(`${nameOf(operation)}: 401 admin_token_missing`);
    }
  });

  it("refuses a wrong one", async () => {
    for (const operation of operations) {
      expect(await outcome(relay, operation, "guess")).toBe(`${nameOf(operation)}: 401 admin_token_wrong`);
    }
  });

  it("is closed to a token that may only read, unless it is a GET", async () => {
    const acting = operations.filter(({ method }) => method !== "GET");
    expect(acting.length).toBeGreaterThan(15);
    for (const operation of acting) {
      expect(await outcome(relay, operation, TOKENS.reader)).toBe(`${nameOf(operation)}: 403 admin_scope`);
    }
    for (const operation of operations.filter(({ method }) => method === "GET")) {
      expect(await outcome(relay, operation, TOKENS.reader)).not.toContain(" 403 ");
    }
  });

  it("is closed to a token for another app", async () => {
    for (const operation of operations.filter(({ path }) => path.startsWith("/apps/"))) {
      expect(await outcome(relay, operation, TOKENS.other)).toBe(`${nameOf(operation)}: 403 admin_app`);
    }
  });

  it("is not there, where no token is configured", async () => {
    for (const env of [{}, { ADMIN_TOKEN: "", ADMIN_TOKENS: "" }, { ADMIN_TOKENS: "[]" }]) {
      const closed = new AdminRelay(env);
      for (const operation of operations) {
        expect(await outcome(closed, operation, TOKENS.admin)).toBe(`${nameOf(operation)}: 404 not_found`);
      }
    }
  });

  it("says what is wrong with the tokens, where something is, and lets nobody in", async () => {
    const broken = new AdminRelay({ ADMIN_TOKEN: TOKENS.admin, ADMIN_TOKENS: '[{"name":"x"}]' });
    for (const operation of operations) {
      expect(await outcome(broken, operation, TOKENS.admin)).toBe(`${nameOf(operation)}: 503 relay_not_configured`);
    }
    const { detail } = await (await broken.ask("/whoami")).json<{ detail: string }>();
    expect(detail).toContain("ADMIN_TOKENS[0].sha256");
  });

  it("answers what is described", async () => {
    // Somebody is in the rooms of the examples, so that there is something to describe.
    await pairUp({ app: 480 });
    await pairUp({ app: 480, room: "lobby" });
    for (const operation of operationsOf(document)) {
      const { method, path } = exampleOf(operation);
      const response = await relay.ask(path, { method, token: TOKENS.operator, body: operation.requestBody && "{}" });
      await mustBeDescribed(operation, response);
    }
  });

  it("has no other methods", async () => {
    const known = new Set(operations.map(nameOf));
    for (const path of new Set(operations.map((operation) => operation.path))) {
      for (const method of ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]) {
        const operation = operations.find((other) => other.path === path);
        if (!operation || known.has(`${method} ${path}`)) continue;
        const other = { ...operation, method };
        expect(await outcome(relay, other, TOKENS.admin)).toBe(`${nameOf(other)}: 404 not_found`);
      }
    }
  });
});

it("no request that the document can be made to yield fails the relay", { timeout: 120_000 }, async () => {
  const rooms = { app: "9001", room: "fuzz" };
  await pairUp({ app: 9001 });
  await pairUp({ app: 9001, room: "fuzz" });
  const request = fc
    .constantFrom(...operationsOf(document))
    .chain((operation) => requestsFor(document, operation, rooms).map((built) => ({ operation, built })));
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(request, async ({ operation, built: { method, path, body } }) => {
      const response = await relay.ask(path, { method, body, token: TOKENS.admin });
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      await mustBeDescribed(operation, response);
    }),
    { numRuns: 1_500 },
  );
  // It is of use only where much of it gets through, and much does not.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(150);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(150);
  expect(relay.lines.filter(({ level }) => level === "error")).toEqual([]);
});

/** Its status and its body are in the document, which says all of them. */
async function mustBeDescribed(operation: Operation, response: Response): Promise<void> {
  expect(response.status, nameOf(operation)).toBeLessThan(500);
  // A segment of the path that was garbled may be another path, or none.
  if (response.status === 404 || operation.path.endsWith("/watch")) return;
  const described = operation.responses[String(response.status)];
  if (!described) throw new Error(`${nameOf(operation)} answered ${response.status}, which is not described`);
  const text = await response.text();
  const [[type, { schema }] = ["", { schema: {} }]] = Object.entries(described.content ?? {});
  expect(response.headers.get("content-type") ?? "", nameOf(operation)).toContain(type);
  expect(misfits(document, schema, text === "" ? undefined : JSON.parse(text)), nameOf(operation)).toEqual([]);
}
