import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { topicPath } from '../../../common/coordination/znodes.js';
import { checkpointPlaceOf, transactionalGroup } from '../../../common/model/checkpoint.js';
import type { PartitionMapping } from '../../../common/model/record-rules.js';
import type { Recovery, RecoveryAct, RecoveryKind } from '../../../common/model/recovery.js';
import { programOf } from '../../../controller/core/recovery-program.js';
import {
  abortFault,
  abortOrdered,
  resumed,
  type StepOutcome,
  stepBegun,
  stepEnded,
} from '../../../controller/core/recovery-state.js';
import { routeOf } from './kit.js';
import { AT, pairOf, RecoveryBed } from './recovery-bed.js';

const OPTIONS: Recovery['options'] = {
  ...{ confirm: [], fencePrincipals: [], stillMs: 100, drainTimeoutMs: 1_000, stopTimeoutMs: 1_000 },
  ...{ force: false, reverseCopy: true, switchBack: false, quarantineSuffix: '', readOnlySource: false, groups: true },
  sampleRecords: 1,
};
const ID = 'planned-1';
const TOPICS = ['t', 'u'];
const DONE: StepOutcome = { kind: 'done' };
/** As far as what is copied by whom goes. */
const REAL = ['stop', 'settle', 'reverse'] as const satisfies readonly RecoveryAct[];

/** A program about to do `step`; partition 0 of each topic was copied to its end at 1,000. */
function bedAt(kind: RecoveryKind, step: string, options: Partial<Recovery['options']> = {}): RecoveryBed {
  const whole = { ...OPTIONS, ...options };
  const ends = TOPICS.map((topic) => ({ topic, partition: 0, end: 1_000n }));
  const points = TOPICS.map((topic) => ({
    ...{ topic, targetTopic: topic, partition: 0, source: 1_000n, pairTarget: 1_000n, target: 1_000n, exact: true },
    ...{ sourceTopicId: null, targetTopicId: null },
  }));
  const isSettled = step === 'reverse';
  let recovery: Recovery = {
    ...{ id: ID, kind, route: 'r', reverse: 'back', topics: TOPICS, asked: [], options: whole, dryRun: false },
    ...{ state: 'running', createdAt: AT, updatedAt: AT, steps: programOf(kind, whole, []), confirmed: [], audit: [] },
    facts: { out: { ends, ...(isSettled ? { points } : {}) }, back: {} },
  };
  for (const { id } of recovery.steps) {
    if (id === step) break;
    recovery = stepEnded(stepBegun(recovery, id, AT), id, DONE, AT);
  }
  const bed = new RecoveryBed(recovery, [routeOf('r')]);
  for (const topic of TOPICS) {
    for (const cluster of ['east', 'west']) {
      bed.partitions[cluster] = { ...bed.partitions[cluster], [topic]: 1 };
      bed.ends.set(`${cluster}/${topic}-0`, 1_000n);
    }
    bed.progress('r', topic, topic, [0]);
    bed.copied(topic, 1_000);
    bed.add('r', topic, ID);
  }
  return bed;
}

const isCopied = (bed: RecoveryBed, topic: string, route = 'r'): boolean => {
  const entry = bed.entry(route, topic);
  return entry !== undefined && entry.retired === undefined;
};
const stepIn = ({ recovery }: RecoveryBed, id: string) => recovery.steps.find((step) => step.id === id);
const resume = (bed: RecoveryBed): void => bed.change((recovery) => resumed(recovery, '', AT));

describe('settling', () => {
  for (const kind of ['cutover', 'switchover'] as const) {
    test(`${kind}: a leader that dies once it let the topics go on leaves nothing settled that is being copied`, async () => {
      const bed = bedAt(kind, 'settle', { reverseCopy: kind === 'switchover' });
      bed.copied('t', 900);
      // Everything but what became of the step was written.
      bed.dies = ([op]) => op?.path === '/recoveries/planned-1' && isCopied(bed, 't');
      await assert.rejects(bed.lead(REAL), { code: 'EPOCH_LOST' });
      bed.dies = () => false;
      assert.deepEqual([stepIn(bed, 'settle')?.state, isCopied(bed, 't')], ['running', true]);
      bed.copied('t', 1_000);
      await bed.lead(REAL);
      assert.deepEqual(bed.ran, ['settle', 'settle'], 'it does not come to the groups');
      assert.equal(bed.recovery.state, 'failed');
      assert.match(stepIn(bed, 'settle')?.message ?? '', /^2 topics are copied again: resume stops them once more/);
      resume(bed);
      await bed.lead(REAL);
      assert.deepEqual(bed.ran.slice(2, 6), ['quiet', 'drain', 'stop', 'settle']);
      assert.equal(bed.recovery.state, 'done');
      assert.ok(TOPICS.every((topic) => !isCopied(bed, topic)));
    });
  }

  test('topics that an operator added anew are stopped with the others; a failover does not wait for its source', async () => {
    const planned = bedAt('switchover', 'settle');
    planned.add('r', 'u');
    await planned.lead(REAL);
    assert.equal(stepIn(planned, 'quiet')?.state, 'pending');
    assert.ok(isCopied(planned, 't'), 'what nobody copies could not be drained');
    const lost = bedAt('failover', 'settle');
    lost.add('r', 'u');
    await lost.lead(REAL);
    assert.deepEqual([lost.recovery.state, isCopied(lost, 't')], ['failed', false]);
    resume(lost);
    await lost.lead(REAL);
    assert.deepEqual(lost.ran.slice(1, 3), ['stop', 'settle']);
    assert.equal(lost.recovery.state, 'done');
    assert.ok(!isCopied(lost, 'u'));
  });
});

