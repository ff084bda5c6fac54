import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addWays, waysMissed } from '../../demo/gallery/ways.js';

test('the ways of batches are summed over workers, and those that none took are named', () => {
  const metrics = (raw: number): string =>
    [
      '# TYPE causeway_batches_total counter',
      `causeway_batches_total{how="raw",reason=""} ${raw}`,
      'causeway_batches_total{how="recode",reason="too-large"} 3',
      'causeway_other_total{how="raw"} 100',
    ].join('\n');
  const ways: Record<string, number> = {};
  addWays(ways, metrics(5));
  addWays(ways, metrics(6));
  assert.deepEqual(ways, { raw: 11, 'recode too-large': 6 });
  const missed = waysMissed(ways);
  assert.ok(missed.includes('skip control') && !missed.includes('raw') && !missed.includes('recode too-large'));
});
