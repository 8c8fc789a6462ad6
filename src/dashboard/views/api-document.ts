/** As much of an OpenAPI 3.1 document as the page shows, read with care: it comes over the wire. */
export interface Schema {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
}

interface Content {
  readonly [type: string]: { readonly schema?: Schema } | undefined;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

export interface Answer {
  readonly description?: string;
  readonly content?: Content;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: Content };
  readonly responses?: Readonly<Record<string, Answer>>;
}

export interface ApiDocument {
  readonly info?: { readonly title?: string; readonly version?: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const METHODS = ["get", "put", "post", "delete", "patch"] as const;

export interface Group {
  readonly name: string;
  readonly description: string | undefined;
  readonly operations: readonly Operation[];
}

/** By their first tag, in the order of the document. */
export function groupsOf(document: ApiDocument): Group[] {
  const groups = new Map<string, Operation[]>((document.tags ?? []).map(({ name }) => [name, []]));
  for (const operation of operationsOf(document)) {
    const tag = operation.tags?.[0] ?? "Other";
    groups.set(tag, [...(groups.get(tag) ?? []), operation]);
  }
  const notes = new Map(document.tags?.map(({ name, description }) => [name, description]));
  return [...groups]
    .filter(([, operations]) => operations.length > 0)
    .map(([name, operations]) => ({ name, operations, description: notes.get(name) }));
}

function operationsOf({ paths = {} }: ApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method] as Omit<Operation, "method" | "path"> | undefined;
      if (!operation) return [];
      const shared = (item["parameters"] ?? []) as readonly Parameter[];
      return [{ ...operation, method, path, parameters: [...shared, ...(operation.parameters ?? [])] }];
    }),
  );
}

/** The part of the document that a `$ref` names. */
export function resolve<T extends object>(document: ApiDocument, value: T): T {
  const ref = (value as { $ref?: string }).$ref;
  if (!ref?.startsWith("#/")) return value;
  const found = ref
    .slice(2)
    .split("/")
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
  return (found ?? value) as T;
}

export function refName(schema: Schema): string | undefined {
  return schema.$ref?.split("/").at(-1);
}

export function schemaOf(content: Content | undefined): Schema | undefined {
  return Object.values(content ?? {})[0]?.schema;
}

/** A schema in a word or two: "string", "Ban[]", "read | operate". */
export function typeText(schema: Schema): string {
  const name = refName(schema);
  if (name) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map(typeText).join(" | ");
  if (schema.allOf) return schema.allOf.map(typeText).join(" & ");
  if (schema.items) return `${typeText(schema.items)}[]`;
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : String(schema.type ?? "any");
  return `${type}${limitsOf(schema)}`;
}

function limitsOf({ minimum, maximum, minLength, maxLength, pattern, format }: Schema): string {
  const parts = [
    minimum !== undefined || maximum !== undefined ? `${minimum ?? "…"} to ${maximum ?? "…"}` : "",
    minLength !== undefined || maxLength !== undefined ? `${minLength ?? 0} to ${maxLength ?? "…"} characters` : "",
    pattern === undefined ? "" : String(pattern),
    format === undefined ? "" : String(format),
  ].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}
