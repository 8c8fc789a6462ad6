import { contractTests } from "./runner.ts";

contractTests("bun");
