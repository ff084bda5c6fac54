import { isCausewayError } from '../../../common/errors/error.js';
import type { Evidence, EvidenceRow } from '../../../common/model/recovery.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { GroupSyncResult } from '../../groups/ports.js';
import { sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { within } from '../within.js';

const MAX_ROWS = 200;
const MAX_NAMES = 20;
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
  const patienceMs = recovery.kind === 'failover' ? FAILOVER_TIMEOUT_MS : GROUPS_TIMEOUT_MS;
  try {
    const { results, failed } = await within(
      context,
      patienceMs,
      'asking for the groups’ positions',
      world.groups.syncNow(side.from.name, { takeover, dryRun, topics: side.topics }),
    );
    const topics = new Set(side.topics);
    const mine = results.filter(({ topic }) => topics.has(topic));
    const all = leftBehind(mine, failed);
    const unmoved = mine.filter(({ verdict }) => verdict.reason !== 'moved');
    // Nobody waits for a source that is gone, nor for a group that goes on at the target already.
    const left = recovery.kind === 'failover' ? leftBehind(unmoved, new Map()) : all;
    const evidence = { ...groupEvidence(mine), ...all?.evidence };
    if (left === undefined || dryRun) return { kind: 'done', evidence };
    if (context.elapsedMs < patienceMs) return { kind: 'again', message: left.message, evidence };
    if (recovery.options.force) return { kind: 'done', evidence: { ...evidence, passedByForce: left.message } };
    return { kind: 'failed', message: `${left.message}: ${LEFT_FIX}`, evidence };
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

/** What an operator does about groups that were left behind. */
export const LEFT_FIX =
  'see what keeps them, then resume; or order it with force, and they are moved by hand; groups.exclude is for those that are nobody’s';

/** Groups that nothing became of, for whatever reason that may pass; undefined: there are none. */
export function leftBehind(
  results: readonly GroupSyncResult[],
  unasked: ReadonlyMap<string, string>,
): { readonly message: string; readonly evidence: Evidence } | undefined {
  const faults = new Map(unasked);
  for (const { group, verdict, detail } of results) {
    if (verdict.reason === 'failed' || verdict.reason === 'moved') faults.set(group, detail ?? verdict.reason);
  }
  if (faults.size === 0) return undefined;
  const names = [...faults.keys()].slice(0, MAX_NAMES).join(', ');
  const more = faults.size > MAX_NAMES ? ` and ${faults.size - MAX_NAMES} more` : '';
  const [first] = faults.values();
  return {
    message: `the positions of ${faults.size} groups are not at the target: ${names}${more} (${first})`,
    evidence: { groupsLeft: faults.size, groupsLeftNames: `${names}${more}` },
  };
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
      kept: results.filter(({ verdict }) => verdict.reason === 'same').length,
      ahead: results.filter(({ verdict }) => verdict.reason === 'forward-only').length,
      refused: count('refuse'),
      merged: results.filter(({ verdict }) => verdict.reason === 'merged').length,
    },
    ...{ rereads: Number(rereads), unknownRereads: unknown, rows },
  };
}
