import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import type { PendingGap } from '../../../../worker/core/partition-queue.js';
import { GapJournal, type GapJournalDeps } from '../../../../worker/gap/gap-journal.js';
import { ManualClock } from '../manual-clock.js';
import { runningOutlet } from '../partition/partition-kit.js';

test('a gap whose topic is missing for long does not write its dead letters each time it is tried', async () => {
  const topics = new Set(['letters']);
  const written: string[] = [];
  const writer = {
    partitions: (topic: string) => (topics.has(topic) ? 1 : undefined),
    write: (_lane: unknown, topic: string) => {
      written.push(topic);
      return Promise.resolve();
    },
  };
  const journal = new GapJournal({
    fleet: 'f',
    worker: 'w',
    writer: writer as unknown as GapJournalDeps['writer'],
    declared: () => undefined,
    clock: new ManualClock(),
    logger: silentLogger,
  });
  const { partition } = runningOutlet(0, { route: { onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' } });
  const record = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1n };
  const gap: PendingGap = {
    gap: { firstOffset: 3, lastOffset: 4, reason: 'invalid', detail: 'd' },
    deadLetters: [
      { offset: 3, record },
      { offset: 4, record },
    ],
  };
  for (let i = 0; i < 3; i++)
    await assert.rejects(journal.declare(partition, gap), { code: 'TARGET_TOPIC_MISSING' }, 'no gap topic');
  topics.add('causeway.f.gaps');
  await journal.declare(partition, gap);
  assert.deepEqual(written, ['letters', 'letters', 'causeway.f.gaps']);
});