describe('the reverse', () => {
  test('waits for an operator where a topic is copied again, and has written nothing: it may be given up, too', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.add('r', 'u');
    await bed.lead(REAL);
    const { state, message } = stepIn(bed, 'reverse') ?? assert.fail();
    assert.equal(state, 'failed');
    assert.match(message ?? '', /^topic u is copied by route r again \(remove it there, then resume: it is left out\)/);
    assert.match(message ?? '', /Nothing is copied back yet: it may be aborted, too/);
    assert.deepEqual([bed.entry('back', 't'), bed.entry('back', 'u')], [undefined, undefined]);
    assert.equal(abortFault(bed.recovery), undefined);
    resume(bed);
    assert.equal(abortFault(bed.recovery), undefined, 'nor is it too late when it was resumed');
  });

  test('keeps the common points it has: producers that are at the other cluster already have moved its ends', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.add('r', 'u');
    await bed.lead(REAL);
    bed.ends.set('west/t-0', 1_500n);
    bed.ends.set('east/t-0', 1_001n);
    bed.remove('r', 'u');
    resume(bed);
    await bed.lead(REAL);
    assert.deepEqual(bed.ran.slice(0, 2), ['reverse', 'reverse']);
    assert.equal(bed.recovery.state, 'done');
    assert.deepEqual(bed.entry('back', 't')?.starts, [{ partition: 0, from: 1_000n }]);
    assert.deepEqual(bed.recovery.topics, ['t'], 'what was removed is left out from here on');
    assert.ok(!isCopied(bed, 't') && bed.entry('back', 'u') === undefined);
  });

  test('that was begun by a leader that died is none that changed nothing', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.dies = (ops) => ops.some(({ path }) => path === topicPath('back', 'u'));
    await assert.rejects(bed.lead(REAL), { code: 'EPOCH_LOST' });
    assert.match(abortFault(bed.recovery) ?? '', /reverse was begun/);
  });

  test('given up where it changed nothing has the others copied again', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.add('r', 'u');
    await bed.lead(REAL);
    bed.remove('r', 'u');
    bed.change((recovery) => abortOrdered(recovery, '', AT));
    await bed.lead(REAL);
    assert.match(bed.recovery.audit.at(-1)?.detail ?? '', /stop: 1 topics are copied again/);
    assert.deepEqual([bed.recovery.state, isCopied(bed, 't')], ['aborted', true]);
  });

  test('that has begun with some topics is not taken back: one that is copied again is left out once it is removed', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.dies = (ops) => ops.some(({ path }) => path === topicPath('back', 'u'));
    await assert.rejects(bed.lead(REAL), { code: 'EPOCH_LOST' });
    bed.dies = () => false;
    assert.ok(isCopied(bed, 't', 'back'));
    bed.add('r', 'u');
    await bed.lead(REAL);
    const message = stepIn(bed, 'reverse')?.message ?? '';
    assert.match(message, /^topic u is copied by route r again \(remove it there, then resume: it is left out\)/);
    assert.match(abortFault(bed.recovery) ?? '', /reverse was begun/);
    bed.remove('r', 'u');
    resume(bed);
    await bed.lead(REAL);
    assert.equal(bed.recovery.state, 'done');
    assert.deepEqual(
      bed.recovery.facts.out.points?.map(({ topic }) => topic),
      ['t'],
      'nobody waits for what is left out',
    );
  });

  test('is not written for a topic that an operator added anew in that moment', async () => {
    const bed = bedAt('switchover', 'reverse');
    bed.before = (ops) => {
      if (ops.some(({ path }) => path === topicPath('back', 't')) && !isCopied(bed, 't')) bed.add('r', 't');
    };
    await bed.lead(REAL);
    assert.match(
      stepIn(bed, 'reverse')?.message ?? '',
      /^topic t is copied by route r again .* Nothing is copied back yet/,
    );
    assert.equal(bed.entry('back', 't'), undefined);
  });
});

