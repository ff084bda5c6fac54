import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeRecovery, encodeRecovery } from '../../../common/coordination/records/recovery.js';
import { PartitionRuns } from '../../../common/kafka/offset-maps/partition-runs.js';
import type { Checkpoint } from '../../../common/model/checkpoint.js';
import { translate } from '../../../common/model/offset-map-lookup.js';
import { decodeMapValue, encodeMapValue, type MapChain } from '../../../common/model/offset-map-record.js';
import type { CommonPoint, Recovery, RecoveryKind, RecoveryOptions } from '../../../common/model/recovery.js';
import type { PartitionStatus } from '../../../common/model/status.js';
import { invertedChains } from '../../../controller/core/recovery-map.js';
import {
  commonPoint,
  latestEnds,
  lostRecords,
  movedEnds,
  notDrained,
} from '../../../controller/core/recovery-points.js';
import { defaultConfirm, programOf } from '../../../controller/core/recovery-program.js';
import {
  isReverse,
  renewedProgress,
  reverseName,
  reverseRouteOf,
  reverseStarts,
} from '../../../controller/core/recovery-reverse.js';
import { percentile99, rpoOf } from '../../../controller/core/recovery-rpo.js';
import {
  aborted,
  abortFault,
  abortOrdered,
  askedFor,
  confirmed,
  finished,
  nextAction,
  resumed,
  type StepOutcome,
  stepBegun,
  stepEnded,
} from '../../../controller/core/recovery-state.js';
import { Crossing, OffsetRanges } from '../../../controller/core/recovery-stranded.js';
import { routeOf } from './kit.js';

const OPTIONS: RecoveryOptions = {
  confirm: [],
  fencePrincipals: [],
  ...{ stillMs: 100, drainTimeoutMs: 1_000, stopTimeoutMs: 1_000, sampleRecords: 5 },
  ...{ force: false, reverseCopy: true, switchBack: true, readOnlySource: false, groups: true, quarantineSuffix: '' },
};
const AT = '2026-01-01T00:00:00.000Z';

function recoveryOf(
  kind: RecoveryKind,
  options: Partial<RecoveryOptions> = {},
  extra: Partial<Recovery> = {},
): Recovery {
  const whole = { ...OPTIONS, ...options };
  return {
    ...{ id: `${kind}-1`, kind, route: 'r', topics: [], asked: [], options: whole, dryRun: false },
    ...{ state: 'running', createdAt: AT, updatedAt: AT, steps: programOf(kind, whole, []), confirmed: [] },
    ...{ facts: { out: {}, back: {} }, audit: [] },
    ...extra,
  };
}

const idsOf = (kind: RecoveryKind, options: Partial<RecoveryOptions> = {}): string =>
  programOf(kind, { ...OPTIONS, ...options }, [])
    .map(({ id }) => id)
    .join(' ');

describe('the steps of programs', () => {
  test('stand in their order: looking first, the stop before the settlement, the reverse last', () => {
    const turn = 'quiet drain stop settle groups admit-producers promote-schemas export-map reverse follow';
    assert.equal(idsOf('switchover'), `survey rpo ${turn}`);
    assert.equal(idsOf('failover'), 'survey rpo stop settle groups admit-producers promote-schemas');
    assert.equal(idsOf('drill'), 'survey rpo translations');
    const back = turn
      .split(' ')
      .map((id) => `back-${id}`)
      .join(' ');
    assert.equal(idsOf('failback'), `survey quiet stranded export-map reverse follow catch-up ${back}`);
    assert.equal(idsOf('failback', { switchBack: false }), 'survey quiet stranded export-map reverse follow catch-up');
    assert.match(idsOf('failback', { quarantineSuffix: '.q' }), /stranded quarantine export-map/);
    const out = 'survey rpo fence-producers quiet drain stop settle admit-producers promote-schemas read-only';
    const migration = { reverseCopy: false, readOnlySource: true, fencePrincipals: ['User:a'], groups: false };
    assert.equal(idsOf('cutover', migration), out);
  });

  test('hooks stand before and after their steps on both legs, never in a drill', () => {
    const hook = (name: string, when: 'before' | 'after', kinds: RecoveryKind[] = []) => ({
      name,
      when,
      act: 'stop' as const,
      kinds,
    });
    const hooks = [hook('a', 'before'), hook('b', 'after'), hook('c', 'after', ['failover'])];
    const ids = (kind: RecoveryKind) =>
      programOf(kind, OPTIONS, hooks)
        .map(({ id }) => id)
        .join(' ');
    assert.match(ids('failover'), /rpo hook-a stop hook-b hook-c settle/);
    assert.match(ids('failback'), /back-drain back-hook-a back-stop back-hook-b back-settle/);
    assert.doesNotMatch(ids('drill'), /hook/);
  });
});

