import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { DEFAULT_GROUP_SYNC } from '../../../controller/groups/group-filter.js';
import type { GroupSyncOptions } from '../../../controller/groups/ports.js';
import { RouteGroups } from '../../../controller/groups/route-groups.js';
import type { PartitionMaps } from '../../../controller/offsets/ports.js';
import { FakeGroups } from './fake-groups.js';
import { routeOf } from './kit.js';

const PLAIN: GroupSyncOptions = { takeover: false };
const TAKEOVER: GroupSyncOptions = { takeover: true };
const ROUTE = routeOf('r', { groups: DEFAULT_GROUP_SYNC });
/** Everything was copied, and stands where it stood. */
const MAP: PartitionMap = {
  timeline: 1,
  runs: [{ source: 0n, target: 0n, length: 100_000n }],
  head: { source: 100_000n, target: 100_000n },
};

const entryOf = (topic: string): TopicEntry => {
  return { route: 'r', topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
};

class Pair {
  readonly source = new FakeGroups();
  readonly target = new FakeGroups();
  /** Why the maps of all but partition 0 cannot be read. */
  fault: CausewayError | undefined;
  readonly #topics: readonly string[];

  constructor(...topics: readonly string[]) {
    this.#topics = topics.length === 0 ? ['t'] : topics;
  }

  #read(partitions: readonly number[]): PartitionMaps {
    const { fault } = this;
    const known = partitions.filter((one) => fault === undefined || one === 0).map((one) => [one, MAP] as const);
    const maps = new Map(known);
    if (fault === undefined) return maps;
    return Object.assign(maps, { unread: new Map(partitions.filter((one) => one !== 0).map((one) => [one, fault])) });
  }

  /** As a leader that has just begun. */
  leader(route: Route = ROUTE): (options: GroupSyncOptions) => Promise<string[]> {
    const groups = this.groups(route);
    return async (options) => {
      const { results } = await groups.pass(this.#topics.map(entryOf), options);
      return results.map(({ group, topic, verdict }) => `${group} ${topic}: ${verdict.kind} ${verdict.reason}`).sort();
    };
  }

  groups(route: Route = ROUTE): RouteGroups {
    return new RouteGroups(route, {
      source: this.source.client('east'),
      target: this.target.client('west'),
      maps: { read: (_route, _topic, partitions) => Promise.resolve(this.#read(partitions)) },
      fleet: 'f',
      clock: systemClock,
    });
  }
}

describe('a takeover', () => {
  test('of a position that is what it should be makes it ours: the next pass takes it along, whoever leads then', async () => {
    const pair = new Pair();
    pair.source.given('g', 't', [1_000], { hadMembers: true });
    pair.target.given('g', 't', [1_000], { hadMembers: true });
    const pass = pair.leader();
    assert.deepEqual(await pass(PLAIN), ['g t: refuse not-ours']);
    assert.deepEqual(await pass(TAKEOVER), ['g t: keep same']);
    assert.deepEqual(await pass(TAKEOVER), ['g t: keep same']);
    assert.deepEqual(pair.target.commits, ['causeway.f.sync.r.g t-0=1000', 'g t-0=1000'], 'once, and never again');
    pair.source.given('g', 't', [50_000], { hadMembers: true });
    assert.deepEqual(await pair.leader()(PLAIN), ['g t: write ours']);
    assert.equal(pair.target.offset('g', 't'), 50_000n);
  });

  test('of one that stands where it should be, though we had left it elsewhere, is ours again', async () => {
    const pair = new Pair();
    pair.source.given('g', 't', [10]);
    await pair.leader()(PLAIN);
    pair.target.given('g', 't', [20], { hadMembers: true });
    pair.source.given('g', 't', [20]);
    const pass = pair.leader();
    assert.deepEqual(await pass(PLAIN), ['g t: refuse moved']);
    assert.deepEqual(await pass(TAKEOVER), ['g t: keep same']);
    pair.source.given('g', 't', [30]);
    assert.deepEqual(await pass(PLAIN), ['g t: write ours']);
  });

  test('writes nothing where the group has members, or is ahead; a dry run nothing at all', async () => {
    const pair = new Pair();
    pair.source.given('busy', 't', [10]);
    pair.target.given('busy', 't', [10], { isActive: true });
    pair.source.given('ahead', 't', [10]);
    pair.target.given('ahead', 't', [20], { hadMembers: true });
    pair.source.given('same', 't', [10]);
    pair.target.given('same', 't', [10], { hadMembers: true });
    const pass = pair.leader();
    await pass({ ...TAKEOVER, dryRun: true });
    assert.deepEqual(pair.target.commits, []);
    assert.deepEqual(await pass(TAKEOVER), [
      'ahead t: keep forward-only',
      'busy t: refuse active',
      'same t: keep same',
    ]);
    assert.deepEqual(pair.target.commits, ['causeway.f.sync.r.same t-0=10', 'same t-0=10']);
  });

  test('of some topics leaves the positions in others alone', async () => {
    const pair = new Pair('t', 'other');
    for (const topic of ['t', 'other']) {
      pair.source.given('g', topic, [10]);
      pair.target.given('g', topic, [5], { hadMembers: true });
    }
    assert.deepEqual(await pair.leader()({ ...TAKEOVER, topics: ['t'] }), ['g t: write takeover']);
    assert.deepEqual([pair.target.offset('g', 't'), pair.target.offset('g', 'other')], [10n, 5n]);
  });
});

test('a map that cannot be read is told as that, for its partition alone: it is not said that nothing was copied', async () => {
  const pair = new Pair();
  pair.source.given('g', 't', [10, 20]);
  pair.fault = new CausewayError('KAFKA_ERROR', 'no rights on the checkpoint');
  const { results } = await pair.groups().pass([entryOf('t')], TAKEOVER);
  assert.deepEqual(
    results.map(({ partition, verdict, detail }) => [partition, verdict.reason, detail]),
    [
      [0, 'new', null],
      [1, 'failed', 'no rights on the checkpoint'],
    ],
  );
  assert.deepEqual([pair.target.offset('g', 't', 0), pair.target.offset('g', 't', 1)], [10n, undefined]);
});

describe('groups that would have one name at the target', () => {
  const renamed = routeOf('r', {
    groups: { ...DEFAULT_GROUP_SYNC, renames: [{ match: 'app-(blue|green)', replacement: 'app' }] },
  });
  const positions = (pair: Pair): void => {
    pair.source.given('app-blue', 't', [100]);
    pair.source.given('app-green', 't', [5_000]);
  };

  test('the first in the alphabet has it, also where an order names the other one only', async () => {
    const pair = new Pair();
    positions(pair);
    const pass = pair.leader(renamed);
    assert.deepEqual(await pass(PLAIN), ['app-blue t: write new', 'app-green t: refuse name-taken']);
    assert.deepEqual(await pass({ ...TAKEOVER, groups: ['app-green'] }), ['app-green t: refuse name-taken']);
    assert.deepEqual(await pass({ ...TAKEOVER, groups: ['app-blue'] }), ['app-blue t: keep same']);
    assert.equal(pair.target.offset('app', 't'), 100n);
  });

  test('and where it cannot be read just now', async () => {
    const pair = new Pair();
    positions(pair);
    pair.source.denied.add('app-blue');
    for (const order of [PLAIN, { ...TAKEOVER, groups: ['app-green'] }]) {
      assert.deepEqual(await pair.leader(renamed)(order), ['app-green t: refuse name-taken']);
    }
    assert.equal(pair.target.offset('app', 't'), undefined);
  });

  test('one that the route does not take, or that has nothing in its topics, takes none away', async () => {
    const pair = new Pair();
    positions(pair);
    pair.source.given('app-blue', 'elsewhere', [1]);
    const green = { ...DEFAULT_GROUP_SYNC, exclude: ['app-blue'] };
    const without = routeOf('r', { groups: { ...green, renames: [{ match: 'app-.*', replacement: 'app' }] } });
    assert.deepEqual(await pair.leader(without)({ ...PLAIN, groups: ['app-green'] }), ['app-green t: write new']);
    pair.source.groups.get('app-blue')?.offsets.delete('t-0');
    pair.source.given('app-green', 't', [6_000]);
    assert.deepEqual(await pair.leader(renamed)({ ...PLAIN, groups: ['app-green'] }), ['app-green t: write ours']);
  });
});
