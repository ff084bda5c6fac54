import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { LoadedCheckpoint } from '../../../../common/kafka/checkpoints/checkpoint-store.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import type { Checkpoint } from '../../../../common/model/checkpoint.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { Lane } from '../../../../worker/lane/lane.js';
import {
  CommittedPositions,
  type CommittedPositionsDeps,
} from '../../../../worker/transactional/committed-positions.js';
import { FakeTarget, hurriedClock, LANE } from '../../kafka/fencing/fake-target.js';
import { testPartition } from '../partition/partition-kit.js';

const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

const PAIR: Checkpoint = {
  sourceOffset: 10n,
  targetOffset: 20n,
  sourceLeaderEpoch: 0,
  sourceTopicId: null,
  targetTopicId: null,
  timeline: 1,
  runSourceStart: 0n,
  runTargetStart: 0n,
  lane: LANE,
  rulesVersion: 1,
  released: false,
};

/** Pairs that all name one lane; what is asked of them, and in which order with the fence. */
async function setUp() {
  const target = await FakeTarget.start({ t: 1, 'causeway.f.renewals': 1 });
  running.push(target);
  const stableReads: number[] = [];
  const load = (places: readonly { targetTopic: string; partition: number }[], requireStable = true) => {
    if (requireStable) stableReads.push(target.count(ApiKey.InitProducerId));
    const found = ({ targetTopic, partition }: { targetTopic: string; partition: number }) =>
      [`${targetTopic}-${partition}`, { kind: 'found', checkpoint: PAIR }] as const;
    return Promise.resolve(new Map<string, LoadedCheckpoint>(places.map(found)));
  };
  const own = new Lane({
    ...{ transactionalId: LANE.transactionalId, producerId: LANE.producerId, producerEpoch: LANE.producerEpoch },
    ...{ worker: 'w', incarnation: 'i', index: 0, target: 'target', state: 'active', http: '', createdAt: '' },
  });
  // The fake knows one id only: the asker's own lane is as alive as the target says it is, whatever its epoch.
  const living = () => Promise.resolve(new Lane({ ...own.record, producerEpoch: target.epoch }));
  const side = {
    client: target.client(hurriedClock()),
    lanes: { living },
    transactions: { owns: () => false },
    checkpointStore: { loadTransactional: load },
  } as unknown as ReturnType<CommittedPositionsDeps['target']>;
  const positions = new CommittedPositions({
    fleet: 'f',
    mayWrite: () => true,
    laneDead: () => undefined,
    signal: new AbortController().signal,
    logger: silentLogger,
    target: () => side,
  });
  return { target, positions, stableReads };
}

test('5.8 a lane that several groups name is fenced once, before any of them reads what is stable', async () => {
  const { target, positions, stableReads } = await setUp();
  const [first, second, third] = [0, 1, 2].map((number) => testPartition('r', number));
  assert.ok(first && second && third);
  const together = await Promise.all([positions.load([first]), positions.load([second])]);
  assert.ok(together.every((loaded) => [...loaded.values()].every(({ kind }) => kind === 'found')));
  await positions.load([third]);
  assert.equal(target.count(ApiKey.InitProducerId), 1);
  assert.deepEqual([...new Set(stableReads)], [1], 'nobody read before the fence');
});

test('5.8 a fence that came to nothing is tried again by whoever comes next', async () => {
  const { target, positions } = await setUp();
  // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  target.mishap = ({ api }, nth) => (api === ApiKey.InitProducerId && nth === 0 ? 53 : undefined);
  const partition = testPartition('r', 0);
  const [failed] = (await positions.load([partition])).values();
  assert.equal(failed?.kind, 'failed');
  const [found] = (await positions.load([partition])).values();
  assert.equal(found?.kind, 'found');
  assert.equal(target.count(ApiKey.InitProducerId), 2);
});
