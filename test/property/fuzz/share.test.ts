import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { superviseFuzzing } from '../../fuzz/supervise.js';

const CASES = 30_000;
const SEED = 20_261_121;

describe('hostile bytes (npm run fuzz has more of them)', () => {
  test(`${CASES} cases end in content or in a declared error: no crash, no hang, no growth`, async () => {
    const failures: string[] = [];
    const report = await superviseFuzzing({
      count: CASES,
      seed: SEED,
      onFailure: ({ target, index, what }) => failures.push(`${target}, case ${index} of seed ${SEED}: ${what}`),
    });
    assert.deepEqual(failures, []);
    assert.equal(report.failures, 0);
    assert.equal(report.cases, CASES);
  });
});
