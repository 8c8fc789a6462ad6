/** The runtime that runs this process. Each server is loaded only where it can run, and only when something is served. */
import process from "node:process";
import type { Listen, serve } from "../runtime/standalone/main.ts";
import { Failure } from "./exit.ts";

export type RuntimeName = "node" | "bun" | "deno";

export interface Server {
  readonly listen: Listen;
  readonly serveUntilSignal: typeof serve;
}

export function runtimeName(): RuntimeName {
  if (process.versions["bun"] !== undefined) return "bun";
  return process.versions["deno"] === undefined ? "node" : "deno";
}

export async function listenOn(runtime: RuntimeName): Promise<Server> {
  try {
    const { serve } = await import("../runtime/standalone/main.ts");
    return { listen: await listenerOf(runtime), serveUntilSignal: serve };
  } catch (error) {
    if (!String((error as { message?: unknown }).message).includes("node:sqlite")) throw error;
    const remedy = "Node 22.13, Bun 1.3 and Deno 2.2 have it";
    throw new Failure("runtime_too_old", `Cannot serve: this ${runtime} has no node:sqlite; ${remedy}.`);
  }
}

async function listenerOf(runtime: RuntimeName): Promise<Listen> {
  switch (runtime) {
    case "node":
      return (await import("../runtime/node/serve.ts")).listen;
    case "bun":
      return (await import("../runtime/bun/serve.ts")).listen;
    case "deno":
      return (await import("../runtime/deno/serve.ts")).listen;
  }
}
