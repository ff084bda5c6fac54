import { partitionKey } from '../../../common/model/topic-partition.js';
import { movedEnds } from '../../core/recovery-points.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { sideOf, sourceEnds } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';

/** Rows of evidence about single partitions. */
const MAX_ROWS = 50;
const STOP_PRODUCERS = 'stop the producers, then resume';

/** Nobody writes at the source any more: its log ends, read twice with `stillMs` in between, are the same. */
export const quiet: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    const before = await sourceEnds(context, side);
    await context.world.clock.sleep(context.recovery.options.stillMs, context.signal);
    const moved = movedEnds(before, await sourceEnds(context, side));
    const evidence = { partitions: before.length, moving: moved.length, rows: moved.slice(0, MAX_ROWS) };
    return { kind: 'done', evidence };
  },

  async run(context): Promise<StepOutcome> {
    const { recovery, world, signal, elapsedMs, memo } = context;
    const { stillMs, drainTimeoutMs } = recovery.options;
    const side = await sideOf(context);
    const before = await sourceEnds(context, side);
    await world.clock.sleep(stillMs, signal);
    const ends = await sourceEnds(context, side);
    const moved = movedEnds(before, ends);
    const looks = Number(memo.get('looks') ?? 0) + 1;
    memo.set('looks', looks);
    const evidence = { partitions: ends.length, moving: moved.length, looks, rows: moved.slice(0, MAX_ROWS) };
    if (moved.length === 0) return { kind: 'done', evidence, facts: { ends } };
    const message = `${moved.length} of ${ends.length} source partitions are still written to`;
    if (elapsedMs > drainTimeoutMs) return { kind: 'failed', message: `${message}: ${STOP_PRODUCERS}`, evidence };
    return { kind: 'again', message, evidence };
  },
};

/** Everything that the source has is at the target: the workers' positions have reached the ends that stand still. */
export const drain: StepHandler = {
  look: (context) => measure(context),

  async run(context) {
    const outcome = await measure(context);
    if (outcome.kind !== 'again' || context.elapsedMs <= context.recovery.options.drainTimeoutMs) return outcome;
    return { ...outcome, kind: 'failed', message: `${outcome.message}: see causeway why, then resume` };
  },
};

async function measure(context: StepContext): Promise<StepOutcome> {
  const side = await sideOf(context);
  const ends = side.facts.ends ?? (await sourceEnds(context, side));
  const statuses = await context.world.fleet.statuses(side.from.name);
  const positions = new Map(statuses.map((one) => [partitionKey(one.topic, one.partition), one]));
  let lag = 0n;
  const behind = ends.flatMap(({ topic, partition, end }) => {
    const status = positions.get(partitionKey(topic, partition));
    if (end === 0n || (status !== undefined && status.sourceOffset >= end)) return [];
    const left = status === undefined || status.sourceOffset < 0n ? null : end - status.sourceOffset;
    lag += left ?? 0n;
    const reason = status?.reason?.message ?? (status === undefined ? 'no worker reports on it' : null);
    return [{ topic, partition, left: left === null ? null : Number(left), state: status?.state ?? 'unknown', reason }];
  });
  const evidence = {
    partitions: ends.length,
    behind: behind.length,
    records: Number(lag),
    rows: behind.slice(0, MAX_ROWS),
  };
  if (behind.length === 0 || context.recovery.dryRun) return { kind: 'done', evidence };
  return {
    kind: 'again',
    message: `${behind.length} of ${ends.length} partitions are not copied to their end`,
    evidence,
  };
}