describe('a program as it goes on', () => {
  const done: StepOutcome = { kind: 'done', evidence: { n: 1 } };
  /** As it is written and read again. */
  const stored = (recovery: Recovery): Recovery => decodeRecovery(encodeRecovery(recovery), '/recoveries/x');

  /** Runs to the end; `die` is asked before and after each step whether the leader dies there. */
  function play(start: Recovery, die: (point: number) => boolean): { end: Recovery; ran: string[] } {
    const ran: string[] = [];
    let recovery = start;
    let point = 0;
    for (let i = 0; i < 200; i++) {
      recovery = stored(recovery);
      const action = nextAction(recovery);
      if (action.kind === 'finish') return { end: finished(recovery, AT), ran };
      if (action.kind === 'rest') return { end: recovery, ran };
      if (action.kind === 'ask') {
        const waiting = askedFor(recovery, action.step.id, AT);
        recovery = confirmed(stored(waiting), 'ok', AT) ?? assert.fail('cannot be confirmed');
        continue;
      }
      assert.equal(action.kind, 'run');
      const { id } = (action as { readonly step: { readonly id: string } }).step;
      recovery = stepBegun(recovery, id, AT);
      if (die(point++)) continue;
      ran.push(id);
      // Dies after it has acted, before that is written down: the next leader acts again.
      if (die(point++)) continue;
      recovery = stepEnded(recovery, id, done, AT);
    }
    return assert.fail('it never ends');
  }

  for (const kind of ['switchover', 'failover', 'failback', 'cutover', 'drill'] as const) {
    test(`${kind}: a leader that dies at any point costs at most one more attempt at that step, never a step or the order`, () => {
      const start = recoveryOf(kind, { confirm: defaultConfirm(kind) });
      const plain = play(start, () => false);
      assert.deepEqual(
        plain.ran,
        start.steps.map(({ id }) => id),
      );
      for (let dead = 0; dead < start.steps.length * 2; dead++) {
        const { end, ran } = play(start, (point) => point === dead);
        assert.equal(end.state, 'done');
        const order = ran.filter((id, i) => id !== ran[i - 1]);
        assert.deepEqual(order, plain.ran);
        assert.ok(end.steps.every(({ state }) => state === 'done'));
      }
    });
  }

  test('a failure that leads back has all steps from there done again, once an operator resumes', () => {
    let recovery = recoveryOf('switchover');
    for (const id of ['survey', 'rpo', 'quiet', 'drain', 'stop']) {
      recovery = stepEnded(stepBegun(recovery, id, AT), id, done, AT);
    }
    recovery = stepEnded(
      stepBegun(recovery, 'settle', AT),
      'settle',
      { kind: 'failed', message: 'moved', backTo: 'quiet' },
      AT,
    );
    assert.equal(recovery.state, 'failed');
    assert.equal(nextAction(recovery).kind, 'rest');
    const again = resumed(stored(recovery), '', AT);
    assert.ok(again !== undefined);
    const action = nextAction(again);
    assert.equal(action.kind === 'run' && action.step.id, 'quiet');
    assert.deepEqual(
      again.steps.slice(0, 7).map(({ state }) => state),
      ['done', 'done', 'pending', 'pending', 'pending', 'pending', 'pending'],
    );
    assert.equal(resumed(again, '', AT), undefined, 'nothing failed any more');
  });

  test('a step that waits keeps the time of its first attempt, and its leader’s successor goes on with it', () => {
    const begun = stepBegun(recoveryOf('failover'), 'survey', AT);
    const waiting = stored(stepEnded(begun, 'survey', { kind: 'again', message: 'soon' }, '2026-01-01T00:00:05.000Z'));
    assert.equal(stepBegun(waiting, 'survey', '2026-01-01T00:00:09.000Z'), waiting);
    assert.deepEqual([waiting.steps[0]?.startedAt, waiting.steps[0]?.attempts], [AT, 1]);
    assert.equal(nextAction(waiting).kind, 'run');
  });

  test('it is given up until its point of no return, and a dry run never asks', () => {
    let recovery = recoveryOf('switchover', { confirm: ['stop'] });
    assert.equal(abortFault(recovery), undefined);
    const ordered = abortOrdered(recovery, 'no', AT);
    assert.equal(nextAction(ordered).kind, 'undo');
    for (const late of [stepBegun(ordered, 'survey', AT), askedFor(ordered, 'survey', AT), finished(ordered, AT)]) {
      assert.equal(late, ordered, 'an abort that came between stands');
    }
    const late = stepEnded(stepBegun(recovery, 'survey', AT), 'survey', done, AT);
    assert.equal(
      stepEnded({ ...late, state: 'aborting' }, 'rpo', { kind: 'failed', message: 'x' }, AT).state,
      'aborting',
    );
    assert.equal(aborted(ordered, '', AT).state, 'aborted');
    for (const { id } of recovery.steps) {
      if (id === 'reverse') break;
      recovery = stepEnded(stepBegun(recovery, id, AT), id, done, AT);
    }
    recovery = stepBegun(recovery, 'reverse', AT);
    assert.match(abortFault(recovery) ?? '', /reverse was begun/);
    const failed: StepOutcome = { kind: 'failed', message: 'copied again' };
    assert.match(abortFault(stepEnded(recovery, 'reverse', failed, AT)) ?? '', /reverse was begun/);
    const untouched = stepEnded(recovery, 'reverse', { ...failed, isUntouched: true }, AT);
    assert.equal(abortFault(untouched), undefined, 'it has changed nothing');
    const dry = recoveryOf('switchover', { confirm: ['survey'] }, { dryRun: true });
    assert.equal(nextAction(dry).kind, 'run');
  });

  test('the audit log is bounded, and survives as everything else does', () => {
    let recovery = recoveryOf('failover');
    for (let i = 0; i < 400; i++)
      recovery = stepEnded(stepBegun(recovery, 'survey', AT), 'survey', { kind: 'failed', message: `${i}` }, AT);
    assert.equal(recovery.audit.length, 300);
    assert.deepEqual(stored(recovery), recovery);
  });
});

