/** The rules and stores are tested on the adapter that Node, Bun and Deno serve with. */
export { SqliteDatabase as NodeSql } from "../../src/runtime/standalone/sqlite-database.ts";
