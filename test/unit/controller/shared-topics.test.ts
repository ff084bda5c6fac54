import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { sharedTopics } from '../../../controller/groups/shared-topics.js';
import { routeOf } from './kit.js';

const entryOf = (route: string): TopicEntry => ({
  ...{ route, topic: 't', partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' },
});

describe('whether another route copied into a topic of the target', () => {
  const own = routeOf('new');
  const retired = (route: string): TopicEntry => ({ ...entryOf(route), retired: { by: 'switchover-1', at: '' } });
  const why = (other: Route, entry: TopicEntry): string | undefined =>
    sharedTopics({ route: own, entries: [entryOf('new')] }, [{ route: other, entries: [entry] }])('t');

  test('the former route of the same topic did not: its records are of the same log, in its order', () => {
    assert.equal(why(routeOf('former'), retired('former')), undefined);
  });

  test('one from elsewhere did, though it was retired since', () => {
    assert.match(why(routeOf('other', { source: 'north' }), retired('other')) ?? '', /of route other/);
  });
});
