/** The fault campaign, small; `npm run test:faults` is the whole one (test/faults/). */
import { expect, test } from "vitest";
import { Campaign } from "../faults/campaign.ts";
import { SMALL, SMALL_BETWEEN } from "../faults/plans.ts";

const SEED = Number(process.env["FAULTS_SEED"] ?? 20261122);

test(
  `sixteen peers under faults of nearly every kind, seed ${SEED} [R1] [R3] [R6] [R10] [S4]`,
  { timeout: 300_000 },
  async () => {
    const campaign = new Campaign({ ...SMALL, seed: SEED, log: () => undefined });
    const { violations, text } = await campaign.run();
    expect(violations, `${text}\n${campaign.ledger.notes.join("\n")}`).toEqual([]);
  },
);

test(
  `the same with every second connection between two rooms, seed ${SEED} [X3] [X4] [X6] [X7] [X8]`,
  { timeout: 300_000 },
  async () => {
    const campaign = new Campaign({ ...SMALL_BETWEEN, seed: SEED, log: () => undefined });
    const { violations, text } = await campaign.run();
    expect(violations, `${text}\n${campaign.ledger.notes.join("\n")}`).toEqual([]);
  },
);
