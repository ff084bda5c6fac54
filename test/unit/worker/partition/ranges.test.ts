import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { Intake } from '../../../../worker/partition/intake.js';
import { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { body, fetched, intakeOf, queuedOffsets } from './intake-kit.js';
import { RecordingPort, testPartition } from './partition-kit.js';

const LOG_END = 32;

const recordAt = (offset: number): KafkaRecord => ({
  key: null,
  value: Buffer.from(String(offset)),
  headers: [],
  timestamp: BigInt(offset),
});

function batchOf(offsets: readonly number[], options: BuildBatchOptions = {}): Buffer {
  const [first = 0] = offsets;
  const offsetDeltas = offsets.map((offset) => offset - first);
  return buildBatch(offsets.map(recordAt), { baseOffset: BigInt(first), offsetDeltas, ...options });
}

const ABORT = 0;
const COMMIT = 1;

/** Key: version, type; value: version, coordinator epoch. */
function markerAt(offset: number, type: number, options: BuildBatchOptions): Buffer {
  const record = { key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6), headers: [], timestamp: BigInt(offset) };
  return buildBatch([record], { baseOffset: BigInt(offset), transactional: true, control: true, ...options });
}

/** Whole batches, a marker, an aborted transaction with its marker, one with holes, one whose records are all gone. */
const LOG = [
  batchOf([0, 1, 2, 3, 4]),
  batchOf([5, 6, 7], { transactional: true, producerId: 8n }),
  markerAt(8, COMMIT, { producerId: 8n }),
  batchOf([9, 10, 11], { transactional: true, producerId: 9n }),
  markerAt(12, ABORT, { producerId: 9n }),
  batchOf([13, 15, 18], { lastOffsetDelta: 6 }),
  batchOf([25, 26, 27, 28, 29]),
  batchOf([30, 31]),
];
const COPIED = [0, 1, 2, 3, 4, 5, 6, 7, 13, 15, 18, 25, 26, 27, 28, 29, 30, 31];

function rangePartition(from: number, until: number) {
  const item = { ...testPartition().item, until: BigInt(until) };
  const partition = new MirroredPartition(item, testPartition().route);
  partition.begin({ source: from, target: 0, runSource: from, runTarget: 0 });
  partition.on({ type: 'copy' });
  partition.started = true;
  const intake = intakeOf(partition, new RecordingPort(), new ByteBudget(1 << 20));
  return { partition, intake };
}

/** Answers as a broker does: from the first batch that ends behind the offset asked for. */
async function answer(intake: Intake, offset: number): Promise<void> {
  const ends = [4, 7, 8, 11, 12, 19, 29, 31];
  const records = Buffer.concat(LOG.filter((_, i) => (ends[i] as number) >= offset));
  const abortedTransactions = [{ producerId: 9n, firstOffset: 9 }];
  intake.accept({ ...fetched(records, 0, LOG_END), abortedTransactions }, body());
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a partition with an end', () => {
  test('takes exactly the records of [from, until), wherever in batches, markers and holes that lies, and asks for no more', async () => {
    for (let from = 0; from < LOG_END; from++) {
      for (let until = from + 1; until <= LOG_END; until++) {
        const { partition, intake } = rangePartition(from, until);
        for (let fetches = 0; fetches < 10; fetches++) {
          const wanted = intake.wanted();
          if (wanted !== undefined) await answer(intake, wanted);
        }
        const label = `[${from}, ${until})`;
        assert.equal(intake.wanted(), undefined, `${label} wants more`);
        const { records, gaps } = queuedOffsets(partition);
        const expected = COPIED.filter((offset) => offset >= from && offset < until);
        assert.deepEqual(records.flat(), expected, label);
        assert.deepEqual(gaps, []);
        assert.equal(partition.queue.settledNext, until, label);
        assert.equal(partition.finished, true, label);
      }
    }
  });

  test('shows the lag to its end, not to the log’s', () => {
    const { partition, intake } = rangePartition(5, 10);
    intake.accept(fetched(null, 0, LOG_END), body());
    assert.equal(partition.status(0).lagRecords, 5);
    assert.equal(partition.status(0).sourceEndOffset, 10n);
    assert.equal(partition.finished, false);
  });
});
