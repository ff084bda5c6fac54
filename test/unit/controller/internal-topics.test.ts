import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import { missingInternalTopics } from '../../../controller/metadata/internal-topics.js';
import { routeOf } from './kit.js';

function missing(settings: Partial<Route>, there: readonly string[] = []): string[] {
  const fact = (_cluster: string, topic: string) =>
    there.includes(topic)
      ? ({ state: 'present', topicId: null, partitions: 1 } as const)
      : ({ state: 'absent' } as const);
  return missingInternalTopics([routeOf('r', settings)], 'f', fact).map(({ targetTopic }) => targetTopic);
}

test('2.6 a route whose records may not come twice has the topic its lanes renew their ids on, also one that creates no topics', () => {
  assert.deepEqual(missing({ delivery: 'exactly-once' }), [
    'causeway.f.gaps',
    'causeway.f.offset-map',
    'causeway.f.renewals',
  ]);
  const none = { targetTopics: { create: false } };
  assert.deepEqual(missing({ delivery: 'transactional', ...none }), ['causeway.f.renewals']);
  assert.deepEqual(missing({ delivery: 'exactly-once', ...none }), ['causeway.f.renewals']);
  assert.deepEqual(missing({ delivery: 'exactly-once', ...none }, ['causeway.f.renewals']), []);
});

test('a route that leaves nothing out and creates no topics needs none of ours; dead letters need theirs', () => {
  const none = { targetTopics: { create: false } };
  assert.deepEqual(missing(none), []);
  const deadLetters = { onRefusedRecord: 'dead-letter', deadLetterTopic: 'dead' } as const;
  assert.deepEqual(missing({ ...none, ...deadLetters }), ['causeway.f.gaps', 'dead']);
});
