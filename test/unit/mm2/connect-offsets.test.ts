import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCopiedOffset, decodeCopiedPartition } from '../../../common/mm2/connect-offsets.js';
import { type LogRange, takeOver } from '../../../controller/core/mm2-takeover.js';

const decoded = (key: string) => decodeCopiedPartition(Buffer.from(key));

test('keys of source partitions are read as Connect writes them; those of other connectors are left alone', () => {
  const place = { cluster: 'east', topic: 'orders', partition: 3 };
  assert.deepEqual(decoded('["MirrorSourceConnector",{"cluster":"east","partition":3,"topic":"orders"}]'), {
    connector: 'MirrorSourceConnector',
    ...place,
  });
  for (const other of [
    '["MirrorHeartbeatConnector",{"sourceClusterAlias":"east","targetClusterAlias":"west"}]',
    '["file-source",{"filename":"/a"}]',
    '["x",{"cluster":"east","partition":-1,"topic":"orders"}]',
    '["x",null]',
    '{"cluster":"east","partition":3,"topic":"orders"}',
    'garbage',
  ]) {
    assert.equal(decoded(other), undefined, other);
  }
});

test('values are offsets of last copied records, resets, or nothing that could be used', () => {
  assert.equal(decodeCopiedOffset(Buffer.from('{"offset":9007199254740991}')), 9007199254740991n);
  for (const reset of [null, Buffer.from('null')]) assert.equal(decodeCopiedOffset(reset), null);
  for (const strange of [
    '{"offset":"7"}',
    '{"offset":-1}',
    '{"offset":1.5}',
    '{}',
    '7',
    '{"offset":9007199254740992}',
  ]) {
    assert.equal(decodeCopiedOffset(Buffer.from(strange)), undefined, strange);
  }
});

const range = (start: bigint, end: bigint): LogRange => ({ start, end });

test('copying goes on behind the last record copied, and at the first where none was', () => {
  const taken = takeOver(new Map([[0, 41n]]), [range(0n, 42n), range(5n, 9n)]);
  assert.deepEqual(taken, {
    starts: [
      { partition: 0, from: 42n },
      { partition: 1, from: 'earliest' },
    ],
    lost: [],
  });
});

test('what retention took meanwhile is told, to the record', () => {
  const taken = takeOver(new Map([[0, 41n]]), [range(42n, 90n)]);
  assert.ok('lost' in taken && taken.lost.length === 0);
  const late = takeOver(new Map([[0, 41n]]), [range(50n, 90n)]);
  assert.deepEqual('lost' in late && late.lost, [{ partition: 0, from: 42n, to: 50n }]);
});

test('a position that the source has not, or not any more, is refused', () => {
  for (const copied of [new Map([[0, 42n]]), new Map([[1, 0n]])])
    assert.ok('fault' in takeOver(copied, [range(0n, 42n)]));
});