describe('settling where source partitions share those of the target', () => {
  const NAMING = { policy: 'regex', match: '[ab]', replacement: 'm', otherwise: { policy: 'identity' } } as const;

  /** All of every topic is copied, up to 100 in each partition; nobody can ask the source's cluster but for log ends. */
  function mergedBed(kind: RecoveryKind, mapping: PartitionMapping, sizes: Readonly<Record<string, number>>) {
    const topics = Object.keys(sizes);
    const route = routeOf('r', { naming: NAMING, partitionMapping: mapping, delivery: 'transactional' });
    const ends = topics.flatMap((topic) =>
      Array.from({ length: sizes[topic] ?? 0 }, (_, partition) => ({ topic, partition, end: 100n })),
    );
    const options = { ...OPTIONS, reverseCopy: false };
    let recovery: Recovery = {
      ...{ id: ID, kind, route: 'r', topics, asked: [], options, dryRun: false },
      ...{ state: 'running', createdAt: AT, updatedAt: AT, steps: programOf(kind, options, []), confirmed: [] },
      ...{ facts: { out: kind === 'failover' ? { known: ends } : { ends }, back: {} }, audit: [] },
    };
    for (const { id } of recovery.steps) {
      if (id === 'settle') break;
      recovery = stepEnded(stepBegun(recovery, id, AT), id, DONE, AT);
    }
    const bed = new RecoveryBed(recovery, [route]);
    for (const topic of topics) {
      bed.add('r', topic, ID);
      bed.progress('r', topic, 'm', [...Array(sizes[topic]).keys()]);
    }
    for (const { topic, partition, end } of ends) {
      bed.ends.set(`east/${topic}-${partition}`, end);
      const place = checkpointPlaceOf({ route: 'r', topic, partition, targetTopic: 'm', timeline: 1 }, route);
      bed.ends.set(`west/m-${place.partition}`, 210n);
      bed.pairs.set(`${transactionalGroup(place)} m-${place.partition}`, pairOf(100, 205));
    }
    if (kind !== 'failover') bed.partitions['east'] = sizes;
    const widest = Math.max(...Object.values(sizes));
    bed.partitions['west'] = { m: mapping.to === 'modulo' ? mapping.partitions : widest };
    return bed;
  }

  const pointsOf = ({ recovery }: RecoveryBed): readonly string[] =>
    recovery.facts.out.points?.map(({ topic, partition, source }) => `${topic}-${partition} ${source}`) ?? [];

  test('a merge finds each source’s own pair: what is copied to its end is settled', async () => {
    const bed = mergedBed('cutover', { to: 'merge' }, { a: 3, b: 2 });
    await bed.lead(REAL);
    assert.equal(bed.recovery.state, 'done', stepIn(bed, 'settle')?.message);
    assert.deepEqual(pointsOf(bed), ['a-0 100', 'a-1 100', 'a-2 100', 'b-0 100', 'b-1 100']);
    assert.equal(bed.asked.size, 2);
    for (const group of bed.asked) assert.match(group, /^causeway\.r\.txn\.s[0-9a-f]{16}$/);
  });

  test('folded partitions each have a point, and one that is short is found', async () => {
    const bed = mergedBed('cutover', { to: 'modulo', partitions: 4 }, { a: 8 });
    await bed.lead(REAL);
    assert.equal(bed.recovery.state, 'done', stepIn(bed, 'settle')?.message);
    assert.deepEqual(
      pointsOf(bed),
      [0, 1, 2, 3, 4, 5, 6, 7].map((partition) => `a-${partition} 100`),
    );
    const late = mergedBed('cutover', { to: 'modulo', partitions: 4 }, { a: 8 });
    const place = { route: 'r', targetTopic: 'm', partition: 2, timeline: 1, source: 'a/1' };
    late.pairs.set(`${transactionalGroup(place)} m-2`, pairOf(99, 204));
    await late.lead(REAL);
    const { message, evidence } = stepIn(late, 'settle') ?? assert.fail();
    assert.match(message ?? '', /^1 partitions stopped before their end/);
    assert.deepEqual(evidence?.['rows'], [{ topic: 'a', partition: 6, copied: '99', end: '100' }]);
  });

  test('a failover loses nothing of what was copied, and says what it knows to be missing', async () => {
    const bed = mergedBed('failover', { to: 'merge' }, { a: 3, b: 3 });
    await bed.lead(REAL);
    assert.equal(stepIn(bed, 'settle')?.evidence?.['lostRecords'], 0);
    assert.equal(stepIn(bed, 'settle')?.evidence?.['partitions'], 6);
    const lost = mergedBed('failover', { to: 'modulo', partitions: 2 }, { a: 3 });
    lost.change((recovery) => {
      const known = [...(recovery.facts.out.known ?? []), { topic: 'a', partition: 3, end: 7n }];
      return { ...recovery, facts: { ...recovery.facts, out: { known } } };
    });
    await lost.lead(REAL);
    assert.equal(stepIn(lost, 'settle')?.evidence?.['lostRecords'], 7, 'of a partition that nobody had begun');
  });
});
