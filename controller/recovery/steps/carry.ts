import type { StepOutcome } from '../../core/recovery-state.js';
import { routeOf, sideOf } from '../legs.js';
import type { RangeOrder, RangeTopic, StepContext, StepHandler } from '../ports.js';
import { ensureRoute } from '../way-back.js';

/** What is known of the offsets so far goes to the other cluster, so that positions below the common point can be told there, too. */
export const exportMap: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    return { kind: 'done', evidence: { topics: side.topics.length } };
  },

  async run(context): Promise<StepOutcome> {
    const { world } = context;
    if (world.maps === undefined) return { kind: 'skipped', message: 'offset maps are not kept here' };
    const side = await sideOf(context);
    if (side.to === undefined) return { kind: 'skipped', message: 'there is no route back' };
    const back = await ensureRoute(context, side, side.to);
    const { partitions } = await world.maps.export(side.from, back, side.facts.points ?? [], context.signal);
    return { kind: 'done', evidence: { topics: side.topics.length, partitions } };
  },
};

/** Stranded records are copied beside the topics at the target, for whoever has to look through them. */
export const quarantine: StepHandler = {
  async look(context) {
    const { topics } = await orderOf(context);
    return { kind: 'done', evidence: { topics: topics.length, rows: rowsOf(topics) } };
  },

  async run(context): Promise<StepOutcome> {
    const { world, elapsedMs, recovery } = context;
    const order = await orderOf(context);
    const { topics } = order;
    if (topics.length === 0) return { kind: 'skipped', message: 'no record is stranded' };
    if (world.copier === undefined) return { kind: 'failed', message: 'ranges cannot be copied here' };
    const { copied, isDone } = await world.copier.copy(order);
    const evidence = { job: order.id, topics: topics.length, records: copied, rows: rowsOf(topics) };
    if (isDone) return { kind: 'done', evidence };
    const message = `job ${order.id} copies the stranded records`;
    if (elapsedMs <= recovery.options.drainTimeoutMs) return { kind: 'again', message, evidence };
    return {
      kind: 'failed',
      message: `${message}, and has not finished: see causeway job describe, then resume`,
      evidence,
    };
  },
};

async function orderOf({ recovery, world }: StepContext): Promise<RangeOrder> {
  const route = await routeOf(world, recovery.route);
  const byTopic = new Map<string, { partition: number; from: bigint; to: bigint }[]>();
  for (const { topic, partition, ranges, last } of recovery.facts.out.stranded ?? []) {
    const [first] = ranges;
    if (first === undefined) continue;
    const list = byTopic.get(topic) ?? [];
    byTopic.set(topic, [...list, { partition, from: first.from, to: last + 1n }]);
  }
  const topics = [...byTopic].map(([topic, partitions]) => ({
    ...{ topic, partitions },
    targetTopic: `${topic}${recovery.options.quarantineSuffix}`,
  }));
  return { id: `q-${recovery.id}`, route, topics };
}

function rowsOf(topics: readonly RangeTopic[]) {
  return topics.map(({ topic, targetTopic, partitions }) => ({ topic, targetTopic, partitions: partitions.length }));
}
