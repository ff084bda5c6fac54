import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { CausewayClient } from '../../../common/api/client.js';
import { CausewayError } from '../../../common/errors/error.js';
import type { DrillResult } from '../../../common/kafka/fencing/drill.js';
import type { WorkerAssignment } from '../../../common/model/assignment.js';
import type { TopicPartition } from '../../../common/model/topic-partition.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { type Clock, systemClock } from '../../../common/runtime/clock.js';
import { seededRandom } from '../../../common/runtime/random.js';
import { Drills } from '../../../controller/metadata/drills.js';
import type { DeliveryProver } from '../../../controller/metadata/ports.js';
import { ControllerKit, routeOf, until } from './kit.js';

const EXACT = routeOf('x', { delivery: 'exactly-once' });
const PASSED: DrillResult = { kind: 'passed', evidence: { transactionalId: 'id' } };
const FAILED: DrillResult = {
  kind: 'failed',
  reason: 'the late batch was stored',
  evidence: { transactionalId: 'id' },
};
const LOOKS_MS = 12_000;

/** Answers in turn; without an answer it is silent until there is one. */
class Prover implements DeliveryProver {
  readonly asked: string[] = [];
  readonly answers: (DrillResult | Error)[];
  /** The same answer from now on. */
  always: DrillResult | Error | undefined;

  constructor(...answers: (DrillResult | Error)[]) {
    this.answers = answers;
  }

  /** Which brokers there are. */
  set = '1=a';

  brokers(): Promise<string> {
    return Promise.resolve(this.set);
  }

  async prove(cluster: string, partition: TopicPartition, signal: AbortSignal): Promise<DrillResult> {
    this.asked.push(`${cluster}: ${partition.topic}-${partition.partition}`);
    for (;;) {
      const answer = this.answers.shift() ?? this.always;
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return answer;
      if (signal.aborted) throw new Error('called off');
      await systemClock.sleep(5, signal);
    }
  }
}

/** A hundred times as fast. */
const hasty: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * 100,
  after: (delayMs, callback) => systemClock.after(delayMs / 100, callback),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / 100, signal),
};
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

function drillsWith(prover: Prover) {
  const state = { isReady: true, changes: 0 };
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  const onChange = (): void => void state.changes++;
  const common = { clock: hasty, random: seededRandom(1), logger: silentLogger, metrics };
  const drills = new Drills({ fleet: 'f', prover, isReady: () => state.isReady, onChange, ...common });
  open.push(drills);
  return { drills, state, metrics };
}

const unreachable = new CausewayError('CLUSTER_UNREACHABLE', 'nobody answers');

