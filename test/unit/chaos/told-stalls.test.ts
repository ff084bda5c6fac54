import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLogs, toldStalls } from '../../chaos/told-stalls.js';

const line = (event: string, more: object = {}): string =>
  JSON.stringify({ level: 40, event, topic: 't', partition: 1, ...more });

test('causes are counted over all workers, pushes are listed, other lines and half lines are passed over', () => {
  const logs = new Map([
    [
      'worker-1',
      [
        line('worker.joined'),
        line('partition.stalled', { code: 'target-unanswered' }),
        line('partition.stalled', { code: 'memory' }),
        'Error: partition.stalled',
        line('partition.stalled', { code: 'memory' }).slice(0, -5),
        '',
      ].join('\n'),
    ],
    [
      'worker-2',
      [
        line('partition.stalled', { code: 'memory' }),
        line('partition.kicked', { msg: 'nothing blocks it' }),
        line('thread.silent'),
      ].join('\n'),
    ],
  ]);
  assert.deepEqual(toldStalls(logs), {
    causes: { 'target-unanswered': 1, memory: 2 },
    kicks: ['worker-2: t-1: nothing blocks it'],
    silentThreads: 1,
  });
});

test('a log that is not there is empty', () => {
  assert.deepEqual([...readLogs(new Map([['worker-1', '/nowhere/at/all.log']]))], [['worker-1', '']]);
});