function checkpoint(changes: Partial<Checkpoint>): Checkpoint {
  return {
    ...{ sourceOffset: 100n, targetOffset: 90n, sourceLeaderEpoch: 0, sourceTopicId: null, targetTopicId: null },
    ...{ timeline: 1, runSourceStart: 0n, runTargetStart: 0n, rulesVersion: 1, released: true },
    lane: { transactionalId: 'x', producerId: 1n, producerEpoch: 0 },
    ...changes,
  };
}

describe('common points and losses', () => {
  const settled = (changes: Partial<Checkpoint>, targetEnd: bigint) =>
    commonPoint({
      ...{ topic: 't', targetTopic: 'u', partition: 0, sourceTopicId: null, targetTopicId: null },
      ...{ checkpoint: checkpoint(changes), targetEnd },
    });

  test('are exact where the lane let go or nothing lies behind its pair, and say so where it was fenced', () => {
    assert.equal(settled({}, 90n).exact, true);
    assert.equal(settled({}, 92n).exact, true, 'markers of a fence');
    assert.equal(settled({ released: false }, 90n).exact, true);
    const fenced = settled({ released: false }, 95n);
    assert.deepEqual([fenced.exact, fenced.source, fenced.pairTarget, fenced.target], [false, 100n, 90n, 95n]);
  });

  test('records that others wrote behind the pair of a lane that let go are on the other side of it: they are copied back', () => {
    const written = settled({}, 95n);
    assert.deepEqual([written.exact, written.target], [true, 90n]);
    assert.deepEqual(reverseStarts([written], 't'), [{ partition: 0, from: 90n }]);
  });

  test('tell what was not drained, which ends moved, and what is lost', () => {
    const point = (partition: number, source: bigint): CommonPoint => ({ ...settled({}, 90n), partition, source });
    const ends = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition, end: partition === 3 ? 0n : 100n }));
    const short = notDrained([point(0, 100n), point(1, 99n)], ends);
    assert.deepEqual(
      short.map(({ partition, copied }) => [partition, copied]),
      [
        [1, '99'],
        [2, '0'],
      ],
    );
    const moved = movedEnds(ends, [
      { topic: 't', partition: 0, end: 100n },
      { topic: 't', partition: 1, end: 101n },
    ]);
    assert.deepEqual(moved, [{ topic: 't', partition: 1, was: '100', is: '101' }]);
    const known = [
      { topic: 't', partition: 1, end: 130n },
      { topic: 't', partition: 0, end: 90n },
    ];
    assert.deepEqual(lostRecords([point(0, 100n), point(1, 99n)], known), [
      { topic: 't', records: 31, partitions: 2, unknown: 0 },
    ]);
    assert.deepEqual(
      lostRecords([point(0, 100n), point(1, 99n), point(2, 5n)], known),
      [{ topic: 't', records: null, partitions: 3, unknown: 1 }],
      'of a partition whose end was never seen any number may be lost',
    );
    const later = latestEnds(known, [
      { topic: 't', partition: 0, end: 95n },
      { topic: 't', partition: 1, end: 120n },
    ]);
    assert.deepEqual(
      later.map(({ partition, end }) => [partition, end]),
      [
        [1, 130n],
        [0, 95n],
      ],
    );
  });

  test('the RPO of what nobody reports on is unknown, never zero', () => {
    const status = (topic: string, partition: number, lagRecords: number, end = 10n) =>
      ({ topic, partition, lagRecords, lagSeconds: lagRecords / 2, sourceEndOffset: end }) as PartitionStatus;
    const statuses = [
      status('a', 0, 3),
      status('a', 1, 4),
      status('b', 0, 0),
      status('c', 0, 1),
      status('d', 1, 1, -1n),
    ];
    const both = new Set([0, 1]);
    const rpo = rpoOf(
      new Map([
        ['a', both],
        ['b', both],
        ['c', undefined],
        ['d', new Set([1])],
      ]),
      statuses,
    );
    assert.deepEqual(
      rpo.topics.map(({ records, seconds, unknown, partitions }) => [records, seconds, unknown, partitions]),
      [
        [7, 2, 0, 2],
        [null, null, 1, 2],
        [null, null, 1, 2],
        [null, null, 1, 1],
      ],
      'also where nobody knows how many there are, or where their source ends',
    );
    assert.deepEqual([rpo.records, rpo.seconds], [null, null]);
    const known = rpoOf(new Map([['a', both]]), statuses);
    assert.deepEqual([known.records, known.seconds], [7, 2]);
    assert.equal(percentile99([]), null);
    assert.equal(percentile99(Array.from({ length: 200 }, (_, i) => i + 1)), 198);
  });
});

