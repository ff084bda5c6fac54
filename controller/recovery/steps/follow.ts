import { isCausewayError } from '../../../common/errors/error.js';
import type { RefuseReason } from '../../../common/model/group-sync.js';
import type { Evidence } from '../../../common/model/recovery.js';
import { targetTopicOf } from '../../../common/model/route.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { within } from '../within.js';

const MAX_ROWS = 50;
/** A lag of a cluster that is written to is never quite nothing. */
const CAUGHT_UP_SECONDS = 5;
const GROUPS_TIMEOUT_MS = 60_000;
const MAX_NAMES = 20;
/** Refused for now: the same order may find them otherwise a little later. */
const ORDER_HELPS: ReadonlySet<string> = new Set<RefuseReason>(['active', 'moved', 'failed']);

/** The other direction is being copied: every partition has a worker and runs; and groups are followed in it. */
export const follow: StepHandler = {
  look: () => Promise.resolve({ kind: 'done', evidence: {} }),
  async run(context) {
    const isRunning = (status: Seen): boolean => status?.state === 'running';
    const outcome = await bounded(context, isRunning, 'do not run in the other direction yet');
    if (outcome.kind !== 'done') return outcome;
    return { ...outcome, evidence: { ...outcome.evidence, ...(await groupsFollowed(context)) } };
  },
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

/**
 * Groups stand at the old source where their own consumers left them, which nobody else may move: from now on their positions there are the
 * other direction's to keep. What is ahead there stays, and what has members. Whatever keeps that from being done keeps nothing else.
 */
async function groupsFollowed(context: StepContext): Promise<Evidence> {
  const { world, recovery, signal } = context;
  const side = await sideOf(context);
  const to = side.to === undefined ? undefined : await world.fleet.route(side.to);
  if (!recovery.options.groups || world.groups === undefined || to?.value.groups === undefined) return {};
  const { name } = to.value;
  const topics = side.topics.map((topic) => targetTopicOf(side.from, topic));
  const fix = `causeway groups sync ${name} --takeover`;
  try {
    const { results, failed } = await within(
      context,
      GROUPS_TIMEOUT_MS,
      'taking over the groups’ positions',
      // What was read there beyond the common point is not read again, whatever the route allows its regular sync.
      world.groups.syncNow(name, { takeover: true, allowRewind: false, topics }),
    );
    const followed = new Set(results.filter(({ verdict }) => verdict.kind !== 'refuse').map(({ group }) => group));
    const refused = results.filter(({ verdict }) => ORDER_HELPS.has(verdict.reason)).map(({ group }) => group);
    const left = new Set([...refused, ...failed.keys()]);
    if (left.size === 0) return { groups: followed.size };
    const names = [...left].slice(0, MAX_NAMES).join(', ');
    return { groups: followed.size, groupsLeft: left.size, groupsLeftNames: names, groupsFix: fix };
  } catch (error) {
    if (!isCausewayError(error) || signal.aborted) throw error;
    world.logger.warn('recovery.groups-left', { recovery: recovery.id, route: name, err: error });
    return { groups: 0, groupsFault: `${error.code}: ${error.message}`, groupsFix: fix };
  }
}
