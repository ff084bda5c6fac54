import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { findConflicts } from '../../../controller/core/conflicts.js';
import { routeOf } from './kit.js';

const entry = (route: string, topic: string): TopicEntry => ({
  route,
  topic,
  partitions: 'all',
  paused: false,
  skips: [],
  limits: {},
  addedAt: '2026-01-01T00:00:00Z',
});

const guarded = (name: string, source: string, target: string, more: Partial<Route> = {}): Route => ({
  ...routeOf(name),
  source,
  target,
  delivery: 'transactional',
  provenance: true,
  targetTopics: { create: true, shared: true },
  ...more,
});

/** Entries in the order given; the keys of those that conflict. */
function conflicts(...placed: readonly (readonly [Route, string])[]): string[] {
  return [
    ...findConflicts(
      placed.map(([route, topic], i) => ({ route, entry: entry(route.name, topic), order: BigInt(i) })),
    ).keys(),
  ];
}

test('two clusters mirror one name into each other only where both routes guard against it', () => {
  const there = guarded('there', 'a', 'b');
  const back = guarded('back', 'b', 'a');
  assert.deepEqual(conflicts([there, 't'], [back, 't']), []);
  const { provenance: _, ...bare } = back;
  assert.deepEqual(conflicts([there, 't'], [bare, 't']), ['back/t']);
  assert.deepEqual(conflicts([there, 't'], [{ ...back, targetTopics: { create: true } }, 't']), ['back/t']);
});

test('a circle of three clusters stays refused, and so does one that a pair is part of', () => {
  const [ab, bc, ca] = [guarded('ab', 'a', 'b'), guarded('bc', 'b', 'c'), guarded('ca', 'c', 'a')];
  assert.deepEqual(conflicts([ab, 't'], [bc, 't'], [ca, 't']), ['ca/t']);
  const ba = guarded('ba', 'b', 'a');
  assert.deepEqual(conflicts([ab, 't'], [ba, 't'], [ca, 't'], [bc, 't']), ['bc/t']);
});

test('under other names the pair is a circle like any other', () => {
  const there = guarded('there', 'a', 'b', { naming: { policy: 'default', separator: '.' } });
  const back = guarded('back', 'b', 'a', { naming: { policy: 'template', template: 't' } });
  assert.deepEqual(conflicts([there, 't'], [back, 'a.t']), ['back/a.t']);
});

test('topics of one route meet in one target topic where its mapping says so', () => {
  const merging = guarded('m', 'a', 'b', { naming: { policy: 'template', template: 'all' } });
  assert.deepEqual(conflicts([merging, 'x'], [merging, 'y']), ['m/y']);
  for (const partitionMapping of [{ to: 'merge' }, { to: 'modulo', partitions: 2 }] as const) {
    const route = { ...merging, partitionMapping };
    assert.deepEqual(conflicts([route, 'x'], [route, 'y']), []);
  }
});

test('rules send records neither into mirrored topics nor back to where they come from', () => {
  const rules = {
    onUnreadable: 'keep',
    list: [{ name: 'r', action: { do: 'route', topic: 'side', partitions: 1 } }],
  } as const;
  const sending = guarded('s', 'a', 'b', { rules });
  const other = guarded('o', 'c', 'b');
  assert.deepEqual(conflicts([sending, 't'], [other, 'side']), ['o/side']);
  assert.deepEqual(conflicts([other, 'side'], [sending, 't']), ['s/t']);
  assert.deepEqual(conflicts([sending, 't'], [sending, 'u'], [other, 'v']), []);
  const back = guarded('back', 'b', 'a', {
    naming: { policy: 'map', topics: { side: 't' }, otherwise: { policy: 'identity' } },
  });
  assert.deepEqual(conflicts([sending, 't'], [back, 'side']), ['back/side']);
});

test('nothing is mirrored into a topic that takes dead letters, whichever came first', () => {
  const letters: Partial<Route> = { onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' };
  const sender: Route = { ...routeOf('s'), source: 'a', target: 'b', ...letters };
  const mirror: Route = { ...routeOf('m'), source: 'c', target: 'b' };
  assert.deepEqual(conflicts([sender, 't'], [mirror, 'letters']), ['m/letters']);
  assert.deepEqual(conflicts([mirror, 'letters'], [sender, 't']), ['s/t']);
  assert.deepEqual(conflicts([sender, 't'], [{ ...mirror, target: 'd' }, 'letters']), []);
  const { onRefusedRecord: _, ...unasked } = letters;
  assert.deepEqual(conflicts([{ ...sender, ...unasked, onRefusedRecord: 'pause' }, 't'], [mirror, 'letters']), []);
  const ruled: Partial<Route> = {
    onRefusedRecord: 'pause',
    rules: {
      onUnreadable: 'pause',
      list: [{ name: 'r', action: { do: 'mask', fields: ['x'], with: '' }, onUnreadable: 'dead-letter' }],
    },
  };
  assert.deepEqual(conflicts([{ ...sender, ...ruled }, 't'], [mirror, 'letters']), ['m/letters']);
  const other: Route = { ...routeOf('o'), source: 'e', target: 'b', ...letters };
  assert.deepEqual(conflicts([sender, 't'], [other, 'u']), [], 'several routes may have one');
});
