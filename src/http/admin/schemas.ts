/** Pieces of what routes answer. What is answered is typed by relay/, and compared with these by the compiler. */
import { z } from "@hono/zod-openapi";
import { MAX_PAYLOAD } from "../../protocol/index.ts";

export const peerId = z.string().openapi({ description: "A peer's id in decimal.", example: "76561197960287930" });
export const time = z.int().openapi({ description: "ms since 1970", example: 1_795_392_000_000 });
export const count = z.int().min(0).openapi({ example: 12 });
export const bytes = z.int().min(0).openapi({ description: "bytes", example: MAX_PAYLOAD });

/** The answer where all is well; refusals are the same everywhere and added by openapi.ts. */
export function answer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { 200: { description, content: { "application/json": { schema } } } } as const;
}

export const NO_CONTENT = { 204: { description: "Done." } } as const;

/** What a route refuses beside what all do: for the document (openapi.ts). */
export const PROBLEM_KEY = "x-problems";

/** Numbers by name. */
export function tally<Name extends string>(
  names: readonly Name[],
): z.ZodObject<Record<Name, typeof count>, z.core.$strip> {
  return z.object(Object.fromEntries(names.map((name) => [name, count])) as Record<Name, typeof count>);
}
