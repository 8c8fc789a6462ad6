import { contractTests } from "./runner.ts";

contractTests("deno");
