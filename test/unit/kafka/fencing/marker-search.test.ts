import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { findAbortMarker, type MarkerSearch } from '../../../../common/kafka/fencing/find-abort-marker.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { FakeTarget, hurriedClock } from './fake-target.js';

const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

const record = (key: string) => ({ key: Buffer.from(key, 'hex'), value: null, headers: [], timestamp: 1n });

function data(baseOffset: number, records: number, producerId = 7n): Buffer {
  const all = Array.from({ length: records }, () => record('61'));
  return buildBatch(all, { baseOffset: BigInt(baseOffset), producerId, producerEpoch: 3, baseSequence: 0 });
}

function marker(baseOffset: number, producerEpoch: number, producerId = 7n, key = '00000000'): Buffer {
  const options = { baseOffset: BigInt(baseOffset), producerId, producerEpoch, transactional: true, control: true };
  return buildBatch([record(key)], options);
}

interface Settings {
  readonly highWatermark?: number;
  readonly fromOffset?: bigint;
  readonly waitMs?: number;
  /** Bytes of each answer. */
  readonly cutBytes?: number;
}

async function search(
  batches: readonly Buffer[],
  settings: Settings = {},
): Promise<{ found: MarkerSearch; target: FakeTarget }> {
  const { highWatermark = 100, fromOffset = 0n, waitMs = 0, cutBytes = 1 << 20 } = settings;
  const target = await FakeTarget.start({ t: 1 });
  running.push(target);
  target.fetch = (offset) => {
    const from = batches.filter((batch) => Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) >= offset);
    return { highWatermark, records: Buffer.concat(from).subarray(0, cutBytes) };
  };
  const found = await findAbortMarker({
    client: target.client(hurriedClock()),
    topic: 't',
    partition: 0,
    producerId: 7n,
    minEpoch: 4,
    fromOffset,
    waitMs,
    maxRequests: 20,
    signal: new AbortController().signal,
  });
  return { found, target };
}

test('5.5 the proof is the first abort marker of the fenced producer with the fence’s epoch or a higher one', async () => {
  const batches = [
    data(0, 10),
    // A renewal’s, of the lane’s own epoch; a commit; somebody else’s; a compacted one.
    marker(10, 3),
    marker(11, 4, 7n, '00000001'),
    marker(12, 9, 8n),
    buildBatch([], { baseOffset: 13n, producerId: 7n, producerEpoch: 4, transactional: true, control: true }),
    data(14, 3, 9n),
    marker(17, 5),
    marker(18, 6),
  ];
  const { found } = await search(batches);
  assert.deepEqual(found, { kind: 'found', offset: 17n, epoch: 5, searchedFrom: 0n });
});

test('5.5 what is not below the high watermark proves nothing yet', async () => {
  const batches = [data(0, 10), marker(10, 4)];
  const { found } = await search(batches, { highWatermark: 10 });
  assert.deepEqual(found, { kind: 'absent', searchedFrom: 0n, nextOffset: 10n, highWatermark: 10n });
  const later = await search(batches, { highWatermark: 11 });
  assert.equal(later.found.kind, 'found');
});

test('5.5 a marker before the place to begin is none', async () => {
  const batches = [marker(0, 4), data(1, 5)];
  const { found } = await search(batches, { fromOffset: 1n, highWatermark: 6 });
  assert.deepEqual(found, { kind: 'absent', searchedFrom: 1n, nextOffset: 6n, highWatermark: 6n });
});

test('5.5 a log longer than one answer is read on from where each answer is cut', async () => {
  const batches = [...Array.from({ length: 8 }, (_, i) => data(i * 10, 10)), marker(80, 4)];
  const size = batches[0]?.length ?? 0;
  const { found, target } = await search(batches, { cutBytes: size * 2 + 30 });
  assert.deepEqual(found, { kind: 'found', offset: 80n, epoch: 4, searchedFrom: 0n });
  assert.equal(target.count(ApiKey.Fetch), 5);
});

test('5.5 the search is bounded, and says where the next one begins', async () => {
  const batches = Array.from({ length: 30 }, (_, i) => data(i * 10, 10));
  const { found, target } = await search(batches, { highWatermark: 300, cutBytes: batches[0]?.length ?? 0 });
  assert.equal(target.count(ApiKey.Fetch), 20);
  assert.deepEqual(found, { kind: 'absent', searchedFrom: 0n, nextOffset: 200n, highWatermark: 300n });
});

test('5.5 a log whose beginning is gone is read from where it begins, and the answer says so', async () => {
  const target = await FakeTarget.start({ t: 1 });
  running.push(target);
  target.logStart = 50;
  target.fetch = (offset) =>
    offset < 50
      ? { code: 1, highWatermark: -1, records: Buffer.alloc(0) }
      : { highWatermark: 51, records: marker(50, 4) };
  const query = { topic: 't', partition: 0, producerId: 7n, minEpoch: 4, signal: new AbortController().signal };
  const client = target.client();
  const found = await findAbortMarker({ ...query, client, fromOffset: 20n });
  assert.deepEqual(found, { kind: 'found', offset: 50n, epoch: 4, searchedFrom: 50n });
  target.logStart = 0;
  const beyond = await findAbortMarker({ ...query, client, fromOffset: 20n });
  assert.deepEqual(beyond, { kind: 'unreadable', errorCode: 1, nextOffset: 20n });
});

test('5.5 a partition that is not there, or is another topic’s, is told as unreadable', async () => {
  const target = await FakeTarget.start({ t: 1 });
  running.push(target);
  const query = { producerId: 7n, minEpoch: 4, fromOffset: 0n, signal: new AbortController().signal };
  const client = target.client();
  const absent = await findAbortMarker({ ...query, client, topic: 't', partition: 3 });
  assert.deepEqual(absent, { kind: 'unreadable', errorCode: 3, nextOffset: 0n });
  const topicId = 'fedcba98-0000-0000-0000-000000000001';
  const other = await findAbortMarker({ ...query, client, topic: 't', topicId, partition: 0 });
  assert.deepEqual(other, { kind: 'unreadable', errorCode: 103, nextOffset: 0n });
});

test('5.5 the end of the log is looked at again while there is time', async () => {
  const target = await FakeTarget.start({ t: 1 });
  running.push(target);
  let looks = 0;
  target.fetch = () => {
    looks += 1;
    return looks < 4 ? { highWatermark: 0, records: Buffer.alloc(0) } : { highWatermark: 1, records: marker(0, 4) };
  };
  const found = await findAbortMarker({
    client: target.client(hurriedClock()),
    topic: 't',
    partition: 0,
    producerId: 7n,
    minEpoch: 4,
    fromOffset: 0n,
    waitMs: 10_000,
    signal: new AbortController().signal,
  });
  assert.deepEqual([found.kind, looks], ['found', 4]);
});
