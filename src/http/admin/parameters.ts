/** Parameters of paths and queries that several routes have. What they are is in protocol/ and relay/; here it gets a name. */
import { z } from "@hono/zod-openapi";
import { ID_RULES, parseConnectionId, parsePeerId } from "../../protocol/index.ts";
import type { ProblemCode } from "../problem.ts";

export const DEFAULT_PAGE = 100;
export const MAX_PAGE = 1_000;

type Documentation = Readonly<{
  type: "string" | "integer";
  description: string;
  example: string | number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  default?: number;
}>;

export type TextSchema<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

/** Text that `parse` makes a value of, or undefined: then the answer is `code` with the `rule`. */
export function parsed<T>(
  parse: (text: string) => T | undefined,
  problem: ProblemCode,
  rule: string,
  documentation: Documentation,
): TextSchema<T> {
  const schema = z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: rule, params: { problem } });
    return z.NEVER;
  });
  return schema.openapi(documentation);
}

const DECIMAL = "^[1-9][0-9]{0,19}$";

export const peerParameter = parsed(parsePeerId, "invalid_peer_id", `peer id must be ${ID_RULES.peer}`, {
  type: "string",
  description: `A peer: ${ID_RULES.peer}.`,
  example: "76561197960287930",
  pattern: DECIMAL,
});

export const connectionParameter = parsed(
  parseConnectionId,
  "invalid_connection_id",
  `connection id must be ${ID_RULES.connection}`,
  {
    type: "string",
    description: `A connection: ${ID_RULES.connection}.`,
    example: "7301444403213369345",
    pattern: DECIMAL,
  },
);

export const limitParameter = parsed(
  (text) => wholeNumber(text, 1, MAX_PAGE),
  "invalid_page",
  `limit must be 1 to ${MAX_PAGE}`,
  {
    type: "integer",
    description: "How many at most.",
    example: 50,
    minimum: 1,
    maximum: MAX_PAGE,
    default: DEFAULT_PAGE,
  },
).optional();

/** Where a page begins: an opaque text of an earlier page. */
export function cursorParameter<T>(
  parse: (text: string) => T | undefined,
  example: string,
  name = "cursor",
): z.ZodOptional<TextSchema<T>> {
  const rule = `${name} must be the \`next\` of an earlier page`;
  const description = "The `next` of the page before; without it the first page.";
  return parsed(parse, "invalid_page", rule, { type: "string", description, example }).optional();
}

export function wholeNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text);
  return /^[0-9]{1,16}$/.test(text) && value >= min && value <= max ? value : undefined;
}

/** A number of a body, whose refusal names it. */
export function wholeField(name: string, min: number, max: number): z.ZodInt {
  const rule = `${name} must be an integer from ${min} to ${max}`;
  return z.int(rule).min(min, rule).max(max, rule);
}
