import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { fenceLane, type LaneFence } from '../../../../common/kafka/fencing/fence-lane.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import type { TopicPartition } from '../../../../common/model/topic-partition.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { FakeTarget, hurriedClock, LANE } from './fake-target.js';

const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

async function started(topics: Readonly<Record<string, number>> = { t: 4 }): Promise<FakeTarget> {
  const target = await FakeTarget.start(topics);
  running.push(target);
  return target;
}

const some = (...numbers: readonly number[]): TopicPartition[] =>
  numbers.map((partition) => ({ topic: 't', partition }));

interface Settings {
  readonly partitions?: readonly TopicPartition[];
  readonly clock?: Clock;
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

function fence(target: FakeTarget, settings: Settings = {}): Promise<LaneFence> {
  const { partitions = some(0, 1, 2), clock = systemClock, limitMs = 20_000, signal } = settings;
  return fenceLane({
    client: target.client(clock),
    lane: LANE,
    partitions,
    limitMs,
    signal: signal ?? new AbortController().signal,
  });
}

const orderOf = (target: FakeTarget): ApiKey[] =>
  target.asked.map(({ api }) => api).filter((api) => api !== ApiKey.Metadata);

describe('5.2 the epoch is taken', () => {
  test('by a bare call behind FindCoordinator, waiting while a transaction of the id ends', async () => {
    const target = await started();
    target.open = ['t-3'];
    const result = await fence(target);
    assert.deepEqual(orderOf(target).slice(0, 3), [
      ApiKey.FindCoordinator,
      ApiKey.InitProducerId,
      ApiKey.InitProducerId,
    ]);
    assert.equal(target.asked.find(({ api }) => api === ApiKey.InitProducerId)?.epoch, -1);
    assert.ok(result.kind === 'fenced');
    assert.deepEqual([result.way, result.epoch, result.pending], ['transaction', 5, []]);
    assert.deepEqual(target.markers.at(-1), { partitions: ['t-0', 't-1', 't-2'], epoch: 5 });
  });

  test('another producer id fences nobody: without rights on the cluster that is the result, after the markers were tried', async () => {
    const target = await started();
    target.producerId = 8n;
    target.markerCode = 31;
    const result = await fence(target);
    assert.ok(result.kind === 'not-fenced');
    assert.equal(result.reason, 'other-producer-id');
    assert.match(result.detail, /producer id 8, not 7/);
    assert.deepEqual(
      result.refused.map(({ errorCode }) => errorCode),
      [31, 31, 31],
    );
    assert.deepEqual(
      target.asked.filter(({ api }) => api === ApiKey.WriteTxnMarkers),
      [{ api: ApiKey.WriteTxnMarkers, epoch: 4, partitions: ['t-0', 't-1', 't-2'] }],
    );
    assert.equal(target.count(ApiKey.AddPartitionsToTxn), 0);
  });

  test('another producer id, with rights on the cluster: markers are written one by one, but not over a fence that is there', async () => {
    const target = await started();
    target.producerId = 8n;
    target.known.set('t-0', 3).set('t-1', 4);
    const result = await fence(target);
    assert.ok(result.kind === 'fenced');
    assert.deepEqual([result.way, result.epoch], ['markers', 4]);
    assert.deepEqual(target.markers.flatMap(({ partitions }) => partitions).sort(), ['t-0', 't-2']);
  });

  test('a broker that does not offer WriteTxnMarkers leaves the lane unfenced', async () => {
    const target = await started();
    target.producerId = 8n;
    target.withheld.add(ApiKey.WriteTxnMarkers);
    const result = await fence(target);
    assert.ok(result.kind === 'not-fenced');
    assert.deepEqual(new Set(result.refused.map(({ errorCode }) => errorCode)), new Set([35]));
  });
});

describe('5.3 one empty aborted transaction', () => {
  test('holds all partitions, each once', async () => {
    const target = await started();
    await fence(target, { partitions: some(0, 1, 1, 0, 3) });
    const added = target.asked.filter(({ api }) => api === ApiKey.AddPartitionsToTxn);
    assert.deepEqual(added, [{ api: ApiKey.AddPartitionsToTxn, epoch: 4, partitions: ['t-0', 't-1', 't-3'] }]);
    assert.equal(target.count(ApiKey.EndTxn), 1);
  });

  test('leaves out what is answered with 3 or 29 and asks again for the rest', async () => {
    const target = await started();
    target.codes.set('t-0', 3).set('t-2', 29);
    const result = await fence(target, { partitions: some(0, 1, 2, 3) });
    assert.ok(result.kind === 'fenced');
    assert.deepEqual(result.partitions, some(1, 3));
    assert.deepEqual(result.dropped, [
      { topic: 't', partition: 0, errorCode: 3 },
      { topic: 't', partition: 2, errorCode: 29 },
    ]);
    assert.deepEqual(target.markers, [{ partitions: ['t-1', 't-3'], epoch: 4 }]);
  });

  test('of nothing but partitions that are gone is none at all', async () => {
    const target = await started();
    target.codes.set('t-0', 3);
    const result = await fence(target, { partitions: some(0) });
    assert.ok(result.kind === 'fenced');
    assert.deepEqual([result.partitions, result.dropped.length, target.count(ApiKey.EndTxn)], [[], 1, 0]);
  });

  test('is followed by another where the names would be too long for one record of the coordinator', async () => {
    const names = Array.from({ length: 2_500 }, (_, i) => `${'n'.repeat(240)}${String(i).padStart(5, '0')}`);
    const target = await started();
    const result = await fence(target, { partitions: names.map((topic) => ({ topic, partition: 0 })) });
    assert.ok(result.kind === 'fenced');
    assert.equal(result.partitions.length, 2_500);
    const sizes = target.markers.map(({ partitions }) => partitions.length);
    assert.equal(sizes.length, 2);
    assert.ok(sizes.every((count) => count * 245 <= 500_000));
  });

  for (const mishap of ['lost-before', 'lost-after'] as const) {
    test(`whose EndTxn was ${mishap} is settled by a bare call; its partitions are not added a second time`, async () => {
      const target = await started();
      target.mishap = ({ api }, nth) => (api === ApiKey.EndTxn && nth === 0 ? mishap : undefined);
      const result = await fence(target);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.epoch, result.pending], [4, []]);
      assert.equal(target.count(ApiKey.AddPartitionsToTxn), 1);
      assert.deepEqual(
        target.markers.map(({ partitions }) => partitions),
        [['t-0', 't-1', 't-2']],
      );
      assert.ok(target.markers.every(({ epoch }) => epoch >= 4));
    });

    test(`whose AddPartitionsToTxn was ${mishap} begins anew under a higher epoch: the lost request must not count later`, async () => {
      const target = await started();
      target.mishap = ({ api }, nth) => (api === ApiKey.AddPartitionsToTxn && nth === 0 ? mishap : undefined);
      const result = await fence(target);
      assert.ok(result.kind === 'fenced');
      const epochs = target.asked
        .filter(({ api }) => api === ApiKey.AddPartitionsToTxn)
        .map(({ epoch }) => epoch ?? -1);
      assert.equal(epochs.length, 2);
      assert.ok((epochs[1] as number) > (epochs[0] as number));
      assert.ok(target.markers.every(({ epoch }) => epoch >= result.epoch));
    });
  }

