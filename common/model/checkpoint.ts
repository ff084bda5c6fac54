import { createHash } from 'node:crypto';
import { CausewayError, isCausewayError } from '../errors/error.js';
import { decodeMapValue, encodeMapValue, type MapChain } from './offset-map-record.js';
import { mergesPartitions, type PartitionMapping, targetPartitionOf } from './record-rules.js';
import { partitionKey } from './topic-partition.js';
import { FIRST_TIMELINE } from './topic-progress.js';

/**
 * A (source, target) position pair: everything of the source partition before `sourceOffset` is settled, and the copies lie
 * before `targetOffset`. A hint, never a proof (exactly-once.md section 4).
 * Kept as a group offset on the target: the offset is `targetOffset`, the rest is metadata v1.
 */
export interface Checkpoint {
  /** Next source offset to read. */
  readonly sourceOffset: bigint;
  /** Next target offset after the last copied record. */
  readonly targetOffset: bigint;
  /** Leader epoch of the last source batch settled; -1 unknown. */
  readonly sourceLeaderEpoch: number;
  /** Canonical UUID text, null where the cluster has no topic ids. */
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
  readonly timeline: number;
  /** Where the current run began: target = source + (targetStart - sourceStart) since then. */
  readonly runSourceStart: bigint;
  readonly runTargetStart: bigint;
  /** The lane all data behind this checkpoint was written by. */
  readonly lane: { readonly transactionalId: string; readonly producerId: bigint; readonly producerEpoch: number };
  /** Version of the rules and naming that decided what was copied. */
  readonly rulesVersion: number;
  /**
   * Its lane has let the partition go: every batch had its answer when this was written, and none was sent since. Whoever comes next
   * need not fence that lane (exactly-once.md 5.8).
   */
  readonly released: boolean;
  /** Runs closed before the current one that the map topic does not hold yet, and what lies before them. Absent: nobody kept runs then. */
  readonly history?: MapChain;
}

/** Well below the broker's offset.metadata.max.bytes of 4096; keeps one commit of many partitions within one batch. */
export const MAX_CHECKPOINT_METADATA_BYTES = 1024;
/** One group has one coordinator; sixteen spread a route over the target's brokers. */
export const CHECKPOINT_GROUPS_PER_ROUTE = 16;
/** Each costs a transaction two requests and a marker of its own: fewer than for single commits. */
const TRANSACTIONAL_GROUPS_PER_ROUTE = 4;

/** What a checkpoint is about. */
export interface CheckpointPlace {
  readonly route: string;
  readonly targetTopic: string;
  /** Of the target. */
  readonly partition: number;
  readonly timeline: number;
  /** Which of the sources it is, where several of the route may write into the target partition. */
  readonly source?: string;
}

/** Where the checkpoint of a source partition is about. */
export function checkpointPlaceOf(
  item: {
    readonly route: string;
    readonly topic: string;
    readonly partition: number;
    readonly targetTopic: string;
    readonly timeline: number;
  },
  { partitionMapping }: { readonly partitionMapping?: PartitionMapping },
): CheckpointPlace {
  const { route, topic, partition, targetTopic, timeline } = item;
  const target = { route, targetTopic, partition: targetPartitionOf(partitionMapping, partition), timeline };
  if (!mergesPartitions(partitionMapping)) return target;
  // Those of one topic that share a target partition differ in how often its modulus fits into their numbers.
  const rank = partitionMapping?.to === 'modulo' ? Math.floor(partition / partitionMapping.partitions) : 0;
  return { ...target, source: `${topic}/${rank}` };
}

/**
 * The group that keeps the target partition's checkpoint: `causeway.<route>.<0-15>` by hash of the partition, on later timelines with
 * `.t<timeline>` behind it. A commit of an old timeline that arrives late must not replace a pair of a later one (exactly-once.md 4.2).
 */
export function checkpointGroup(place: CheckpointPlace): string {
  return onTimeline(firstTimelineGroup(place), place);
}

/**
 * The group of a transactional route: `causeway.<route>.txn.<0-3>`, on later timelines with `.t<timeline>` behind it; never one of
 * `checkpointGroup`'s, whose third part is a number. Several routes may write into the target partition: each keeps its position in groups of
 * its own. Where several sources of one route may, so does each of them, in `causeway.<route>.txn.s<hash of the source>`.
 */
export function transactionalGroup(place: CheckpointPlace): string {
  const { route, source } = place;
  const share = source === undefined ? hashOf(place) % TRANSACTIONAL_GROUPS_PER_ROUTE : `s${digestOf(source)}`;
  return onTimeline(`causeway.${route}.txn.${share}`, place);
}

function onTimeline(group: string, { timeline }: CheckpointPlace): string {
  return timeline <= FIRST_TIMELINE ? group : `${group}.t${timeline}`;
}

