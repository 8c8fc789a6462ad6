/** `npm run test:faults [-- --seed n] [--small] [--rooms 2]`: the fault campaign. Ends with 1 when a promise was broken. */
import { parseArgs } from "node:util";
import { Campaign } from "./campaign.ts";
import { SMALL, SMALL_BETWEEN, WHOLE, WHOLE_BETWEEN } from "./plans.ts";

const LIMIT_MS = 10 * 60_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    small: { type: "boolean", default: false },
    rooms: { type: "string", default: "1" },
  },
});
if (values.rooms !== "1" && values.rooms !== "2") throw new Error(`--rooms is 1 or 2, not ${values.rooms}`);
const [small, whole] = values.rooms === "1" ? [SMALL, WHOLE] : [SMALL_BETWEEN, WHOLE_BETWEEN];
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fff_ffff));
const startedAt = Date.now();
console.log(`fault campaign, ${values.rooms === "1" ? "each table in one room" : "across rooms"}, seed ${seed}`);

const campaign = new Campaign({ ...(values.small ? small : whole), seed, log: (line) => console.log(line) });
const late = setTimeout(() => {
  console.error(`not done within 10 minutes; repeat with --seed ${seed}`);
  for (const line of [...campaign.ledger.notes, ...campaign.ledger.violations]) console.error(`  ${line}`);
  console.error(campaign.report.table());
  campaign.stop();
  process.exit(1);
}, LIMIT_MS);
const { violations, text } = await campaign.run();
clearTimeout(late);

console.log(`\n${text}\n`);
for (const note of campaign.ledger.notes) console.log(`note: ${note}`);
for (const violation of violations) console.error(`VIOLATION: ${violation}`);
const seconds = Math.round((Date.now() - startedAt) / 1_000);
console.log(
  `seed ${seed}, ${seconds} s: ${violations.length === 0 ? "all promises kept" : `${violations.length} violations; repeat with --seed ${seed}`}`,
);
process.exit(violations.length === 0 ? 0 : 1);
