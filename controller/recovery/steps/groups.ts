import { isCausewayError } from '../../../common/errors/error.js';
import type { EvidenceRow } from '../../../common/model/recovery.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { GroupSyncResult } from '../../groups/ports.js';
import { sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { within } from '../within.js';

const MAX_ROWS = 200;
const GROUPS_TIMEOUT_MS = 60_000;
/** A source that is gone is not waited for. */
const FAILOVER_TIMEOUT_MS = 15_000;

/** Positions of consumer groups move to the target, whatever stood there; groups with members at the target are never written. */
export const groups: StepHandler = {
  look: (context) => move(context, true),
  run: (context) => move(context, false),
};

async function move(context: StepContext, dryRun: boolean): Promise<StepOutcome> {
  const { world, recovery } = context;
  if (world.groups === undefined) return { kind: 'skipped', message: 'group positions are not kept here' };
  const side = await sideOf(context);
  const takeover = recovery.kind !== 'drill';
  try {
    const results = await within(
      context,
      recovery.kind === 'failover' ? FAILOVER_TIMEOUT_MS : GROUPS_TIMEOUT_MS,
      'asking for the groups’ positions',
      world.groups.syncNow(side.from.name, { takeover, dryRun }),
    );
    const topics = new Set(side.topics);
    const mine = results.filter(({ topic }) => topics.has(topic));
    const evidence = groupEvidence(mine);
    const failed = mine.filter(({ verdict }) => verdict.kind === 'refuse' && verdict.reason === 'failed').length;
    if (failed === 0 || dryRun) return { kind: 'done', evidence };
    const message = `${failed} positions could not be written`;
    if (context.elapsedMs < GROUPS_TIMEOUT_MS) return { kind: 'again', message, evidence };
    return { kind: 'failed', message: `${message}: see the rows, then resume`, evidence };
  } catch (error) {
    // A source that is gone tells nothing more: what was moved while it was there stands.
    const isGone = recovery.kind === 'failover' && isCausewayError(error) && error.info.retryable;
    if (!isGone) throw error;
    const last = world.groups.latest(side.from.name);
    const message = `the source does not tell its groups’ positions any more: those of the last sync stand (${error.message})`;
    if (last === undefined) return { kind: 'skipped', message };
    const asOf = new Date(last.atMs).toISOString();
    const mine = last.results.filter(({ topic }) => side.topics.includes(topic));
    return { kind: 'skipped', message, evidence: { asOf, ...groupEvidence(mine) } };
  }
}

export function groupEvidence(results: readonly GroupSyncResult[]) {
  const count = (kind: GroupSyncResult['verdict']['kind']): number =>
    results.filter(({ verdict }) => verdict.kind === kind).length;
  const rereads = results.reduce((sum, one) => sum + (one.rereads ?? 0n), 0n);
  const unknown = results.filter((one) => one.rereads === null).length;
  const rows: readonly EvidenceRow[] = results.slice(0, MAX_ROWS).map((one) => ({
    ...{ group: one.targetGroup, topic: one.topic, partition: one.partition },
    ...{ source: String(one.sourceOffset), target: one.translated === null ? null : String(one.translated) },
    ...{ quality: one.quality, verdict: one.verdict.kind, reason: one.verdict.reason },
    rereads: one.rereads === null ? null : Number(one.rereads),
  }));
  const names = new Set(results.map(({ group }) => group)).size;
  return {
    ...{
      groups: names,
      positions: results.length,
      written: count('write'),
      kept: count('keep'),
      refused: count('refuse'),
    },
    ...{ rereads: Number(rereads), unknownRereads: unknown, rows },
  };
}
