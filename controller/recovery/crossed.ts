import type { PartitionMap, Run } from '../../common/model/offset-map.js';
import type { CommonPoint } from '../../common/model/recovery.js';
import type { Route } from '../../common/model/route.js';
import { Crossing, type Located } from '../core/recovery-stranded.js';
import type { ClusterLens } from './cluster-lens.js';

/** Copies behind a known pair of one partition: a second's worth, held in memory while they are looked for at the source. */
const MAX_COPIES = 1_000_000;

export interface CrossedQuestion {
  readonly topic: string;
  readonly targetTopic: string;
  readonly partition: number;
  /** Everything before it is known: the next source offset, and the first target offset that may hold its copy. */
  readonly pair: { readonly source: bigint; readonly target: bigint };
  /** Exclusive: where the copies at the target end. */
  readonly until: bigint;
  readonly signal: AbortSignal;
}

export interface Crossed {
  /** The source position behind the last copy. */
  readonly position: bigint;
  /** Which of its records are where. */
  readonly runs: readonly Run[];
  /** Records of the target that are not at the source, or too many to look for. */
  readonly missing: number;
}

/**
 * What was copied behind a pair and before its next one, which the last owner could not write down any more: both logs are read side by side.
 * @throws KAFKA_ERROR, CLUSTER_UNREACHABLE and the like where one of the logs cannot be read
 */
export async function crossedBehind(lens: ClusterLens, route: Route, question: CrossedQuestion): Promise<Crossed> {
  const { topic, targetTopic, partition, pair, until, signal } = question;
  const copies: Located[] = [];
  await lens.scan(route.target, {
    place: { topic: targetTopic, partition },
    from: pair.target,
    until,
    isolation: 'read_committed',
    signal,
    visit: (records) => {
      copies.push(...records);
      return copies.length <= MAX_COPIES;
    },
  });
  const crossing = new Crossing(copies, pair.source);
  if (!crossing.isDone) {
    await lens.scan(route.source, {
      ...{ place: { topic, partition }, from: pair.source, isolation: route.isolation, signal },
      visit: (records) => {
        for (const record of records) crossing.take(record);
        return !crossing.isDone;
      },
    });
  }
  // A scan that was broken off has not found what it did not look at.
  signal.throwIfAborted();
  const { position, runs, missing } = crossing;
  return { position, runs, missing: copies.length > MAX_COPIES ? Math.max(1, missing) : missing };
}

/**
 * A partition's map up to the common point: with what was copied behind its head by an owner that was fenced before it could write it down.
 * Where that is not to be found it is lost: no group may be told that nothing of its own lies there.
 */
export async function wholeMap(
  lens: ClusterLens,
  {
    route,
    known: { runs, lost = [], head },
    point: { topic, targetTopic, partition, source, target },
    signal,
  }: {
    readonly route: Route;
    readonly known: PartitionMap;
    readonly point: CommonPoint;
    readonly signal: AbortSignal;
  },
): Promise<Pick<PartitionMap, 'runs' | 'lost'>> {
  if (source <= head.source || target <= head.target) return { runs, lost };
  const question = { topic, targetTopic, partition, pair: head, until: target, signal };
  const crossed = await crossedBehind(lens, route, question);
  if (crossed.missing === 0) return { runs: [...runs, ...crossed.runs], lost };
  const reason = 'copied behind the last checkpoint, and not found at the old source again';
  const rest = { source: { from: head.source, to: source }, target: { from: head.target, to: target }, reason };
  return { runs, lost: [...lost, rest] };
}
