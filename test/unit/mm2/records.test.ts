import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeCheckpoint,
  decodeHeartbeat,
  decodeOffsetSync,
  encodeCheckpoint,
  encodeHeartbeat,
  encodeOffsetSync,
  type Mm2Record,
} from '../../../common/mm2/records.js';

const hex = ({ key, value }: Mm2Record): [string, string] => [key.toString('hex'), value.toString('hex')];

/** Made by org.apache.kafka.connect.mirror's own classes. */
const HEARTBEAT = ['00077072696d61727900066261636b7570', '00000000018bcfe56800'] as const;
const CHECKPOINT = [
  '000767726f75702d3100097072696d6172792e7400000003',
  '0000000000000000000a00000000000000050000',
] as const;
const OFFSET_SYNC = ['00017400000003', '000000000000000a0000000000000005'] as const;

describe('records of MirrorMaker 2', () => {
  const heartbeat = {
    sourceClusterAlias: 'primary',
    targetClusterAlias: 'backup',
    timestampMs: 1_700_000_000_000n,
  };
  const checkpoint = {
    group: 'group-1',
    topic: 'primary.t',
    partition: 3,
    upstreamOffset: 10n,
    downstreamOffset: 5n,
    metadata: '',
  };
  const offsetSync = { topic: 't', partition: 3, upstreamOffset: 10n, downstreamOffset: 5n };

  test('are written byte for byte as its Java classes write them', () => {
    assert.deepEqual(hex(encodeHeartbeat(heartbeat)), HEARTBEAT);
    assert.deepEqual(hex(encodeCheckpoint(checkpoint)), CHECKPOINT);
    assert.deepEqual(hex(encodeOffsetSync(offsetSync)), OFFSET_SYNC);
  });

  test('are read back, metadata and names beyond ASCII included', () => {
    const named = { ...checkpoint, group: 'gruppe-ä', metadata: 'seen → 9' };
    assert.deepEqual(decodeHeartbeat(encodeHeartbeat(heartbeat)), heartbeat);
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(named)), named);
    assert.deepEqual(decodeOffsetSync(encodeOffsetSync(offsetSync)), offsetSync);
  });

  test('bytes behind the last field are ignored, too few and other versions are refused', () => {
    const { key, value } = encodeCheckpoint(checkpoint);
    assert.deepEqual(decodeCheckpoint({ key, value: Buffer.concat([value, Buffer.from('x')]) }), checkpoint);
    for (let length = 0; length < value.length; length++) {
      assert.throws(() => decodeCheckpoint({ key, value: value.subarray(0, length) }), { code: 'KAFKA_PROTOCOL' });
    }
    for (let length = 0; length < key.length; length++) {
      assert.throws(() => decodeCheckpoint({ key: key.subarray(0, length), value }), { code: 'KAFKA_PROTOCOL' });
    }
    const other = Buffer.from(value);
    other.writeInt16BE(1, 0);
    assert.throws(() => decodeCheckpoint({ key, value: other }), { code: 'KAFKA_PROTOCOL' });
    const negative = Buffer.from(key);
    negative.writeInt16BE(-1, 0);
    assert.throws(() => decodeCheckpoint({ key: negative, value }), { code: 'KAFKA_PROTOCOL' });
  });

  test('a name that no INT16 can measure is refused', () => {
    assert.throws(() => encodeCheckpoint({ ...checkpoint, metadata: 'x'.repeat(0x8000) }), { code: 'KAFKA_PROTOCOL' });
  });
});