/** Where pairs of every timeline were kept before each had groups of its own. */
export function firstTimelineGroup(place: Omit<CheckpointPlace, 'timeline'>): string {
  return `causeway.${place.route}.${hashOf(place) % CHECKPOINT_GROUPS_PER_ROUTE}`;
}

/** 64 bits: no two sources of a route have the same. */
function digestOf(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, 16);
}

function hashOf({ targetTopic, partition }: Pick<CheckpointPlace, 'targetTopic' | 'partition'>): number {
  return createHash('sha256').update(partitionKey(targetTopic, partition)).digest()[0] as number;
}

/**
 * Group-offset metadata, format 1: a JSON array behind the version so that it stays far below the limit. Fields are only ever added behind
 * the last one.
 */
export function encodeCheckpointMetadata(checkpoint: Checkpoint): string {
  const text = metadataText(checkpoint);
  if (Buffer.byteLength(text) > MAX_CHECKPOINT_METADATA_BYTES) {
    throw new CausewayError('INTERNAL_INVARIANT', `checkpoint metadata exceeds ${MAX_CHECKPOINT_METADATA_BYTES} bytes`);
  }
  return text;
}

/** The closed runs go into the metadata beside the rest; otherwise they have to be in the map topic first. */
export function carriesHistory(checkpoint: Checkpoint): boolean {
  const count = checkpoint.history?.entries.length ?? 0;
  if (count === 0) return true;
  return count <= MAX_CARRIED_RUNS && Buffer.byteLength(metadataText(checkpoint)) <= MAX_CHECKPOINT_METADATA_BYTES;
}

/** More never fit. */
export const MAX_CARRIED_RUNS = 256;

function metadataText(checkpoint: Checkpoint): string {
  const { lane, history, released } = checkpoint;
  return `1:${JSON.stringify([
    String(checkpoint.sourceOffset),
    checkpoint.sourceLeaderEpoch,
    checkpoint.sourceTopicId,
    checkpoint.targetTopicId,
    checkpoint.timeline,
    String(checkpoint.runSourceStart),
    String(checkpoint.runTargetStart),
    lane.transactionalId,
    String(lane.producerId),
    lane.producerEpoch,
    checkpoint.rulesVersion,
    ...(released || history !== undefined ? [released ? 1 : 0] : []),
    ...(history === undefined ? [] : [historyField(history)]),
  ])}`;
}

/** Mostly there is nothing but the link. */
function historyField(history: MapChain): number | string {
  return history.entries.length === 0 ? history.link : encodeMapValue(history).toString('base64');
}

/** A hint like the rest: one that cannot be read makes a stretch unknown, and no position. */
function historyOf(field: unknown): MapChain | undefined {
  if (typeof field === 'number') return Number.isSafeInteger(field) ? { link: field, entries: [] } : undefined;
  if (typeof field !== 'string') return undefined;
  try {
    return decodeMapValue(Buffer.from(field, 'base64'));
  } catch (error) {
    if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
    throw error;
  }
}

const OFFSET = /^-?\d{1,19}$/;
/** Those that the first writers of the format wrote. */
const MIN_FIELDS = 11;

/**
 * @param targetOffset the group's committed offset
 * @throws NODE_CORRUPT when the metadata is not format 1: written by a stranger or a later version.
 */
export function decodeCheckpoint(targetOffset: bigint, metadata: string): Checkpoint {
  const fail = (): never => {
    throw new CausewayError('NODE_CORRUPT', 'the checkpoint’s metadata is not of format 1', {
      fix: 'Another program commits to this consumer group, or a later version wrote it.',
    });
  };
  if (!metadata.startsWith('1:')) return fail();
  let fields: unknown;
  try {
    fields = JSON.parse(metadata.slice(2));
  } catch {
    return fail();
  }
  if (!Array.isArray(fields) || fields.length < MIN_FIELDS) return fail();
  const offset = (value: unknown): bigint => (typeof value === 'string' && OFFSET.test(value) ? BigInt(value) : fail());
  const integer = (value: unknown): number => (Number.isSafeInteger(value) ? (value as number) : fail());
  const text = (value: unknown): string => (typeof value === 'string' ? value : fail());
  const textOrNull = (value: unknown): string | null => (value === null ? null : text(value));
  const history = historyOf(fields[12]);
  return {
    sourceOffset: offset(fields[0]),
    targetOffset,
    sourceLeaderEpoch: integer(fields[1]),
    sourceTopicId: textOrNull(fields[2]),
    targetTopicId: textOrNull(fields[3]),
    timeline: integer(fields[4]),
    runSourceStart: offset(fields[5]),
    runTargetStart: offset(fields[6]),
    lane: { transactionalId: text(fields[7]), producerId: offset(fields[8]), producerEpoch: integer(fields[9]) },
    rulesVersion: integer(fields[10]),
    released: fields[11] === 1,
    ...(history === undefined ? {} : { history }),
  };
}
