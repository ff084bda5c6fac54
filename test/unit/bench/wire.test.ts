import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBatches, verifyCrc } from '../../../common/kafka/wire/records/record-codec.js';
import { EndlessLog, FetchSession } from '../../bench/memory-log.js';
import { type WireRun, wireRows } from '../../bench/wire-rows.js';

test('an endless log gives whole, valid batches from the offset asked for, to every partition in turn', () => {
  const session = new FetchSession(new EndlessLog({ recordBytes: 100, batchBytes: 1_000 }));
  session.ask(0, 0, 2_500);
  session.ask(1, 30, 2_500);
  const first = session.read(3_500);
  assert.deepEqual(
    first.map(({ partition }) => partition),
    [0, 1],
  );
  const bytes = Buffer.concat(first[0]?.records ?? []);
  verifyCrc({ buffer: bytes, start: 0, length: 12 + bytes.readInt32BE(8) });
  assert.deepEqual(
    decodeBatches(bytes).map(({ records }) => [records[0]?.offset, records.length]),
    [
      [0n, 10],
      [10n, 10],
    ],
  );
  assert.equal(decodeBatches(Buffer.concat(first[1]?.records ?? []))[0]?.records[0]?.offset, 30n);
  session.forget(0);
  assert.deepEqual(
    session.read(10).map(({ partition, records }) => [partition, records.length]),
    [[1, 2]],
  );
  assert.throws(() => new EndlessLog({ recordBytes: 100, batchBytes: 1_000 }).read(5, 1_000, true), /no batch begins/);
});

test('wire rows divide bytes by the CPU time of the data thread, median over the rounds', () => {
  const run = (userS: number): WireRun => {
    const rest = { seconds: 4, bytes: 2e9, records: 2e6, processS: 2 * userS + 1, rssMb: 200 };
    return { mode: 'plain', userS, systemS: 1, ...rest };
  };
  const rows = wireRows([run(0.6), run(1), run(3)]);
  const [thread, whole, reached, kernel] = rows;
  assert.deepEqual([thread?.measured, thread?.goal, thread?.met], [1, '>= 1', true]);
  assert.equal(whole?.measured, 0.67);
  assert.equal(reached?.measured, 0.5);
  assert.equal(kernel?.measured, 0.5);
});
