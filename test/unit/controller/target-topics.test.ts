import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import type { TargetNeed } from '../../../controller/core/desired.js';
import { TargetTopics } from '../../../controller/metadata/target-topics.js';
import { FakeKafka } from './fake-kafka.js';
import { routeOf, until } from './kit.js';

function targetTopics(kafka: FakeKafka) {
  let done = 0;
  const topics = new TargetTopics({
    admin: kafka,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    snapshot: () => undefined,
    onDone: () => {
      done += 1;
    },
  });
  return { topics, done: () => done };
}

const needsOf = (kafka: FakeKafka, count: number): TargetNeed[] =>
  Array.from({ length: count }, (_, i) => {
    kafka.addTopic('east', `t${i}`, 2, { 'retention.ms': String(i) });
    return { route: routeOf('r'), topic: `t${i}`, targetTopic: `t${i}`, partitions: 2, existing: 0 };
  });

describe('making target topics', () => {
  test('a thousand are made by ten requests, each with its own configs', async () => {
    const kafka = new FakeKafka();
    const { topics, done } = targetTopics(kafka);
    const needs = needsOf(kafka, 1_000);
    const missing = (): TargetNeed[] =>
      needs.filter(({ targetTopic }) => kafka.topic('west', targetTopic) === undefined);
    topics.ensure(needs);
    await until(() => done() >= 8);
    topics.ensure(missing());
    await until(() => missing().length === 0);
    assert.equal(kafka.createRequests, 10);
    assert.equal(kafka.topic('west', 't7')?.configs['retention.ms'], '7');
    assert.deepEqual(topics.problems, []);
  });

  test('one that the cluster refuses is a problem of its own; those beside it are made', async () => {
    const kafka = new FakeKafka();
    const { topics, done } = targetTopics(kafka);
    kafka.refused.set('t1', new CausewayError('KAFKA_ERROR', 'the policy forbids it', { kafkaCode: 44 }));
    topics.ensure(needsOf(kafka, 3));
    await until(() => done() === 1);
    assert.deepEqual(
      topics.problems.map(({ topic, message }) => [topic, message]),
      [['t1', 'the policy forbids it']],
    );
    assert.ok(kafka.topic('west', 't0') !== undefined && kafka.topic('west', 't2') !== undefined);
  });

  test('a source that does not answer keeps back its own topics only', async () => {
    const kafka = new FakeKafka();
    const { topics, done } = targetTopics(kafka);
    const needs = needsOf(kafka, 2);
    const other: TargetNeed = {
      ...(needs[1] as TargetNeed),
      route: routeOf('s', { source: 'south' }),
      topic: 'u',
      targetTopic: 'u',
    };
    kafka.unreachable.add('south');
    topics.ensure([...needs, other]);
    await until(() => done() === 2);
    assert.deepEqual(
      topics.problems.map(({ route, code }) => [route, code]),
      [['s', 'CLUSTER_UNREACHABLE']],
    );
    assert.ok(kafka.topic('west', 't0') !== undefined);
  });
});
