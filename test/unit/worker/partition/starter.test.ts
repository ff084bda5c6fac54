import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import type { AssignmentItem } from '../../../../common/model/assignment.js';
import { checkpointGroup } from '../../../../common/model/checkpoint.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import type { Leader } from '../../../../worker/cluster/leaders.js';
import { Starter, type StarterDeps } from '../../../../worker/partition/starter.js';
import { testPartition } from './partition-kit.js';

/** A starter whose checkpoints are loaded by `load`, told which route asks. */
function starterWith(
  load: (route: string, first: AssignmentItem) => Promise<never>,
  leader = (): Leader | undefined => ({ broker: 1, epoch: 0 }),
): Starter {
  const leaders = { leader, topic: () => undefined, refresh: () => undefined };
  const checkpointStore = { load: ([item]: readonly [AssignmentItem]) => load(item.route, item) };
  const sides = { source: { leaders }, target: { leaders, checkpointStore } };
  return new Starter({
    sides: () => sides as unknown as ReturnType<StarterDeps['sides']>,
    takeover: {
      settle: () => Promise.reject(new Error('nothing here is delivered exactly once')),
      close: () => Promise.reject(new Error('nothing here is delivered exactly once')),
    },
    committed: { load: () => Promise.reject(new Error('nothing here is delivered in transactions')) },
    started: () => undefined,
    pause: () => undefined,
    broken: () => undefined,
    declare: () => Promise.reject(new Error('no timeline ended')),
    settled: () => undefined,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
}

async function soon(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000 && !holds(); i++) await systemClock.sleep(20);
  assert.ok(holds());
}

describe('starting partitions', () => {
  test('one that ran before and starts anew is tried again after a failure like any other', async () => {
    let asked = 0;
    const starter = starterWith(() => {
      asked += 1;
      return Promise.reject(new CausewayError('CLUSTER_UNREACHABLE', 'down'));
    });
    const partition = testPartition();
    partition.started = true;
    starter.request(partition);
    await soon(() => asked >= 2);
    assert.equal(partition.reason?.code, 'CLUSTER_UNREACHABLE');
    starter.close();
  });

  test('what it failed for is not told any more while the next attempt waits for something else', async () => {
    let isLed = false;
    let asked = 0;
    const starter = starterWith(
      () => {
        asked += 1;
        return new Promise<never>(() => undefined);
      },
      () => (isLed ? { broker: 1, epoch: 0 } : undefined),
    );
    const partition = testPartition();
    starter.request(partition);
    await soon(() => partition.reason?.code === 'SOURCE_TOPIC_MISSING');
    isLed = true;
    await soon(() => asked === 1);
    assert.equal(partition.state, 'starting');
    assert.equal(partition.reason, undefined);
    starter.close();
  });

  test('a route whose target does not answer holds up no other route, and is asked once', async () => {
    const asked: string[] = [];
    const starter = starterWith((route) => {
      asked.push(route);
      if (route === 'hangs') return new Promise<never>(() => undefined);
      return Promise.reject(new CausewayError('CLUSTER_UNREACHABLE', 'down'));
    });
    starter.request(testPartition('hangs'));
    await soon(() => asked.includes('hangs'));
    starter.request(testPartition('hangs'));
    starter.request(testPartition('other'));
    await soon(() => asked.filter((route) => route === 'other').length >= 2);
    assert.equal(asked.filter((route) => route === 'hangs').length, 1);
    starter.close();
  });

  test('partitions whose checkpoints another coordinator keeps do not wait for one that hangs', async () => {
    const partitions = Array.from({ length: 40 }, (_, number) => testPartition('r', number));
    const groups = new Set(partitions.map(({ item }) => checkpointGroup(item)));
    const [slow] = groups;
    assert.ok(groups.size > 8);
    const asked = new Set<string>();
    const starter = starterWith((_route, item) => {
      asked.add(checkpointGroup(item));
      if (checkpointGroup(item) === slow) return new Promise<never>(() => undefined);
      return Promise.reject(new CausewayError('CLUSTER_UNREACHABLE', 'down'));
    });
    for (const partition of partitions) starter.request(partition);
    await soon(() => asked.size === groups.size);
    starter.close();
  });
});
