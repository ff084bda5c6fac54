import { CausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { CONTROL_BIT } from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { RecordCursor } from '../../common/kafka/wire/records/record-cursor.js';
import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import { gapTopic } from '../../common/model/gap.js';
import { MAX_SKIPPED_RANGES, type SkippedRange, SkipSet } from '../core/skip-set.js';
import { type DeclaredGap, parseGapRecord } from '../gap/declared-gap.js';
import { openBatch } from './batch-content.js';
import { logBounds } from './log-bounds.js';
import type { LogPlace } from './log-place.js';
import { LogReader, type ReadingDeps } from './log-reader.js';

/** A partition whose declared gaps are wanted. */
export type SkipQuestion = Pick<
  AssignmentItem,
  'route' | 'topic' | 'partition' | 'targetTopic' | 'timeline' | 'sourceTopicId'
>;

/** Gap records all lie in one partition: their order is that of the declarations. */
const GAP_PARTITION = 0;

/**
 * What the fleet's gap topic declares of these partitions on their present timelines, by `refKey`: one reading for all of them, to its end
 * as of now. A partition of which nothing was declared is left out.
 * @throws CLUSTER_UNREACHABLE and the like, KAFKA_AUTH_FAILED, SHUTTING_DOWN; TooManyGaps
 */
export async function readDeclaredSkips(
  client: ClusterClient,
  fleet: string,
  questions: readonly SkipQuestion[],
  deps: ReadingDeps,
): Promise<Map<string, SkipSet>> {
  const topic = gapTopic(fleet);
  if (questions.length === 0 || !(await exists(client, topic))) return new Map();
  await loadCodecs();
  const place: LogPlace = {
    role: 'target',
    client,
    topic,
    topicId: null,
    partition: GAP_PARTITION,
    isolation: 'read_uncommitted',
  };
  const { start, end } = await logBounds({ ...place, client }, deps);
  const declared = new DeclaredByKey(questions);
  const reader = new LogReader(place, deps, { from: start, end });
  try {
    for (;;) {
      while (reader.take()) declared.take(reader.batch);
      const state = await reader.fill();
      if (state === 'ended') break;
      if (state === 'more') continue;
      // Compaction never takes a record that has no successor: what is gone was said again.
      throw new CausewayError('KAFKA_ERROR', `the gap topic could not be read to its end (${state})`, {
        place: { cluster: client.cluster.name, topic },
      });
    }
  } finally {
    reader.close();
  }
  return declared.result();
}

/**
 * The declared gaps of many partitions, or for each the reason why they are not known. Too much for one reading is read by halves, so that
 * it costs a few readings, and the fault in the end is that of the partitions whose own gaps are too many.
 * @param read as `readDeclaredSkips`
 */
export async function readSkipsOfMany(
  questions: readonly SkipQuestion[],
  read: (questions: readonly SkipQuestion[]) => Promise<ReadonlyMap<string, SkipSet>>,
): Promise<(SkipSet | CausewayError)[]> {
  try {
    const declared = await read(questions);
    return questions.map((question) => declared.get(refKey(question)) ?? SkipSet.none);
  } catch (error) {
    if (!(error instanceof TooManyGaps)) throw error;
    if (questions.length === 1) return [error];
    const middle = questions.length >> 1;
    // One after the other: each may hold as much as one reading may.
    const first = await readSkipsOfMany(questions.slice(0, middle), read);
    return [...first, ...(await readSkipsOfMany(questions.slice(middle), read))];
  }
}

/** More is declared of the partitions of one reading than it holds. */
export class TooManyGaps extends CausewayError {
  constructor({ route, topic, partition }: Pick<DeclaredGap, 'route' | 'topic' | 'partition'>) {
    super('BATCH_UNSUPPORTED', `more than ${MAX_SKIPPED_RANGES} gaps are declared`, {
      place: { route, topic, partition },
      fix: 'What of it was copied cannot be told any more: have it copied anew ("causeway topic resolve --action restart").',
    });
  }
}

/** A target without a gap topic has no gaps; one whose leader is away has to be waited for. */
async function exists(client: ClusterClient, topic: string): Promise<boolean> {
  const found = (await client.metadata([topic])).topics.get(topic);
  return found !== undefined && found.errorCode !== KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
}

/** The latest declaration of each key, as the compacted topic has it. */
class DeclaredByKey {
  readonly #questions: ReadonlyMap<string, SkipQuestion>;
  readonly #ranges = new Map<string, { readonly of: string; readonly range: SkippedRange }>();
  readonly #record = new RecordCursor();

  constructor(questions: readonly SkipQuestion[]) {
    this.#questions = new Map(questions.map((question) => [refKey(question), question]));
  }

  take(batch: BatchView): void {
    if ((batch.attributes & CONTROL_BIT) !== 0 || batch.recordCount === 0) return;
    const { buffer, start, end, count } = openBatch(batch);
    const record = this.#record.reset(buffer, start, end, count);
    while (record.next()) {
      if (record.keyLength < 0) continue;
      const key = buffer.toString('utf8', record.keyStart, record.keyStart + record.keyLength);
      if (record.valueLength < 0) this.#ranges.delete(key);
      else this.#declared(key, buffer.subarray(record.valueStart, record.valueStart + record.valueLength));
    }
  }

  result(): Map<string, SkipSet> {
    const byRef = new Map<string, SkippedRange[]>();
    for (const { of, range } of this.#ranges.values()) {
      const ranges = byRef.get(of);
      if (ranges === undefined) byRef.set(of, [range]);
      else ranges.push(range);
    }
    return new Map([...byRef].map(([ref, ranges]) => [ref, SkipSet.of(ranges)]));
  }

  #declared(key: string, value: Buffer): void {
    const gap = parseGapRecord(value);
    if (gap === undefined) return;
    const of = refKey(gap);
    const question = this.#questions.get(of);
    if (question === undefined || !isAbout(gap, question)) return;
    this.#ranges.set(key, { of, range: { first: gap.firstOffset, last: gap.lastOffset } });
    if (this.#ranges.size <= MAX_SKIPPED_RANGES) return;
    throw new TooManyGaps(gap);
  }
}

function isAbout(gap: DeclaredGap, { targetTopic, timeline, sourceTopicId }: SkipQuestion): boolean {
  const sameTopic = gap.topicId === null || sourceTopicId === null || gap.topicId === sourceTopicId;
  return sameTopic && gap.timeline === timeline && gap.targetTopic === targetTopic;
}
