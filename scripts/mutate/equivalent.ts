/** Mutants that no test can kill, because what they change cannot be seen. Each with the reason. */
export interface Equivalent {
  readonly file: string;
  /** Part of the source line on which it begins. */
  readonly line: string;
  /** What is replaced, with single spaces; needed where a line has several that look alike. */
  readonly original?: string;
  readonly mutants: readonly string[];
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: "src/protocol/control-frames.ts",
    line: "if (end < 0) return undefined",
    mutants: ["end <= 0"],
    why: "a frame ends behind its header: at 8 or later",
  },
  {
    file: "src/protocol/data-frames.ts",
    line: "view.setUint16(offset + 14, 0, true)",
    original: "true",
    mutants: ["false"],
    why: "a zero has the same bytes in either order",
  },
  {
    file: "src/protocol/fields.ts",
    line: "return at < 0 ? new Uint8Array()",
    original: "at < 0",
    mutants: ["at <= 0"],
    why: "the length stands before the bytes, so they are never at 0",
  },
  {
    file: "src/protocol/fields.ts",
    line: 'return "";',
    mutants: ['"Stryker was here!"'],
    why: "nobody reads the values of a frame that has failed",
  },
  {
    file: "src/protocol/fields.ts",
    line: "if (cursor.failed) return",
    original: "cursor.failed",
    mutants: ["false"],
    why: "nobody reads the values of a frame that has failed",
  },
  {
    file: "src/protocol/fields.ts",
    line: "if (bytes.length <= max) return bytes",
    mutants: ["false"],
    why: "a short cut: what ends before the limit is cut where it ends",
  },
  {
    file: "src/protocol/fields.ts",
    line: "while (end > 0 &&",
    original: "end > 0",
    mutants: ["true", "end >= 0"],
    why: "the encoder's UTF-8 has the beginning of a character in every four bytes",
  },
  {
    file: "src/protocol/ids.ts",
    line: 'if (typeof number !== "number" ||',
    original: 'typeof number !== "number"',
    mutants: ["false"],
    why: "for the compiler: what is no number is no integer either",
  },
  {
    file: "src/auth/bearer.ts",
    line: "for (let i = 0; i < left.length; i++)",
    original: "i < left.length",
    mutants: ["i <= left.length"],
    why: "behind the end both are 0",
  },
  {
    file: "src/auth/key-material.ts",
    line: 'const { kty = "", kid',
    original: '""',
    mutants: ['"Stryker was here!"'],
    why: "no kind of key has either name",
  },
  {
    file: "src/auth/sign-ticket.ts",
    line: "...(kid !== undefined && { kid })",
    original: "kid !== undefined",
    mutants: ["true"],
    why: "JSON leaves out what is undefined",
  },
  {
    file: "src/auth/ticket-claims.ts",
    line: 'const peer = typeof sub === "string"',
    original: 'typeof sub === "string"',
    mutants: ["true"],
    why: "JSON has no bigint, the only other thing that parsePeerId takes",
  },
  {
    file: "src/auth/ticket-keys.ts",
    line: "listed.length === 1 ? only?.key",
    original: "only?.key",
    mutants: ["only.key"],
    why: "for the compiler: a list of one has a first",
  },
  {
    file: "src/auth/ticket-keys.ts",
    line: "const listed = set ?",
    original: "[]",
    mutants: ['["Stryker was here"]'],
    why: "without a set there is a secret, and a text has neither kid nor key",
  },
  {
    file: "src/auth/ticket-keys.ts",
    line: "if (kid !== undefined && kids.has(kid))",
    original: "kid !== undefined",
    mutants: ["true"],
    why: "a second key without a kid has been refused before",
  },
  {
    file: "src/auth/ticket-keys.ts",
    line: "if (kid !== undefined) kids.add(kid)",
    original: "kid !== undefined",
    mutants: ["true"],
    why: "a second key without a kid has been refused before",
  },
  {
    file: "src/auth/verify-ticket.ts",
    line: "} catch {",
    original: "{ return undefined; // a part is not base64url or not JSON }",
    mutants: ["{}"],
    why: "a function without return returns undefined",
  },
  {
    file: "src/relay/connection.ts",
    line: "[ConnectionState.Closed]: []",
    original: "[]",
    mutants: ['["Stryker was here"]'],
    why: "no state has that name",
  },
  {
    file: "src/relay/connection-index.ts",
    line: "records?.all",
    original: "records?.all",
    mutants: ["records.all"],
    why: "for the compiler: whoever has a connection has records",
  },
  {
    file: "src/relay/connection-index.ts",
    line: "return a < b ?",
    original: "a < b",
    mutants: ["a >= b", "a <= b"],
    why: "either order will do, as long as it is one; and nobody connects to himself",
  },
  {
    file: "src/relay/negotiation.ts",
    line: "const connection = id === NO_CONNECTION ?",
    original: "id === NO_CONNECTION",
    mutants: ["false"],
    why: "no connection has that id",
  },
];
