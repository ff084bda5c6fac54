import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedBytesPerS, connectionsFor, type WanRun, wanRows } from '../../bench/wan-rows.js';

test('a line is full with bandwidth x round trip / window connections', () => {
  assert.equal(connectionsFor(50e6, 100, 100_000), 50);
  assert.equal(connectionsFor(50e6, 100, 4_000_000), 2);
});

test('windows allow one window per connection and round trip, and never more than the line', () => {
  const line = { linkBytesPerS: 50e6, windowBytes: 100_000, rttMs: 100 };
  assert.equal(allowedBytesPerS(line, 8), 8e6);
  assert.equal(allowedBytesPerS(line, 500), 50e6);
});

test('wan rows judge what arrived by what the connections that were set up allow', () => {
  const usage = { cores: 0.1, coresByRole: {}, foreignCores: 0, seconds: 5 };
  const line = { leg: 'source', windowName: '100K', windowBytes: 100_000, rttMs: 100, linkBytesPerS: 50e6 } as const;
  const ours: WanRun = { ...usage, ...line, subject: 'causeway', bytesPerS: 46e6, connections: 50, carrying: 50 };
  const theirs: WanRun = { ...usage, ...line, subject: 'mm2', bytesPerS: 7.6e6, connections: 8, carrying: 8 };
  const rows = wanRows([theirs, ours]);
  const judged = rows.find(({ goal }) => goal !== null);
  assert.deepEqual(
    [judged?.what, judged?.measured, judged?.mm2, judged?.met],
    ['line at the source, 100K a connection: share of what its windows allow', 0.92, 0.95, true],
  );
  assert.equal(rows.find(({ what }) => what.endsWith('share of the whole line'))?.mm2, 0.15);
});
