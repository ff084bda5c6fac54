import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaErrorCode } from '../../common/kafka/wire/error-codes.js';
import { commitOffsets } from '../../common/kafka/wire/operations/commit-offsets.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import type { GroupSyncPolicy, RefuseReason } from '../../common/model/group-sync.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import {
  decide,
  type GroupDecision,
  type GroupPosition,
  type GroupStanding,
  type LogBounds,
  markOf,
  positionOf,
  type SyncOrder,
  type TargetPosition,
} from '../core/group-sync.js';
import { compareText } from '../core/text-order.js';
import type { MarkBook } from './mark-book.js';
import type { GroupSyncResult } from './ports.js';
import type { SourcePosition } from './source-groups.js';
import { committedBy, readBounds, readTargetGroups, type TargetGroups } from './target-groups.js';

/** Groups that are written at a time. */
const MAX_COMMITS = 16;
const NOBODY = { isActive: false, hadMembers: false } as const;

export interface SyncPassOptions {
  readonly client: ClusterClient;
  readonly marks: MarkBook;
  readonly policy: Pick<GroupSyncPolicy, 'beforeMirror'>;
  /** Several source partitions are copied into one of the target. */
  readonly isMerged: boolean;
  /** For what the offset map does not know; undefined: it stays unknown. */
  readonly byTime: (position: SourcePosition) => TargetPosition | undefined;
  readonly order: SyncOrder;
  readonly dryRun: boolean;
  readonly targetName: (group: string) => string;
  /** Written again though unchanged: offsets of groups without members expire one by one. */
  readonly isStale: (targetGroup: string) => boolean;
}

/** One position on its way through a pass. */
interface Case {
  readonly source: SourcePosition;
  readonly targetGroup: string;
  readonly at: GroupPosition;
  decision: GroupDecision;
  detail: string | null;
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
  const names = targetNames(positions, options.targetName);
  const own = positions.filter(({ group }) => names.has(group));
  const wanted = [...new Set(names.values())].sort(compareText);
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
  }
  await clampAll(cases, options);
  if (!options.dryRun) await writeAll(cases, options);
  const taken = positions.filter(({ group }) => !names.has(group));
  return [...cases.map(resultOf), ...taken.map((source) => takenResult(source, options.targetName(source.group)))];
}

