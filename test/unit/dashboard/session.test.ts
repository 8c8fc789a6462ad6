/** The token outlives a reload, unless the relay says that it is no good. */
import { beforeEach, expect, test, vi } from "vitest";

const KEY = "edge-relay.admin-token";
let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map([[KEY, "secret"]]);
  vi.resetModules();
  vi.stubGlobal("location", { origin: "http://relay" });
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

async function resume(answer: () => Promise<Response>) {
  vi.stubGlobal("fetch", answer);
  const session = await import("../../../src/dashboard/api/session.ts");
  await session.resumeSession();
  return session;
}

const refusal = (status: number) => async () => Response.json({ code: "x", detail: "no" }, { status });

test.each([401, 404])("a token that is answered with %i is thrown away", async (status) => {
  const session = await resume(refusal(status));
  expect([kept.size, session.whoami.value, session.keptToken()]).toEqual([0, null, ""]);
});

test.each([
  ["no answer", () => Promise.reject(new TypeError("fetch failed"))],
  ["429", refusal(429)],
  ["503", refusal(503)],
] as const)("one is kept for another try where there is %s", async (_, answer) => {
  const session = await resume(answer);
  expect([session.token.value, session.whoami.value, session.keptToken()]).toEqual([null, null, "secret"]);
  expect(session.signedOutBecause.value).not.toBeNull();
});

test("one that is good signs in", async () => {
  const who = { name: "admin", scope: "operate", apps: null, runtime: "node", version: "0" };
  const session = await resume(async () => Response.json(who));
  expect([session.token.value, session.canOperate.value]).toEqual(["secret", true]);
});
