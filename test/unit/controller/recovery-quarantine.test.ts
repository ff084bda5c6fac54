import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LegFacts, MAX_STRANDED_RANGES, MAX_STRANDED_RANGES_IN_ALL } from '../../../common/model/recovery.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { quarantine } from '../../../controller/recovery/steps/carry.js';
import { stranded } from '../../../controller/recovery/steps/stranded.js';
import { routeOf } from './kit.js';

/** Two more than have room for all of their ranges. */
const PARTITIONS = MAX_STRANDED_RANGES_IN_ALL / MAX_STRANDED_RANGES + 2;
/** Of transactions of one record each: a marker lies behind every one. */
const OFFSETS = Array.from({ length: MAX_STRANDED_RANGES }, (_, i) => ({ offset: BigInt(100 + 2 * i) }));

function contextOf(out: LegFacts): StepContext {
  return {
    recovery: { id: 'x', route: 'r', topics: ['t'], options: { quarantineSuffix: '.q' }, facts: { out, back: {} } },
    step: { leg: 'out' },
    signal: new AbortController().signal,
    world: {
      fleet: { route: () => Promise.resolve({ value: routeOf('r'), version: 0 }) },
      metadata: { describe: () => Promise.resolve({ clusterId: null, brokers: 1, topics: new Map() }) },
      lens: {
        ends: () => Promise.resolve(new Map()),
        scan: async (_cluster: string, { visit }: { visit: (records: typeof OFFSETS) => boolean }) => visit(OFFSETS),
      },
    },
  } as unknown as StepContext;
}

test('a quarantine gets the stranded records of every partition, though there are more ranges than are kept', async () => {
  const points = Array.from({ length: PARTITIONS }, (_, partition) => ({
    ...{ topic: 't', targetTopic: 't', partition, source: 100n, pairTarget: 0n, target: 0n, exact: true },
    ...{ sourceTopicId: null, targetTopicId: null },
  }));
  const listed = await stranded.run(contextOf({ points }));
  assert.ok(listed.kind === 'done' && listed.facts?.stranded !== undefined);
  const ranges = listed.facts.stranded.reduce((sum, one) => sum + one.ranges.length, 0);
  assert.equal(ranges, MAX_STRANDED_RANGES_IN_ALL + 2, 'one of each beyond the bound');
  const late = listed.facts.stranded.at(-1);
  assert.deepEqual([late?.records, late?.ranges, late?.truncated], [1_000, [{ from: 100n, to: 100n }], true]);
  let ordered: Parameters<NonNullable<StepContext['world']['copier']>['copy']>[0] | undefined;
  const context = contextOf(listed.facts);
  const copier: StepContext['world']['copier'] = {
    copy: async (order) => {
      ordered = order;
      return { copied: PARTITIONS * OFFSETS.length, isDone: true };
    },
  };
  const outcome = await quarantine.run({ ...context, world: { ...context.world, copier } });
  assert.equal(outcome.kind, 'done');
  assert.deepEqual(
    ordered?.topics[0]?.partitions,
    points.map(({ partition }) => ({ partition, from: 100n, to: 2_099n })),
  );
  const looked = await quarantine.look(context);
  assert.deepEqual(looked.kind === 'done' && looked.evidence?.['rows'], [
    { topic: 't', targetTopic: 't.q', partitions: PARTITIONS },
  ]);
});
