import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FleetView, plainLine, screenLines } from '../../demo/view.js';

const view: FleetView = {
  epoch: 4,
  controllers: [
    { id: 'controller-1', leads: false, alive: false },
    { id: 'controller-2', leads: true, alive: true },
  ],
  workers: [
    { id: 'worker-1', alive: true, partitions: 9, owns: 'clicks 0-3  orders 0-4' },
    { id: 'worker-2', alive: false, partitions: 0, owns: '' },
  ],
  topics: [
    {
      topic: 'orders',
      partitions: 8,
      running: 5,
      producedPerS: 2_500,
      copiedPerS: 2_400.4,
      lagRecords: 1_234,
      lagSeconds: 0.5,
      reason: '',
    },
    {
      topic: 'clicks',
      partitions: 4,
      running: 0,
      producedPerS: 0,
      copiedPerS: 0,
      lagRecords: -1,
      lagSeconds: -1,
      reason: 'TIMEOUT: late',
    },
  ],
};
const totals = { elapsedMs: 12_300, written: 50_000, copied: 48_766 };

describe('what the demo shows', () => {
  test('the screen names topics with rate, lag and state, who leads, and who owns what', () => {
    const text = screenLines(view, totals, ['  1.0 s  hello'], 120).join('\n');
    assert.match(text, /orders +5\/8 +2,500 +2,400 +1,234 +0\.5 s/);
    assert.match(text, /clicks +0\/4 .*\? +\? +TIMEOUT: late/);
    assert.match(text, /controller-1 \(dead\), controller-2 \(leads\) +epoch 4/);
    assert.match(text, /worker-1: 9 partitions +clicks 0-3 {2}orders 0-4/);
    assert.match(text, /hello/);
  });

  test('no line is wider than the terminal', () => {
    for (const width of [20, 40, 80]) {
      assert.ok(screenLines(view, totals, ['x'.repeat(300)], width).every((line) => line.length <= width));
    }
  });

  test('a plain line has the totals, the lag that is known and the leader', () => {
    const line = plainLine(view, totals);
    assert.match(
      line,
      /written 50,000 {2}copied 48,766 .* lag 1,234 {2}leader controller-2 {2}partitions: worker-1 9, worker-2 dead/,
    );
  });
});