  test('goes on beside another fencer that came between', async () => {
    const target = await started();
    target.mishap = ({ api }, nth) => {
      if (api === ApiKey.AddPartitionsToTxn && nth < 2) target.epoch += 1;
      return undefined;
    };
    const result = await fence(target);
    assert.ok(result.kind === 'fenced');
    assert.equal(target.count(ApiKey.AddPartitionsToTxn), 3);
    assert.ok((target.markers.at(-1)?.epoch ?? -1) >= result.epoch);
  });

  test('waits for a coordinator that is loading or moving, and looks it up again', async () => {
    const target = await started();
    const codes = new Map<ApiKey, readonly number[]>([
      [ApiKey.InitProducerId, [14, 16, -1]],
      [ApiKey.AddPartitionsToTxn, [15, 51]],
    ]);
    target.mishap = ({ api }, nth) => codes.get(api)?.[nth];
    const result = await fence(target);
    assert.ok(result.kind === 'fenced');
    assert.ok(target.count(ApiKey.FindCoordinator) >= 4);
    assert.equal(target.epoch, 4);
  });
});

describe('5.4 the end of the transaction', () => {
  test('is asked for with DescribeTransactions, which names the partitions without a marker', async () => {
    const target = await started();
    target.mishap = ({ api }) => {
      if (api === ApiKey.EndTxn) target.stuck = { partitions: some(2) };
      return undefined;
    };
    const result = await fence(target, { clock: hurriedClock() });
    assert.ok(result.kind === 'fenced');
    assert.deepEqual(result.pending, some(2));
    assert.equal(target.count(ApiKey.AddPartitionsToTxn), 1);
  });

  test('is asked for with a bare call where the brokers have no DescribeTransactions', async () => {
    const target = await started();
    target.withheld.add(ApiKey.DescribeTransactions);
    const result = await fence(target);
    assert.ok(result.kind === 'fenced');
    assert.deepEqual(result.pending, []);
    assert.deepEqual([target.count(ApiKey.AddPartitionsToTxn), target.count(ApiKey.InitProducerId)], [1, 2]);
  });
});