describe('5.7 the drill of a target', () => {
  test('once for each target of an exactly-once route, on the heartbeat topic, when that is there', async () => {
    const prover = new Prover(PASSED);
    const { drills, state, metrics } = drillsWith(prover);
    state.isReady = false;
    drills.follow([EXACT, routeOf('r', { target: 'north' }), { ...EXACT, name: 'y' }]);
    await systemClock.sleep(20);
    assert.deepEqual([prover.asked, drills.unproven('west')], [[], { state: 'pending' }]);
    await until(() => drills.unproven('west')?.message, undefined, LOOKS_MS);
    assert.match(drills.unproven('west')?.message ?? '', /causeway\.f\.renewals is not there/);
    state.isReady = true;
    await until(() => drills.unproven('west') === undefined);
    drills.follow([EXACT]);
    drills.follow([EXACT, { ...EXACT, name: 'z' }]);
    assert.deepEqual(prover.asked, ['west: causeway.f.renewals-0']);
    assert.match(await metrics.text(), /causeway_delivery_proven\{target="west"\} 1/);
    drills.follow([]);
    assert.doesNotMatch(await metrics.text(), /causeway_delivery_proven\{/);
  });

  test('what proves nothing is tried again; meanwhile the reason is told, and each change is', async () => {
    const prover = new Prover(unreachable);
    const { drills, state } = drillsWith(prover);
    drills.follow([EXACT]);
    await until(() => drills.unproven('west')?.message);
    assert.deepEqual([drills.unproven('west')?.state, state.changes, drills.revision], ['pending', 1, 1]);
    assert.match(drills.unproven('west')?.message ?? '', /nobody answers.*tried again/);
    prover.answers.push(unreachable, PASSED);
    await until(() => drills.unproven('west') === undefined);
    assert.deepEqual([prover.asked.length, state.changes, drills.revision], [3, 2, 2]);
  });

  test('a target that failed is asked again when another route to it comes; what then proves nothing changes nothing', async () => {
    const prover = new Prover(FAILED, FAILED);
    const { drills } = drillsWith(prover);
    drills.follow([EXACT]);
    await until(() => prover.asked.length === 3);
    assert.equal(drills.unproven('west')?.state, 'pending', 'twice may be an accident');
    prover.answers.push(FAILED);
    await until(() => drills.unproven('west')?.state === 'failed');
    assert.match(drills.unproven('west')?.message ?? '', /the late batch was stored/);
    drills.follow([EXACT]);
    await systemClock.sleep(20);
    assert.equal(prover.asked.length, 3);
    drills.follow([EXACT, { ...EXACT, name: 'y' }]);
    await until(() => prover.asked.length === 4);
    prover.answers.push(unreachable);
    await until(() => prover.asked.length === 5);
    assert.equal(drills.unproven('west')?.state, 'failed');
    prover.answers.push(PASSED);
    await until(() => drills.unproven('west') === undefined);
  });
});

test('5.7 a target whose brokers change proves itself again; what it showed stands until it fails', async () => {
  const prover = new Prover(PASSED);
  const { drills } = drillsWith(prover);
  drills.follow([EXACT]);
  await until(() => prover.asked.length === 1 && drills.unproven('west') === undefined);
  prover.set = '1=b';
  prover.answers.push(unreachable);
  await until(() => prover.asked.length >= 2, undefined, LOOKS_MS);
  assert.equal(drills.unproven('west'), undefined, 'nothing was proven, and nothing disproven');
  prover.always = FAILED;
  await until(() => drills.unproven('west')?.state === 'failed', undefined, LOOKS_MS);
  prover.always = PASSED;
  drills.follow([EXACT, { ...EXACT, name: 'y' }]);
  await until(() => drills.unproven('west') === undefined, undefined, LOOKS_MS);
  const asked = prover.asked.length;
  await systemClock.sleep(3_500);
  assert.equal(prover.asked.length, asked, 'the same brokers are believed');
});

describe('5.7 partitions of a target that has not proven itself', () => {
  async function fleet(prover: DeliveryProver) {
    const kit = await ControllerKit.open({ routes: [EXACT, routeOf('r', { target: 'north' })], prover });
    open.push(kit);
    kit.kafka.addTopic('east', 't', 4);
    const controller = await kit.controller();
    const worker = await kit.worker('a');
    await until(() =>
      controller.client.addTopic('x', { topic: 't' }).then(
        () => true,
        () => false,
      ),
    );
    await controller.client.addTopic('r', { topic: 't' });
    return { kit, controller, worker };
  }

  const deliveryOf = (worker: { applied: WorkerAssignment | undefined }, route: string): string | undefined =>
    worker.applied?.routes.find(({ name }) => name === route)?.delivery;
  const toldBy = async (controller: { client: CausewayClient }): Promise<string | undefined> =>
    (await controller.client.status()).problems?.find(({ code }) => code === 'DELIVERY_UNPROVEN')?.message;

  test('5.7 wait while nothing is proven, run at least once where the target failed, which is said, and exactly once when it passes', async () => {
    const prover = new Prover();
    const { kit, controller, worker } = await fleet(prover);
    await until(
      () => worker.held.size === 4 && prover.asked.length === 1,
      () => kit.held(),
    );
    assert.ok(worker.keys().every((key) => key.startsWith('r/')));
    prover.always = FAILED;
    await until(
      () => worker.held.size === 8,
      () => kit.held(),
    );
    assert.equal(deliveryOf(worker, 'x'), 'at-least-once');
    assert.equal((await controller.client.getRoute('x')).value.delivery, 'exactly-once', 'as it was asked for');
    assert.match((await toldBy(controller)) ?? '', /the late batch was stored; .*at-least-once until a trial passes/);
    prover.always = PASSED;
    // Another route to it has the target tried again.
    await controller.client.putRoute('y', {
      source: 'north',
      target: 'west',
      delivery: 'exactly-once',
      naming: { policy: 'default' },
    });
    kit.kafka.addTopic('north', 'other', 1);
    await controller.client.addTopic('y', { topic: 'other' });
    await until(
      () => deliveryOf(worker, 'x') === 'exactly-once',
      () => kit.held(),
    );
    assert.equal(await toldBy(controller), undefined);
    await until(() => worker.held.size === 9);
  });

  test('5.7 a route that fell back stays so under the next leader, until the target passes', async () => {
    const prover = new Prover();
    prover.always = FAILED;
    const { kit, controller, worker } = await fleet(prover);
    await until(
      () => worker.held.size === 8,
      () => kit.held(),
    );
    prover.always = undefined;
    await controller.close();
    const next = await kit.controller();
    const asked = prover.asked.length;
    await until(() => prover.asked.length > asked);
    kit.kafka.grow('east', 't', 6);
    await until(
      () => worker.held.size === 12,
      () => kit.held(),
    );
    assert.equal(deliveryOf(worker, 'x'), 'at-least-once');
    prover.always = PASSED;
    await until(() => deliveryOf(worker, 'x') === 'exactly-once');
    assert.equal(await toldBy(next), undefined);
  });

  test('that run already run on, and go on elsewhere, while the next leader cannot ask', async () => {
    const prover = new Prover();
    prover.always = PASSED;
    const { kit, controller, worker } = await fleet(prover);
    await kit.balanced(8);
    prover.always = unreachable;
    await controller.close();
    const next = await kit.controller();
    const codes = async () => (await next.client.status()).problems?.map(({ code }) => code);
    await until(() =>
      codes().then(
        (found) => found?.includes('DELIVERY_UNPROVEN'),
        () => false,
      ),
    );
    const heir = await kit.worker('b');
    await worker.die();
    await until(
      () => heir.held.size === 8,
      () => kit.held(),
    );
    kit.kafka.grow('east', 't', 6);
    await until(
      () => heir.keys().filter((key) => key.startsWith('r/')).length === 6,
      () => kit.held(),
    );
    assert.equal(heir.keys().filter((key) => key.startsWith('x/')).length, 4);
  });
});
