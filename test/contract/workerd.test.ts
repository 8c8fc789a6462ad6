import { contractTests } from "./runner.ts";

contractTests("workerd");
