import { defineConfig } from "vitest/config";

/**
 * The unit tests as Stryker runs them, once per mutant. Left out are the two that play thousands of random games: a mutant
 * is to be killed by a test that says what is wrong, and these would take most of the time.
 */
export default defineConfig({
  test: {
    // Seen from the folder that Stryker is given.
    include: ["**/*.test.ts"],
    exclude: ["**/scripts.test.ts", "**/manager.model.test.ts", "**/room.property.test.ts"],
  },
});