/** Of groups that would have the same name at the target, the first in the alphabet has it. */
function targetNames(positions: readonly SourcePosition[], targetName: (group: string) => string): Map<string, string> {
  const groups = [...new Set(positions.map(({ group }) => group))].sort(compareText);
  const takenBy = new Map<string, string>();
  for (const group of groups) {
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
): Case {
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
  return { source, targetGroup, at, decision, detail: null };
}

function wantedOf(
  source: SourcePosition,
  { isMerged, byTime, policy }: SyncPassOptions,
): TargetPosition | RefuseReason {
  if (isMerged) return 'merged';
  const position = positionOf(source.translation, policy);
  return position === 'untranslatable' ? (byTime(source) ?? position) : position;
}

/** What is to be written is bounded by the target's log: the broker takes any number. */
async function clampAll(cases: readonly Case[], { client, order }: SyncPassOptions): Promise<void> {
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

async function writeAll(cases: readonly Case[], options: SyncPassOptions): Promise<void> {
  const byGroup = new Map<string, Case[]>();
  for (const each of cases) {
    const list = byGroup.get(each.targetGroup);
    if (list === undefined) byGroup.set(each.targetGroup, [each]);
    else list.push(each);
  }
  const due = new Map([...byGroup].map(([group, ofGroup]) => [group, dueOf(group, ofGroup, options)]));
  const open = [...due].filter(([, ofGroup]) => ofGroup.length > 0);
  for (let from = 0; from < open.length; from += MAX_COMMITS) {
    const batch = open.slice(from, from + MAX_COMMITS);
    await refuseMoved(batch, options);
    await mapLimited(batch, MAX_COMMITS, async ([group, ofGroup]) => {
      const unmoved = ofGroup.filter(({ decision }) => decision.verdict.kind !== 'refuse');
      if (unmoved.length > 0) await writeGroup(group, unmoved, options);
    });
  }
  const isForeign = ({ decision: { verdict } }: Case): boolean =>
    verdict.kind === 'refuse' && (verdict.reason === 'moved' || verdict.reason === 'not-ours');
  // Perhaps another leader wrote it, whose mark we have not read.
  for (const [group, ofGroup] of byGroup) if (ofGroup.some(isForeign)) options.marks.doubt(group);
}

function dueOf(group: string, ofGroup: readonly Case[], { isStale, marks }: SyncPassOptions): Case[] {
  const stale = isStale(group);
  return ofGroup.filter(({ decision: { verdict }, at, source: { targetTopic, partition } }) => {
    if (verdict.kind === 'write') return true;
    const isKept = verdict.kind === 'keep' && verdict.reason === 'same' && at.mark !== undefined;
    return isKept && (stale || marks.isToBeNoted(group, targetTopic, partition));
  });
}

/**
 * A look right before the write: who joined, committed and left since the first one would be set back. Kafka has no conditional commit; what
 * remains is the time of two requests.
 */
async function refuseMoved(
  batch: readonly (readonly [group: string, cases: readonly Case[]])[],
  { client }: SyncPassOptions,
): Promise<void> {
  const { found, failed } = await groupOffsets(
    client,
    batch.map(([group]) => group),
  );
  for (const [group, cases] of batch) {
    const fault = failed.get(group);
    const now = committedBy(found.get(group));
    for (const each of cases) {
      const { targetTopic, partition } = each.source;
      if (fault !== undefined) fail(each, fault.message);
      else if ((now.get(partitionKey(targetTopic, partition)) ?? null) !== each.at.targetOffset) {
        refuse(each, 'moved', 'it moved just now; the next pass looks again');
      }
    }
  }
}

async function writeGroup(group: string, due: readonly Case[], { client, marks }: SyncPassOptions): Promise<void> {
  try {
    const noted = await marks.note(
      group,
      due.flatMap(({ source: { targetTopic: topic, partition }, at, decision: { position } }) => {
        return position === undefined ? [] : [{ topic, partition, mark: markOf(at, position) }];
      }),
    );
    const codeIn = (codes: ReadonlyMap<string, number>, { source: { targetTopic, partition } }: Case): number =>
      codes.get(partitionKey(targetTopic, partition)) ?? KafkaCode.UNKNOWN_SERVER_ERROR;
    const marked = due.filter((each) => accepted(each, codeIn(noted, each)));
    if (marked.length === 0) return;
    const offsets = marked.flatMap(({ source, decision: { position } }) => {
      const { targetTopic: topic, partition, metadata } = source;
      return position === undefined ? [] : [{ topic, partition, offset: position.offset, metadata }];
    });
    const results = await commitOffsets(client, group, offsets);
    const codes = new Map(results.map((item) => [partitionKey(item.topic, item.partition), item.errorCode]));
    for (const each of marked) {
      const { targetTopic, partition } = each.source;
      if (accepted(each, codeIn(codes, each))) marks.confirm(group, targetTopic, partition);
    }
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    for (const each of due) fail(each, messageOf(error));
  }
}

/** Notes what the broker said against it. */
function accepted(each: Case, code: number): boolean {
  if (code === KafkaCode.NONE) return true;
  const { name } = kafkaErrorCode(code);
  // It has members meanwhile.
  if (code === KafkaCode.UNKNOWN_MEMBER_ID) refuse(each, 'active', `the broker answered ${name}`);
  else fail(each, `the broker answered ${name} (${code})`);
  return false;
}

function fail(each: Case, detail: string): void {
  refuse(each, 'failed', detail);
}

function refuse(each: Case, reason: 'failed' | 'active' | 'moved', detail: string): void {
  each.decision = { ...each.decision, verdict: { kind: 'refuse', reason }, rereads: null };
  each.detail = detail;
}

function resultOf({ source, targetGroup, at, decision, detail }: Case): GroupSyncResult {
  const { group, topic, partition, targetTopic, offset } = source;
  const { verdict, position, rereads } = decision;
  return {
    ...{ group, targetGroup, topic, partition, targetTopic, sourceOffset: offset },
    translated: position?.offset ?? null,
    quality: position?.quality ?? null,
    targetOffset: at.targetOffset,
    ...{ verdict, detail, rereads },
  };
}

function takenResult(source: SourcePosition, targetGroup: string): GroupSyncResult {
  const { group, topic, partition, targetTopic, offset: sourceOffset } = source;
  return {
    ...{ group, targetGroup, topic, partition, targetTopic, sourceOffset },
    ...{ translated: null, quality: null, targetOffset: null, rereads: null },
    verdict: { kind: 'refuse', reason: 'name-taken' },
    detail: null,
  };
}
