import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaErrorCode } from '../../common/kafka/wire/error-codes.js';
import { commitOffsets } from '../../common/kafka/wire/operations/commit-offsets.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { markOf, type SyncOrder } from '../core/group-sync.js';
import type { MarkBook } from './mark-book.js';
import { fail, refuse, type SyncCase } from './sync-case.js';
import { committedBy } from './target-groups.js';

/** Groups that are written at a time. */
const MAX_COMMITS = 16;

export interface SyncWriteOptions {
  readonly client: ClusterClient;
  readonly marks: MarkBook;
  readonly order: SyncOrder;
  /** Written again though unchanged: offsets of groups without members expire one by one. */
  readonly isStale: (targetGroup: string) => boolean;
}

/** Writes what is decided, or due to be written again, group by group. */
export async function writeAll(cases: readonly SyncCase[], options: SyncWriteOptions): Promise<void> {
  const byGroup = new Map<string, SyncCase[]>();
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
  const isForeign = ({ decision: { verdict } }: SyncCase): boolean =>
    verdict.kind === 'refuse' && (verdict.reason === 'moved' || verdict.reason === 'not-ours');
  // Perhaps another leader wrote it, whose mark we have not read.
  for (const [group, ofGroup] of byGroup) if (ofGroup.some(isForeign)) options.marks.doubt(group);
}

function dueOf(group: string, ofGroup: readonly SyncCase[], { isStale, marks, order }: SyncWriteOptions): SyncCase[] {
  const stale = isStale(group);
  return ofGroup.filter(({ decision: { verdict }, at, source: { targetTopic, partition } }) => {
    if (verdict.kind === 'write') return true;
    if (verdict.kind !== 'keep' || verdict.reason !== 'same') return false;
    // Taken over where it is: without a mark it would be somebody else's again in the next pass.
    if (order.takeover && at.mark?.offset !== at.targetOffset) return true;
    return at.mark !== undefined && (stale || marks.isToBeNoted(group, targetTopic, partition));
  });
}

/**
 * A look right before the write: who joined, committed and left since the first one would be set back. Kafka has no conditional commit; what
 * remains is the time of two requests.
 */
async function refuseMoved(
  batch: readonly (readonly [group: string, cases: readonly SyncCase[]])[],
  { client }: SyncWriteOptions,
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

async function writeGroup(group: string, due: readonly SyncCase[], { client, marks }: SyncWriteOptions): Promise<void> {
  try {
    const noted = await marks.note(
      group,
      due.flatMap(({ source: { targetTopic: topic, partition }, at, decision: { position } }) => {
        return position === undefined ? [] : [{ topic, partition, mark: markOf(at, position) }];
      }),
    );
    const codeIn = (codes: ReadonlyMap<string, number>, { source: { targetTopic, partition } }: SyncCase): number =>
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
function accepted(each: SyncCase, code: number): boolean {
  if (code === KafkaCode.NONE) return true;
  const { name } = kafkaErrorCode(code);
  // It has members meanwhile.
  if (code === KafkaCode.UNKNOWN_MEMBER_ID) refuse(each, 'active', `the broker answered ${name}`);
  else fail(each, `the broker answered ${name} (${code})`);
  return false;
}
