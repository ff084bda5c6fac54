import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dropped, withAlteredValue } from '../../audit/damage.js';
import { type LedgerVerdict, PartitionLedger } from '../../audit/ledger.js';
import type { AuditRecord } from '../../audit/record.js';
import { sequenceOf } from '../../audit/record-reader.js';
import { sampleDump } from './sample-dump.js';

const records = sampleDump(40);

/** Batches of ten at offsets 0, 10, 20 (aborted), 31 (a marker lies at 30). */
function ledger(outcomes: readonly ('ok' | 'unknown' | 'aborted')[] = ['ok', 'ok', 'aborted', 'ok']): PartitionLedger {
  const partition = new PartitionLedger();
  for (const record of records) partition.wrote(record);
  outcomes.forEach((outcome, index) => {
    const baseOffset = outcome === 'unknown' ? -1 : index * 10 + (index === 3 ? 1 : 0);
    partition.settled({ baseOffset, firstSequence: index * 10, count: 10, outcome });
  });
  return partition;
}

const committed: readonly AuditRecord[] = [
  ...records.slice(0, 20),
  ...records.slice(30).map((record) => ({ ...record, offset: record.offset + 1 })),
];

async function verdictOf(partition: PartitionLedger, log: readonly AuditRecord[]): Promise<LedgerVerdict> {
  let verdict: LedgerVerdict | undefined;
  let passed = 0;
  for await (const piece of partition.watch(sequenceOf(log, 6), (result) => {
    verdict = result;
  })) {
    passed += piece.length;
  }
  assert.equal(passed, log.length);
  assert.ok(verdict !== undefined);
  return verdict;
}

const fine: LedgerVerdict = { records: 30, lost: 0, altered: 0, abortedButVisible: 0, unacknowledged: 0 };
const at = (log: readonly AuditRecord[], offsets: readonly AuditRecord[]): AuditRecord[] =>
  log.map((record, index) => ({ ...record, offset: (offsets[index] as AuditRecord).offset }));

describe('the ledger', () => {
  test('agrees with a log that holds what was acknowledged', async () => {
    const partition = ledger();
    assert.deepEqual(await verdictOf(partition, committed), fine);
    assert.deepEqual(
      [partition.written, partition.acknowledged, partition.aborted, partition.unknown],
      [40, 30, 10, 0],
    );
  });

  test('names an acknowledged record that is not there, at any place', async () => {
    for (const hole of [0, 12, 29]) {
      const log = committed.filter((_, index) => index !== hole);
      assert.deepEqual(await verdictOf(ledger(), log), { ...fine, records: 29, lost: 1 });
    }
    assert.deepEqual(await verdictOf(ledger(), dropped(committed, 29).slice(0, 20)), {
      ...fine,
      records: 20,
      lost: 10,
    });
    assert.deepEqual(await verdictOf(ledger(), []), { ...fine, records: 0, lost: 30 });
  });

  test('names a record whose content is not what was written', async () => {
    const log = at(withAlteredValue(committed, 5), committed);
    assert.deepEqual(await verdictOf(ledger(), log), { ...fine, records: 29, altered: 1 });
  });

  test('names an aborted record that a committed reader sees', async () => {
    const log = [...committed.slice(0, 20), records[20] as AuditRecord, ...committed.slice(20)];
    assert.deepEqual(await verdictOf(ledger(), log), { ...fine, abortedButVisible: 1 });
  });

  test('counts what was stored without an acknowledgement apart', async () => {
    const partition = ledger(['ok', 'unknown', 'aborted', 'ok']);
    assert.deepEqual(await verdictOf(partition, committed), { ...fine, records: 20, unacknowledged: 10 });
    assert.equal(partition.unknown, 10);
  });
});