describe('the way back', () => {
  test('copies exactly what was copied, under whatever names', () => {
    const plain = routeOf('r');
    assert.ok(isReverse(plain, reverseRouteOf(plain, 'x', ['a', 'b']), ['a', 'b']));
    const renamed = routeOf('r', { naming: { policy: 'default', separator: '.' } });
    const back = reverseRouteOf(renamed, 'x', ['a', 'b']);
    assert.deepEqual([back.source, back.target], ['west', 'east']);
    assert.ok(isReverse(renamed, back, ['a', 'b']));
    assert.ok(!isReverse(renamed, back, ['c']), 'what was not copied is named apart');
    assert.equal(reverseName(reverseName('r')), 'r');
  });

  test('begins at the target’s ends, in a timeline of its own', () => {
    const point = {
      targetTopic: 't',
      pairTarget: 0n,
      source: 0n,
      exact: true,
      sourceTopicId: null,
      targetTopicId: null,
    };
    const points = [1, 0].map((partition) => ({ ...point, topic: 't', partition, target: BigInt(10 + partition) }));
    assert.deepEqual(reverseStarts([...points, { ...points[0], topic: 'u' } as CommonPoint], 't'), [
      { partition: 0, from: 10n },
      { partition: 1, from: 11n },
    ]);
    const before = {
      route: 'r',
      topic: 't',
      sourceTopicId: 'id',
      targetTopic: 't',
      timeline: 3,
      started: [0, 1],
      initialPartitions: 1,
    };
    const breaks = [{ partition: 0, timeline: 5, cause: 'operator' as const, from: 'start' as const, former: 3 }];
    const renewed = renewedProgress({ ...before, breaks, targetTopicId: 'other' }, 2);
    assert.deepEqual(renewed, { ...before, sourceTopicId: null, timeline: 6, started: [], initialPartitions: 2 });
  });
});

