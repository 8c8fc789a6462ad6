/** An OpenAPI document as a test uses it: its operations, requests that they may get, and whether an answer is as described. */
import * as fc from "fast-check";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly example?: unknown;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required?: boolean;
  readonly schema: Schema;
}
interface PathItem {
  readonly parameters?: readonly Parameter[];
}
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
export interface Document {
  readonly paths: Readonly<Record<string, PathItem & Readonly<Record<string, Omit<Operation, "method" | "path">>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const METHODS = ["get", "put", "post", "delete"];

export function operationsOf({ paths }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      return [{ ...operation, method: method.toUpperCase(), path, parameters }];
    }),
  );
}

export interface Built {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string | undefined;
}

type Values = Readonly<Record<string, string | undefined>>;

export function build({ method, path, parameters }: Operation, values: Values, body?: string): Built {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: place } of parameters) {
    const value = values[name];
    if (place === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(value ?? ""));
    else if (value !== undefined) query.append(name, value);
  }
  return { method, path: query.size === 0 ? filled : `${filled}?${query}`, body };
}

/** With its parameters' examples, and no query that is not required. */
export function exampleOf(operation: Operation, given: Values = {}): Built {
  const needed = operation.parameters.filter(({ required }) => required);
  const examples = needed.map(({ name, schema }) => [name, given[name] ?? String(schema.example)]);
  return build(operation, Object.fromEntries(examples) as Values);
}

/** Requests for an operation: most are as described, and in some a part is something else. */
export function requestsFor(document: Document, operation: Operation, fixed: Values): fc.Arbitrary<Built> {
  const values = Object.fromEntries(
    operation.parameters.map(({ name, required, schema }) => [name, textsFor(schema, required ?? false, fixed[name])]),
  );
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const bodies = schema ? bodiesFor(document, schema) : fc.constant(undefined);
  return fc
    .record({ values: fc.record(values), body: bodies })
    .map(({ values, body }) => build(operation, values, body));
}

function textsFor(schema: Schema, isRequired: boolean, fixed: string | undefined): fc.Arbitrary<string | undefined> {
  const good = fixed === undefined ? fitting(schema).map(String) : fc.constant(fixed);
  // Without "." and "..", which are no path segments but ways through them.
  const bad = fc.string({ unit: "binary", minLength: 1, maxLength: 80 }).filter((text) => !/^\.\.?$/.test(text));
  const odd = fc.constantFrom("0", "-1", "1e3", "null", " ", "%", "18446744073709551616", "9".repeat(400), "\u0000");
  const any: fc.Arbitrary<string | undefined> = fc.oneof(
    { weight: 12, arbitrary: good },
    { weight: 1, arbitrary: bad },
    { weight: 1, arbitrary: odd },
  );
  return isRequired ? any : fc.option(any, { nil: undefined });
}

function bodiesFor(document: Document, schema: Schema): fc.Arbitrary<string | undefined> {
  const { properties = {} } = resolved(document, schema);
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [
      name,
      fc.oneof({ weight: 6, arbitrary: fitting(field) }, { weight: 1, arbitrary: fc.jsonValue() }),
    ]),
  );
  return fc.oneof(
    { weight: 8, arbitrary: fc.record(fields, { requiredKeys: [] }).map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

function fitting({
  type,
  enum: values,
  pattern,
  minimum = -1e9,
  maximum = 1e9,
  example,
}: Schema): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  if (type === "integer") return fc.integer({ min: minimum, max: maximum });
  if (pattern !== undefined) return fc.oneof(fc.constant(example), fc.stringMatching(new RegExp(pattern)));
  return fc.oneof(fc.constant(example), fc.string({ maxLength: 20 }));
}

function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  const found = name === undefined ? schema : document.components.schemas[name];
  if (!found) throw new Error(`the document has no schema ${name}`);
  return found.allOf
    ? found.allOf.map((part) => resolved(document, part)).reduce((all, part) => ({ ...all, ...part }))
    : found;
}

/** What is wrong with `value`, by its place; nothing where it is as described. What is not described is wrong, too. */
export function misfits(document: Document, schema: Schema, value: unknown, place = ""): string[] {
  if (schema.$ref !== undefined) return misfits(document, resolved(document, { $ref: schema.$ref }), value, place);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    return choices.some((choice) => misfits(document, choice, value, place).length === 0)
      ? []
      : [`${place} fits nothing`];
  }
  if (schema.allOf) {
    const parts = schema.allOf.map((part) => resolved(document, part));
    const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {})) as Record<string, Schema>;
    const required = parts.flatMap((part) => part.required ?? []);
    return misfits(document, { type: "object", properties, required }, value, place);
  }
  const { type, enum: values, minimum = -Infinity, maximum = Infinity } = schema;
  const types = type === undefined ? [] : [type].flat();
  if (types.length > 0 && !types.some((name) => isOf(name, value))) return [`${place} is no ${types.join(" or ")}`];
  if (values && !values.includes(value)) return [`${place} is "${String(value)}", which is not listed`];
  if (typeof value === "number" && (value < minimum || value > maximum)) return [`${place} is out of range`];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => misfits(document, schema.items ?? {}, item, `${place}[${index}]`));
  }
  return typeof value === "object" && value !== null ? misfitsOfObject(document, schema, value, place) : [];
}

function misfitsOfObject(document: Document, schema: Schema, value: object, place: string): string[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${place}.${name} is missing`);
  const rest = typeof additionalProperties === "object" ? additionalProperties : undefined;
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    const known = properties[name] ?? rest;
    return known ? misfits(document, known, field, `${place}.${name}`) : [`${place}.${name} is not described`];
  });
  return [...missing, ...wrong];
}

function isOf(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