describe('a decided fence', () => {
  for (const mishap of ['silent', 'lost-before'] as const) {
    test(`stands though the question for its end is ${mishap}`, async () => {
      const target = await started();
      target.mishap = ({ api }) => (api === ApiKey.DescribeTransactions ? mishap : undefined);
      const result = await fence(target, { limitMs: 3_000 });
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.epoch, result.pending, target.count(ApiKey.AddPartitionsToTxn)], [4, undefined, 1]);
    });
  }
});

describe('a transaction that cannot end', () => {
  test('of an earlier fence counts: its markers carry an epoch above the lane’s', async () => {
    const target = await started();
    target.epoch = 5;
    target.stuck = { partitions: some(2) };
    assert.deepEqual(await fence(target, { clock: hurriedClock() }), { kind: 'ending', epoch: 5, pending: some(2) });
  });

  test('of the lane itself (a renewal whose partition lost its leader) is passed by with markers, where that is allowed', async () => {
    const target = await started();
    target.stuck = { partitions: [{ topic: 'heartbeats', partition: 0 }] };
    const result = await fence(target, { clock: hurriedClock() });
    assert.ok(result.kind === 'fenced');
    assert.deepEqual([result.way, result.epoch], ['markers', 4]);
    target.markerCode = 31;
    const refused = await fence(target, { clock: hurriedClock() });
    assert.ok(refused.kind === 'not-fenced');
    assert.equal(refused.reason, 'transaction-stuck');
    assert.match(refused.detail, /heartbeats-0/);
  });
});

describe('a fence that comes to no end', () => {
  test('stops when its time is over, with the last answer as the cause', async () => {
    const target = await started();
    target.mishap = ({ api }) => (api === ApiKey.InitProducerId ? 16 : undefined);
    await assert.rejects(fence(target, { clock: hurriedClock(), limitMs: 5_000 }), (error) => {
      assert.ok(isCausewayError(error, 'TIMEOUT'));
      assert.ok(isCausewayError(error.cause, 'KAFKA_ERROR'));
      assert.equal(error.cause.kafkaCode, 16);
      return true;
    });
  });

  test('stops at once when it is called off, though the broker is silent', async () => {
    const target = await started();
    target.mishap = ({ api }) => (api === ApiKey.InitProducerId ? 'silent' : undefined);
    const abort = new AbortController();
    const beganMs = systemClock.monotonicMs();
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(fence(target, { signal: abort.signal }), (error) => isCausewayError(error, 'SHUTTING_DOWN'));
    assert.ok(systemClock.monotonicMs() - beganMs < 800);
  });

  test('is refused for good with Kafka’s code', async () => {
    const target = await started();
    target.mishap = ({ api }) => (api === ApiKey.InitProducerId ? 53 : undefined);
    await assert.rejects(fence(target), (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 53);
  });
});
