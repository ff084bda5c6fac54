import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import { TargetWriter, type TargetWriterDeps } from '../../../../worker/produce/target-writer.js';
import { ManualClock } from '../manual-clock.js';
import { runningOutlet } from '../partition/partition-kit.js';

function leaderless() {
  const clock = new ManualClock();
  let looks = 0;
  const leaders = {
    leader: () => {
      looks += 1;
      return undefined;
    },
    refresh: () => undefined,
  };
  const writer = new TargetWriter({
    client: { connection: () => Promise.reject(new Error('nobody is there')) } as unknown as TargetWriterDeps['client'],
    leaders: leaders as unknown as TargetWriterDeps['leaders'],
    cluster: 't',
    connections: 1,
    requestTimeoutMs: 1_000,
    mayProduce: () => true,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  const looksWithin = (ms: number): number => {
    looks = 0;
    clock.pass(ms);
    return looks;
  };
  return { writer, looksWithin };
}

test('a partition without a leader at the target is looked at now and then, however often it had something to send meanwhile', () => {
  const { writer, looksWithin } = leaderless();
  const outlets = [runningOutlet(1).outlet, runningOutlet(1).outlet];
  for (let i = 0; i < 50; i++) for (const outlet of outlets) writer.ready(outlet);
  const once = looksWithin(200);
  assert.equal(once, 2);
  assert.equal(looksWithin(1_000), 10);
});

test('one that is let go is not looked at any more', () => {
  const { writer, looksWithin } = leaderless();
  const { outlet } = runningOutlet(1);
  writer.ready(outlet);
  writer.remove(outlet);
  assert.equal(looksWithin(1_000), 0);
});
