import { contractTests } from "./runner.ts";

contractTests("node");
