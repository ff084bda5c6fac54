import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WantedBook, type WantedRecords } from '../../../controller/loop/wanted-partitions.js';
import { routeOf } from './kit.js';

const ENTRY = { route: 'r', topic: 't', partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
const PROGRESS = { targetTopic: 't', started: [0], initialPartitions: 2 };

function world(given: {
  readonly entry?: object;
  readonly progress?: object | undefined;
  readonly excluded?: readonly number[];
  readonly assigned?: readonly number[];
  readonly source?: number;
}) {
  const area = (entries: readonly (readonly [string, unknown])[]) => ({
    entries: new Map(entries.map(([key, value]) => [key, { value }])),
    unreadable: new Map(),
    revision: 0,
  });
  const items = (given.assigned ?? []).map((partition) => ({ route: 'r', topic: 't', partition }));
  const progress = 'progress' in given ? given.progress : PROGRESS;
  const records = {
    routes: area([['r', routeOf('r')]]),
    topics: area([['r/t', { ...ENTRY, ...given.entry }]]),
    progress: area(progress === undefined ? [] : [['r/t', progress]]),
    exclusions: area(given.excluded === undefined ? [] : [['r/t', { partitions: given.excluded }]]),
    assignments: area([['w', { assignment: { items } }]]),
  };
  const unknown = { state: 'unknown' } as const;
  const state = { source: given.source, revision: '0' };
  const facts = {
    get revision() {
      return state.revision;
    },
    facts: () => {
      const { source } = state;
      const fact = source === undefined ? unknown : ({ state: 'present', topicId: null, partitions: source } as const);
      return { source: fact, target: unknown };
    },
  };
  const book = new WantedBook(records as unknown as WantedRecords, facts);
  const read = (): number[] | undefined => {
    const found = book.read().get('r/t');
    return found && [...found].sort();
  };
  return { book, read, state };
}

describe('the partitions that should be copied', () => {
  test('are those that began and those in any node, though the source shows nothing', () => {
    assert.deepEqual(world({}).read(), [0, 1]);
    assert.deepEqual(world({ assigned: [1, 5] }).read(), [0, 1, 5]);
    assert.deepEqual(world({ progress: { ...PROGRESS, initialPartitions: 0, started: [3] } }).read(), [3]);
  });

  test('are also those that came to be at the source and that nobody has yet', () => {
    const { read, state } = world({ source: 4 });
    assert.deepEqual(read(), [0, 1, 2, 3]);
    state.source = 5;
    assert.deepEqual(read(), [0, 1, 2, 3], 'nothing has been said to be new');
    state.revision = '1';
    assert.deepEqual(read(), [0, 1, 2, 3, 4]);
  });

  test('are not those that an operator leaves out, and none of a retired topic', () => {
    assert.deepEqual(world({ source: 4, entry: { partitions: 3 }, excluded: [1] }).read(), [0, 2]);
    assert.deepEqual(world({ excluded: [0, 1] }).read(), []);
    assert.equal(
      world({ entry: { retired: { by: 'x', at: '' } } })
        .book.read()
        .has('r/t'),
      false,
    );
  });

  test('are unknown where nothing ever began', () => {
    const { book } = world({ progress: undefined, source: 4 });
    assert.deepEqual([...book.read()], [['r/t', undefined]]);
    assert.equal(world({ progress: { ...PROGRESS, initialPartitions: 0, started: [] } }).read(), undefined);
  });
});