describe('stranded records', () => {
  const record = (offset: number, value: string) => ({
    ...{ offset: BigInt(offset), timestamp: 0n, key: null, headers: [], value: Buffer.from(value) },
  });

  test('ranges hold every offset that was added and no other, up to a bound', () => {
    const ranges = new OffsetRanges();
    for (const offset of [5n, 6n, 7n, 9n, 12n, 13n]) ranges.add(offset);
    const { records, ranges: found, truncated } = ranges.of('t', 0);
    assert.deepEqual([records, truncated], [6, false]);
    assert.deepEqual(found, [
      { from: 5n, to: 7n },
      { from: 9n, to: 9n },
      { from: 12n, to: 13n },
    ]);
    const many = new OffsetRanges();
    for (let i = 0n; i < 2_002n; i += 2n) many.add(i);
    const bounded = many.of('t', 0);
    assert.deepEqual([bounded.records, bounded.ranges.length, bounded.truncated], [1_001, 1_000, true]);
  });

  test('copies behind the last pair are found beside their originals, with what was left out in between', () => {
    const source = ['a', 'b', 'x', 'c', 'd'].map((value, i) => record(100 + i, value));
    const crossing = new Crossing([record(7, 'b'), record(8, 'c')], 100n);
    for (const one of source) crossing.take(one);
    assert.deepEqual([crossing.isDone, crossing.position], [true, 104n]);
    const runs = [
      { source: 101n, target: 7n, length: 1n },
      { source: 103n, target: 8n, length: 1n },
    ];
    assert.deepEqual(crossing.runs, runs);
    const lost = new Crossing([record(7, 'b'), record(8, 'z')], 100n);
    for (const one of source) lost.take(one);
    assert.deepEqual([lost.isDone, lost.missing], [false, 1]);
    assert.equal(new Crossing([], 100n).position, 100n);
  });
});

describe('the inverse of an offset map', () => {
  const run = (source: number, target: number, length: number) => {
    return { source: BigInt(source), target: BigInt(target), length: BigInt(length) };
  };
  const indexOf = (chains: readonly MapChain[]): PartitionRuns => {
    const runs = new PartitionRuns(null);
    for (const chain of chains) runs.add(decodeMapValue(encodeMapValue(chain)));
    return runs;
  };

  test('leads from every copy back to its original, and up to where the other direction begins nothing is missing', () => {
    const runs = [run(5, 0, 10), run(20, 10, 5), run(30, 17, 3)];
    const known = indexOf(invertedChains({ runs }, { source: 22n, target: 40n }));
    assert.deepEqual(known.lost, []);
    assert.deepEqual([known.sourceEnd, known.targetEnd], [22, 40]);
    const map = { timeline: 1, runs: known.table, head: { source: 22n, target: 40n } };
    for (const { source, target, length } of runs) {
      for (let i = 0n; i < length; i++)
        assert.deepEqual(translate(map, target + i), { kind: 'exact', offset: source + i });
    }
    assert.deepEqual(translate(map, 15n), { kind: 'hole', offset: 30n, source: 17n });
    assert.deepEqual(translate(map, 21n), { kind: 'head', offset: 40n, behind: 0n }, 'markers at the end');
  });

  test('keeps what was lost lost, and says nothing of what was never copied', () => {
    const lost = [{ source: { from: 10n, to: 14n }, target: { from: 6n, to: 9n }, reason: 'x' }];
    const known = indexOf(invertedChains({ runs: [run(4, 0, 6), run(14, 9, 1)], lost }, { source: 10n, target: 15n }));
    const map = { timeline: 1, runs: known.table, lost: known.lost, head: { source: 10n, target: 15n } };
    assert.equal(translate(map, 7n).kind, 'unknown');
    assert.deepEqual(translate(map, 9n), { kind: 'exact', offset: 14n });
    assert.deepEqual(invertedChains({ runs: [] }, { source: 3n, target: 3n }), []);
  });
});
