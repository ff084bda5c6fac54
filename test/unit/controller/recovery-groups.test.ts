import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { GroupVerdict } from '../../../common/model/group-sync.js';
import type { Recovery } from '../../../common/model/recovery.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { DEFAULT_GROUP_SYNC } from '../../../controller/groups/group-filter.js';
import type { GroupSync, GroupSyncOptions, GroupSyncResult } from '../../../controller/groups/ports.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { follow } from '../../../controller/recovery/steps/follow.js';
import { groups } from '../../../controller/recovery/steps/groups.js';
import { routeOf } from './kit.js';

const THERE = routeOf('r', { groups: DEFAULT_GROUP_SYNC });
const BACK = routeOf('back', { groups: DEFAULT_GROUP_SYNC, source: 'west', target: 'east' });
const POINT = { topic: 't', partition: 0, targetTopic: 't', source: 10n, target: 10n };

const resultOf = (group: string, verdict: GroupVerdict, topic = 't'): GroupSyncResult => ({
  ...{ group, targetGroup: group, topic, partition: 0, targetTopic: topic, sourceOffset: 10n, translated: 10n },
  ...{ quality: 'exact' as const, targetOffset: 5n, verdict, detail: null, rereads: 0n },
});
const WRITTEN: GroupVerdict = { kind: 'write', reason: 'takeover' };
const SAME: GroupVerdict = { kind: 'keep', reason: 'same' };
const refused = (reason: Extract<GroupVerdict, { kind: 'refuse' }>['reason']): GroupVerdict => {
  return { kind: 'refuse', reason };
};

interface Given {
  readonly results?: readonly GroupSyncResult[];
  readonly failed?: Readonly<Record<string, string>>;
  readonly error?: CausewayError;
  readonly elapsedMs?: number;
  readonly state?: string;
  readonly leg?: 'out' | 'back';
  readonly kind?: Recovery['kind'];
  readonly options?: Partial<Recovery['options']>;
}

/** One topic t, and groups that are what they are given to be. */
function given({
  results = [],
  failed = {},
  error,
  elapsedMs = 0,
  state = 'running',
  leg = 'out',
  kind,
  options,
}: Given) {
  const asked: (readonly [string, GroupSyncOptions])[] = [];
  const sync: Partial<GroupSync> = {
    syncNow: (route, order) => {
      asked.push([route, order]);
      return error === undefined
        ? Promise.resolve({ results, failed: new Map(Object.entries(failed)) })
        : Promise.reject(error);
    },
    latest: () => undefined,
  };
  const routes = new Map([THERE, BACK].map((route) => [route.name, route]));
  const context = {
    recovery: {
      ...{ id: 'x', kind: kind ?? 'switchover', route: 'r', reverse: 'back', topics: ['t'] },
      options: { groups: true, force: false, drainTimeoutMs: 1_000, ...options },
      facts: { out: { points: [POINT] }, back: { points: [POINT] } },
    },
    step: { leg },
    signal: new AbortController().signal,
    elapsedMs,
    world: {
      fleet: {
        route: (name: string) => Promise.resolve({ value: routes.get(name), version: 0 }),
        statuses: () => Promise.resolve([{ topic: 't', partition: 0, state, lagRecords: 0, lagSeconds: 0 }]),
      },
      clock: { sleep: () => new Promise(() => undefined), wallMs: () => 0, monotonicMs: () => 0 },
      logger: silentLogger,
      groups: sync,
    },
  } as unknown as StepContext;
  return { context, asked };
}

describe('following in the other direction', () => {
  test('takes over the positions at the old source once every partition runs, on either leg', async () => {
    const results = [resultOf('idle', WRITTEN), resultOf('still', SAME), resultOf('busy', refused('active'))];
    const failed = { dark: 'no rights' };
    for (const [leg, route] of [
      ['out', 'back'],
      ['back', 'r'],
    ] as const) {
      const { context, asked } = given({ results, failed, leg });
      const outcome = await follow.run(context);
      assert.deepEqual(asked, [[route, { takeover: true, allowRewind: false, topics: ['t'] }]]);
      assert.equal(outcome.kind, 'done');
      const { groups, groupsLeft, groupsLeftNames } = outcome.kind === 'done' ? (outcome.evidence ?? {}) : {};
      assert.deepEqual([groups, groupsLeft, groupsLeftNames], [2, 2, 'busy, dark']);
    }
  });

  test('waits with it for the partitions, and leaves it where groups are not moved', async () => {
    for (const some of [{ state: 'starting' }, { options: { groups: false } }]) {
      const { context, asked } = given(some);
      await follow.run(context);
      assert.deepEqual(asked, []);
    }
  });

  test('is done though the groups cannot be asked, and says what is left to do', async () => {
    const outcome = await follow.run(given({ error: new CausewayError('CLUSTER_UNREACHABLE', 'no answer') }).context);
    assert.equal(outcome.kind, 'done');
    const { groupsFault, groupsFix } = outcome.kind === 'done' ? (outcome.evidence ?? {}) : {};
    assert.equal(groupsFault, 'CLUSTER_UNREACHABLE: no answer');
    assert.equal(groupsFix, 'causeway groups sync back --takeover');
  });
});

describe('the positions of groups', () => {
  const late = { elapsedMs: 120_000 };
  for (const [what, some] of [
    ['a group that the source does not tell of', { failed: { g: 'GROUP_AUTHORIZATION_FAILED' } }],
    ['a position that moved under the write', { results: [resultOf('g', refused('moved'))] }],
    ['a position that cannot be told, or written', { results: [resultOf('g', refused('failed'))] }],
  ] as const) {
    test(`are not moved while there is ${what}: looked at again for a while, then an operator’s; force passes it by`, async () => {
      const { context, asked } = given(some);
      const first = await groups.run(context);
      assert.equal(first.kind, 'again');
      assert.deepEqual(asked, [['r', { takeover: true, dryRun: false, topics: ['t'] }]]);
      const last = await groups.run(given({ ...some, ...late }).context);
      assert.equal(last.kind, 'failed');
      assert.match(last.kind === 'failed' ? last.message : '', /of 1 groups are not at the target: g .*force/);
      assert.equal((await groups.run(given({ ...some, options: { force: true } }).context)).kind, 'again');
      const forced = await groups.run(given({ ...some, ...late, options: { force: true } }).context);
      assert.equal(forced.kind, 'done');
      assert.match(String(forced.kind === 'done' && forced.evidence?.['passedByForce']), /g /);
      assert.equal((await groups.look(context)).kind, 'done', 'a dry run tells, and stops nobody');
    });
  }

  test('are moved where groups are refused for good: those that have members, and what was never copied', async () => {
    const results = [resultOf('a', refused('active')), resultOf('b', refused('not-copied')), resultOf('c', WRITTEN)];
    assert.equal((await groups.run(given({ results, ...late }).context)).kind, 'done');
  });

  test('in a failover wait for nobody who does not tell, nor for who goes on at the target; for the target’s faults they do', async () => {
    const lost = { kind: 'failover', failed: { dark: 'its coordinator is gone' } } as const;
    const { context } = given({ ...lost, results: [resultOf('busy', refused('moved')), resultOf('c', WRITTEN)] });
    const outcome = await groups.run(context);
    assert.deepEqual(outcome.kind === 'done' && outcome.evidence?.['groupsLeftNames'], 'dark, busy');
    const refusedThere = given({ ...lost, results: [resultOf('c', refused('failed'))], ...late });
    assert.equal((await groups.run(refusedThere.context)).kind, 'failed');
  });
});
