import { targetTopicOf } from '../../../common/model/route.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';

const MAX_ROWS = 50;
/** A lag of a cluster that is written to is never quite nothing. */
const CAUGHT_UP_SECONDS = 5;

/** The other direction is being copied: every partition has a worker and runs. */
export const follow: StepHandler = {
  look: () => Promise.resolve({ kind: 'done', evidence: {} }),
  run: (context) => bounded(context, (status) => status?.state === 'running', 'do not run in the other direction yet'),
};

/** The other cluster has got what it lacked, up to the lag of ordinary copying. */
export const catchUp: StepHandler = {
  look: () => Promise.resolve({ kind: 'done', evidence: {} }),
  run: (context) =>
    bounded(
      context,
      (status) => status?.state === 'running' && status.lagSeconds >= 0 && status.lagSeconds <= CAUGHT_UP_SECONDS,
      'have not caught up yet',
    ),
};

type Seen = Awaited<ReturnType<StepContext['world']['fleet']['statuses']>>[number] | undefined;

async function bounded(context: StepContext, isThere: (status: Seen) => boolean, what: string): Promise<StepOutcome> {
  const side = await sideOf(context);
  const { world, elapsedMs, recovery } = context;
  const statuses = await world.fleet.statuses(side.to ?? '');
  const found = new Map(statuses.map((one) => [partitionKey(one.topic, one.partition), one]));
  const points = side.facts.points ?? [];
  const waiting = points.flatMap((point) => {
    const topic = targetTopicOf(side.from, point.topic);
    const status = found.get(partitionKey(topic, point.partition));
    if (isThere(status)) return [];
    const reason = status?.reason?.message ?? null;
    const lag = status === undefined || status.lagRecords < 0 ? null : status.lagRecords;
    return [{ topic, partition: point.partition, state: status?.state ?? 'unassigned', lag, reason }];
  });
  const lag = statuses.reduce((sum, { lagRecords }) => sum + Math.max(0, lagRecords), 0);
  const evidence = {
    ...{ route: side.to ?? '-', partitions: points.length, waiting: waiting.length, lagRecords: lag },
    rows: waiting.slice(0, MAX_ROWS),
  };
  if (waiting.length === 0) return { kind: 'done', evidence };
  const message = `${waiting.length} of ${points.length} partitions ${what}`;
  if (elapsedMs <= recovery.options.drainTimeoutMs) return { kind: 'again', message, evidence };
  return { kind: 'failed', message: `${message}: see causeway why on route ${side.to}, then resume`, evidence };
}
