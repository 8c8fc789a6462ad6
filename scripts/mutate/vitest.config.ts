import { defineConfig } from "vitest/config";

/** Test files that do not pass as things are (`--without`): Stryker begins with none that fails. */
const failing = (process.env["MUTATE_WITHOUT"] ?? "").split(",").map((name) => `**/${name}.test.ts`);

/**
 * The unit tests as Stryker runs them, once per mutant. Left out are the two that play thousands of random games: a mutant
 * is to be killed by a test that says what is wrong, and these would take most of the time.
 */
export default defineConfig({
  test: {
    // Seen from the folder that Stryker is given.
    include: ["**/*.test.ts"],
    exclude: ["**/scripts.test.ts", "**/manager.model.test.ts", "**/room.property.test.ts", ...failing],
  },
});
