/** What is said of a request that does not fit its schema. */
import type { z } from "@hono/zod-openapi";
import { type ProblemCode } from "../problem.ts";
import { Refused } from "./environment.ts";

type Issue = z.core.$ZodIssue;

const MAX_QUOTED = 40;

/** The first thing that was wrong. `target`: where, as Hono's validators call it. */
export function refuseInvalid(target: string, issues: readonly Issue[]): Refused {
  const [issue] = issues;
  const fallback: ProblemCode = target === "json" ? "invalid_body" : "invalid_query";
  if (!issue) return new Refused(fallback, "the request is not what the route takes");
  return new Refused(codeOf(issue) ?? fallback, describe(issue, target));
}

/** What `parsed` (parameters.ts) has put there. */
function codeOf(issue: Issue): ProblemCode | undefined {
  return issue.code === "custom" ? (issue.params?.["problem"] as ProblemCode | undefined) : undefined;
}

function describe(issue: Issue, target: string): string {
  if (issue.code === "unrecognized_keys") {
    const name = (issue.keys[0] ?? "").slice(0, MAX_QUOTED);
    return target === "json" ? `the body has the unknown field "${name}"` : `there is no parameter "${name}" here`;
  }
  if (issue.path.length === 0) return target === "json" ? "the body must be a JSON object" : issue.message;
  // A message of the schema's own begins with the name.
  const name = issue.path.map(String).join(".").slice(0, MAX_QUOTED);
  return issue.message.startsWith(name) || codeOf(issue) ? issue.message : `${name}: ${issue.message}`;
}
