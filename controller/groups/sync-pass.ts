import type { GroupSyncPolicy, RefuseReason } from '../../common/model/group-sync.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import {
  decide,
  type GroupPosition,
  type GroupStanding,
  type LogBounds,
  positionOf,
  type TargetPosition,
} from '../core/group-sync.js';
import { compareText } from '../core/text-order.js';
import type { GroupSyncResult } from './ports.js';
import type { SourcePosition } from './source-groups.js';
import { fail, resultOf, type SyncCase, takenResult } from './sync-case.js';
import { type SyncWriteOptions, writeAll } from './sync-writes.js';
import { readBounds, readTargetGroups, type TargetGroups } from './target-groups.js';

const NOBODY = { isActive: false, hadMembers: false } as const;

export interface SyncPassOptions extends SyncWriteOptions {
  readonly policy: Pick<GroupSyncPolicy, 'beforeMirror'>;
  /** For what the offset map does not know; undefined: it stays unknown. */
  readonly byTime: (position: SourcePosition) => TargetPosition | undefined;
  readonly dryRun: boolean;
  readonly targetName: (group: string) => string;
  /** Others have been read for the sake of their names only. */
  readonly isMeant: (group: string) => boolean;
  /** Groups of the source that could not be asked: they have their names all the same. */
  readonly unread: readonly string[];
}

/**
 * Brings the positions of a route's groups to the target once: asks for all groups together, decides each partition, writes group by group.
 * Whatever concerns one group stays with it.
 * @throws when the target cannot be asked at all
 */
export async function runSyncPass(
  positions: readonly SourcePosition[],
  options: SyncPassOptions,
): Promise<readonly GroupSyncResult[]> {
  if (positions.length === 0) return [];
  const groups = new Set([...positions.map(({ group }) => group), ...options.unread]);
  const names = targetNames(groups, options.targetName);
  const meant = positions.filter(({ group }) => options.isMeant(group));
  const own = meant.filter(({ group }) => names.has(group));
  const wanted = [...new Set(own.map(({ group }) => names.get(group) as string))].sort(compareText);
  const unmarked = await options.marks.follow(wanted);
  const target = await readTargetGroups(options.client, wanted);
  const standings = new Map(
    wanted.map((group) => [group, options.marks.standing(group, target.offsets.get(group))] as const),
  );
  const cases = own.map((source) => {
    const group = names.get(source.group) as string;
    return caseOf(source, group, { target, options, standing: standings.get(group) ?? 'unwritten' });
  });
  for (const each of cases) {
    const fault = target.failed.get(each.targetGroup);
    if (fault !== undefined) fail(each, fault.message);
    else if (unmarked.has(each.targetGroup)) fail(each, 'what was written before cannot be read now');
    else if (each.source.fault !== undefined) fail(each, each.source.fault.message);
  }
  await clampAll(cases, options);
  if (!options.dryRun) await writeAll(cases, options);
  const taken = meant.filter(({ group }) => !names.has(group));
  return [...cases.map(resultOf), ...taken.map((source) => takenResult(source, options.targetName(source.group)))];
}

/** Of groups that would have the same name at the target, the first in the alphabet has it. */
function targetNames(groups: Iterable<string>, targetName: (group: string) => string): Map<string, string> {
  const takenBy = new Map<string, string>();
  for (const group of [...groups].sort(compareText)) {
    const name = targetName(group);
    if (!takenBy.has(name)) takenBy.set(name, group);
  }
  return new Map([...takenBy].map(([name, group]) => [group, name]));
}

function caseOf(
  source: SourcePosition,
  targetGroup: string,
  {
    target,
    options,
    standing,
  }: { readonly target: TargetGroups; readonly options: SyncPassOptions; readonly standing: GroupStanding },
): SyncCase {
  const { targetTopic, partition, translation, map } = source;
  const offsets = target.offsets.get(targetGroup);
  const targetOffset = offsets?.get(partitionKey(targetTopic, partition)) ?? null;
  const { marks } = options;
  if (targetOffset !== null && marks.of(targetGroup, targetTopic, partition)?.offset === targetOffset) {
    marks.confirm(targetGroup, targetTopic, partition);
  }
  const at: GroupPosition = {
    sourceOffset: source.offset,
    translation,
    timeline: map?.timeline ?? 0,
    group: target.groups.get(targetGroup) ?? NOBODY,
    standing,
    targetOffset,
    mark: marks.of(targetGroup, targetTopic, partition),
  };
  const decision = decide(at, wantedOf(source, options), options.order);
  return { source, targetGroup, at, decision, detail: source.shared ?? null };
}

function wantedOf(source: SourcePosition, { byTime, policy }: SyncPassOptions): TargetPosition | RefuseReason {
  if (source.shared !== undefined) return 'merged';
  const position = positionOf(source.translation, policy);
  return position === 'untranslatable' ? (byTime(source) ?? position) : position;
}

/** What is to be written is bounded by the target's log: the broker takes any number. */
async function clampAll(cases: readonly SyncCase[], { client, order }: SyncPassOptions): Promise<void> {
  const writes = cases.filter(({ decision }) => decision.verdict.kind === 'write');
  if (writes.length === 0) return;
  const places = new Map(
    writes.map(({ source: { targetTopic: topic, partition } }) => [
      partitionKey(topic, partition),
      { topic, partition },
    ]),
  );
  const bounds = await readBounds(client, [...places.values()]);
  for (const each of writes) {
    const { targetTopic, partition } = each.source;
    const known: LogBounds | undefined = bounds.get(partitionKey(targetTopic, partition));
    if (known === undefined) fail(each, 'the target partition’s log could not be asked for its start and end');
    else if (each.decision.position !== undefined) {
      each.decision = decide(each.at, each.decision.position, order, known);
    }
  }
}
