import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { type AbortedTransaction, TxnFilter } from '../../../common/kafka/wire/records/txn-filter.js';
import { batchVerdict } from '../../../worker/core/batch-verdict.js';

/** One step of a made-up partition's history, by one of four producers. */
const stepArbitrary = fc.record({
  producer: fc.nat(3),
  act: fc.constantFrom('plain', 'data', 'data', 'data', 'commit', 'abort'),
  records: fc.integer({ min: 1, max: 4 }),
});
const PRODUCER_IDS = [0n, 7n, 2n ** 53n + 1n, 2n ** 63n - 1n];

interface History {
  readonly log: Buffer[];
  readonly aborted: AbortedTransaction[];
  /** Offsets of committed and plain records, decided as the history is made. */
  readonly visible: bigint[];
}

/** The naive model: knows every transaction's fate because it makes the history. */
function play(steps: readonly { producer: number; act: string; records: number }[]): History {
  const log: Buffer[] = [];
  const aborted: AbortedTransaction[] = [];
  const visible: bigint[] = [];
  const open = new Map<number, { first: bigint; offsets: bigint[] }>();
  let end = 0n;
  const append = (producer: number, records: number, transactional: boolean): bigint[] => {
    const content = Array.from({ length: records }, () => ({
      key: null,
      value: Buffer.from('v'),
      headers: [],
      timestamp: 1n,
    }));
    const producerId = PRODUCER_IDS[producer] as bigint;
    log.push(buildBatch(content, { baseOffset: end, producerId, producerEpoch: 0, baseSequence: 0, transactional }));
    const offsets = content.map((_, index) => end + BigInt(index));
    end += BigInt(records);
    return offsets;
  };
  const finish = (producer: number, commit: boolean): void => {
    const transaction = open.get(producer);
    if (transaction === undefined) return;
    open.delete(producer);
    const producerId = PRODUCER_IDS[producer] as bigint;
    const key = Buffer.from([0, 0, 0, commit ? 1 : 0]);
    const marker = [{ key, value: Buffer.alloc(6), headers: [], timestamp: 1n }];
    log.push(buildBatch(marker, { baseOffset: end, producerId, producerEpoch: 0, transactional: true, control: true }));
    end += 1n;
    if (commit) visible.push(...transaction.offsets);
    else aborted.push({ producerId, firstOffset: transaction.first });
  };
  for (const { producer, act, records } of steps) {
    if (act === 'commit' || act === 'abort') finish(producer, act === 'commit');
    else if (act === 'plain') {
      // The broker refuses plain batches of a producer with an open transaction.
      if (!open.has(producer)) visible.push(...append(producer, records, false));
    } else {
      const transaction = open.get(producer) ?? { first: end, offsets: [] };
      transaction.offsets.push(...append(producer, records, true));
      open.set(producer, transaction);
    }
  }
  for (const producer of [...open.keys()]) finish(producer, false);
  return { log, aborted, visible: visible.sort((a, b) => (a < b ? -1 : 1)) };
}

describe('transaction filter', () => {
  test('lets exactly the committed records through, wherever the fetch begins and in whatever order the list comes', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 40 }), fc.nat(), fc.boolean(), (steps, cut, reversed) => {
        const { log, aborted, visible } = play(steps);
        const first = log.length === 0 ? 0 : cut % log.length;
        const bytes = Buffer.concat(log.slice(first));
        const from = first === 0 ? 0n : (log[first] as Buffer).readBigInt64BE(0);
        // A broker lists what overlaps the range, also when it began before.
        const listed = reversed ? [...aborted].reverse() : aborted;
        const passed: bigint[] = [];
        const filter = new TxnFilter().reset(
          listed.filter(({ producerId, firstOffset }) => endOf(log, producerId, BigInt(firstOffset)) >= from),
        );
        const cursor = scanBatches(bytes);
        while (cursor.next()) {
          if (batchVerdict(cursor, 0, filter.isAborted(cursor)).kind !== 'raw') continue;
          for (let offset = cursor.baseOffset; offset <= cursor.lastOffset; offset++) passed.push(BigInt(offset));
        }
        assert.deepEqual(
          passed,
          visible.filter((offset) => offset >= from),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('without a list nothing is aborted (read_uncommitted)', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 20 }), (steps) => {
        const filter = new TxnFilter().reset(null);
        const cursor = scanBatches(Buffer.concat(play(steps).log));
        while (cursor.next()) assert.equal(filter.isAborted(cursor), false);
      }),
      { numRuns: 100 },
    );
  });
});

/** Offset of the marker that ended the producer's transaction begun at `firstOffset`. */
function endOf(log: readonly Buffer[], producerId: bigint, firstOffset: bigint): bigint {
  for (const batch of log) {
    const [decoded] = decodeBatches(batch);
    if (decoded === undefined || decoded.baseOffset <= firstOffset || !decoded.control) continue;
    if (batch.readBigInt64BE(43) === producerId) return decoded.baseOffset;
  }
  throw new Error('a transaction without an end');
}
