import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BatchCursor, scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import { batchImage, nextSequence, producerIdentity } from '../../../../worker/core/batch-image.js';
import { ALL_VERDICTS, batchVerdict, PLAIN_RULES, VerdictCounts } from '../../../../worker/core/batch-verdict.js';

const record: KafkaRecord = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1n };

function view(count: number, options: BuildBatchOptions = {}, damage: (batch: Buffer) => void = () => {}): BatchCursor {
  const batch = buildBatch(
    Array.from({ length: count }, () => record),
    { baseOffset: 10n, ...options },
  );
  damage(batch);
  const cursor = scanBatches(batch);
  assert.ok(cursor.next());
  return cursor;
}

const label = (cursor: BatchCursor, position: number, aborted = false): string => {
  const verdict = batchVerdict(cursor, position, aborted);
  return verdict.kind === 'raw' ? 'raw' : `${verdict.kind} ${verdict.reason}`;
};

describe('batch verdict', () => {
  test('a whole batch at or behind the position passes raw, whatever its producer and time bits', () => {
    assert.equal(label(view(3), 10), 'raw');
    assert.equal(label(view(3), 0), 'raw');
    assert.equal(label(view(3, { transactional: true, producerId: 5n }), 10), 'raw');
    assert.equal(label(view(3, { logAppendTime: 7n }), 10), 'raw');
    assert.equal(label(view(3, { deleteHorizon: 7n }), 10), 'raw');
  });

  test('what is not to be copied is skipped, with the reason', () => {
    assert.equal(label(view(3), 13), 'skip before-position');
    assert.equal(label(view(1, { control: true, transactional: true }), 10), 'skip control');
    assert.equal(label(view(0, { lastOffsetDelta: 4 }), 10), 'skip empty');
    assert.equal(label(view(3, { transactional: true }), 10, true), 'skip aborted');
  });

  test('compacted batches and positions inside a batch are recoded', () => {
    assert.equal(label(view(2, { offsetDeltas: [0, 2] }), 10), 'recode compacted');
    assert.equal(label(view(2, { lastOffsetDelta: 2 }), 10), 'recode compacted');
    assert.equal(label(view(3), 11), 'recode position-inside');
    assert.equal(label(view(2, { offsetDeltas: [0, 2] }), 12), 'recode position-inside');
  });

  test('append times are kept by recoding where the route asks for it', () => {
    assert.equal(
      batchVerdict(view(1, { logAppendTime: 7n }), 10, false, { ...PLAIN_RULES, appendTime: 'append-time' }).kind,
      'recode',
    );
    assert.equal(batchVerdict(view(1), 10, false, { ...PLAIN_RULES, appendTime: 'append-time' }).kind, 'raw');
  });

  test('formats that are not known are unsupported, never copied', () => {
    assert.equal(
      label(
        view(1, {}, (batch) => batch.writeInt8(1, 16)),
        10,
      ),
      'recode old-magic',
    );
    assert.equal(
      label(
        view(1, {}, (batch) => batch.writeInt8(0, 16)),
        10,
      ),
      'recode old-magic',
    );
    assert.equal(
      label(
        view(1, {}, (batch) => batch.writeInt8(3, 16)),
        10,
      ),
      'unsupported unknown-magic',
    );
    assert.equal(
      label(
        view(1, {}, (batch) => batch.writeInt16BE(5, 21)),
        10,
      ),
      'unsupported unknown-codec',
    );
    assert.equal(
      label(
        view(1, {}, (batch) => batch.writeInt8(1, 16)),
        11,
      ),
      'skip before-position',
    );
  });

  test('verdicts are numbered as listed and counted by reason', () => {
    for (const [index, verdict] of ALL_VERDICTS.entries()) assert.equal(verdict.index, index);
    const counts = new VerdictCounts();
    counts.add(batchVerdict(view(1), 10, false));
    counts.add(batchVerdict(view(1), 10, false));
    counts.add(batchVerdict(view(1), 10, true));
    assert.deepEqual(counts.take(), [
      { how: 'raw', reason: '', count: 2 },
      { how: 'skip', reason: 'aborted', count: 1 },
    ]);
    assert.deepEqual(counts.take(), []);
  });
});

describe('batch image', () => {
  test('refuses to be made of what may never be produced', () => {
    const own = producerIdentity(1n, 0);
    assert.throws(() => batchImage(view(1, { control: true }), own, 0), { code: 'INTERNAL_INVARIANT' });
    assert.throws(
      () =>
        batchImage(
          view(1, {}, (batch) => batch.writeInt8(1, 16)),
          own,
          0,
        ),
      { code: 'INTERNAL_INVARIANT' },
    );
    assert.throws(() => batchImage(view(1), own, -1), { code: 'INTERNAL_INVARIANT' });
    assert.throws(() => producerIdentity(-1n, 0), { code: 'INTERNAL_INVARIANT' });
    assert.throws(() => producerIdentity(1n, -1), { code: 'INTERNAL_INVARIANT' });
  });

  test('sequences wrap as the broker’s do', () => {
    // broker-probes 4: five records at 2^31 - 2, the next is 3.
    assert.equal(nextSequence(2 ** 31 - 2, 5), 3);
    assert.equal(nextSequence(2 ** 31 - 1, 1), 0);
    assert.equal(nextSequence(0, 3), 3);
  });
});
