/** The wire protocol, for clients in TypeScript and tools. The page that describes it: docs/protocol.md. */
export * from "./close-codes.ts";
export * from "./connections.ts";
export * from "./control-frames.ts";
export * from "./data-frames.ts";
export * from "./drop-reasons.ts";
export * from "./end-reasons.ts";
export * from "./error-codes.ts";
export * from "./field-frames.ts";
export * from "./frames.ts";
export * from "./group-frames.ts";
export * from "./hosting-frames.ts";
export * from "./ids.ts";
export * from "./limits.ts";
