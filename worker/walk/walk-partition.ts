import { CausewayError } from '../../common/errors/error.js';
import { unlessAborted } from '../../common/kafka/fencing/fencing-client.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { refKey } from '../../common/model/assignment.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { Isolation, Route } from '../../common/model/route.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { SkipSet } from '../core/skip-set.js';
import type { Walk, WalkTerms } from '../core/walk.js';
import type { ShrunkLogs } from '../core/walk-alignment.js';
import type { WalkedRun } from '../core/walk-runs.js';
import { openBatch } from './batch-content.js';
import { readDeclaredSkips, type SkipQuestion } from './declared-skips.js';
import { type Interrupted, shuttingDown } from './drive.js';
import { logBounds } from './log-bounds.js';
import type { LogBounds, WalkLogs } from './log-feed.js';
import type { LogPlace } from './log-place.js';
import { LogReader, type ReadingDeps } from './log-reader.js';
import { type Walking, walkFrom, walkShrunk } from './shrunk-walk.js';
import { outcomeOf, type WalkOutcome } from './walk-outcome.js';

/** A log that does not come for this long makes the walk end in `wait`, or in the fault. */
const PATIENCE_MS = 10_000;
/** A log whose beginning goes away while it is read is read anew this often. */
const MAX_RESTARTS = 3;
const CATCH_UP_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;

/** A pair from which both logs are read: a checkpoint is one. */
export type WalkPair = Pick<Checkpoint, 'sourceOffset' | 'targetOffset' | 'sourceTopicId' | 'targetTopicId'>;

export interface WalkProgress {
  readonly sourceOffset: bigint;
  readonly targetOffset: bigint;
  /** Records of the target accounted for. */
  readonly records: number;
}

export interface WalkOptions {
  readonly item: SkipQuestion;
  readonly route: Pick<Route, 'isolation'>;
  readonly pair: WalkPair;
  /** Where the target's log was closed: the offset of the fence's marker, or the log's end after a drained handoff. Exclusive. */
  readonly closedEnd: bigint;
  /** Producer ids of the lanes that may have written behind the pair: of the checkpoint, the registry and the fence records. */
  readonly ours: ReadonlySet<bigint>;
  readonly fleet: string;
  readonly source: ClusterClient;
  readonly target: ClusterClient;
  /** What gap records declare of the partition, where it was read before; otherwise it is read here. */
  readonly skips?: SkipSet;
  /** The target topic is compacted: copies may be gone from its middle, and are counted. */
  readonly isTargetCompacted?: boolean;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly patienceMs?: number;
  readonly onProgress?: (progress: WalkProgress) => void;
  /** Absent: `read_uncommitted`, as a lane's batches belong to no transaction. */
  readonly targetIsolation?: Isolation;
  /** Sees every run once, in order; begins anew where the walk does. */
  readonly onRun?: (run: WalkedRun) => void;
}

/**
 * Finds behind a closed target log the first source record that is not there (exactly-once.md section 6). Reads both logs from the pair
 * on, each from its leader; holds one answer and one opened batch of each, however long they are.
 * @throws CLUSTER_UNREACHABLE and the like, KAFKA_ERROR, KAFKA_AUTH_FAILED; SOURCE_TOPIC_RECREATED, TARGET_TOPIC_RECREATED;
 * BATCH_CORRUPT, BATCH_UNSUPPORTED; SHUTTING_DOWN once the signal is aborted
 */
export async function walkPartition(options: WalkOptions, signal: AbortSignal): Promise<WalkOutcome> {
  // A broker that hangs holds nobody up: what is under way then ends on its own, without effect.
  return await unlessAborted(walked(options, signal), signal);
}

async function walked(options: WalkOptions, signal: AbortSignal): Promise<WalkOutcome> {
  await loadCodecs();
  const partitionWalk = new PartitionWalk(options, signal);
  for (let restarts = 0; ; restarts += 1) {
    const outcome = await partitionWalk.once();
    if (outcome.kind !== 'interrupted') return outcome;
    if (outcome.why === 'stalled' || restarts === MAX_RESTARTS) return interruptedOutcome(outcome);
  }
}

function interruptedOutcome({ log, why }: Interrupted): WalkOutcome {
  const what = why === 'stalled' ? 'gives nothing at the moment' : 'loses its beginning faster than it is read';
  return { kind: 'wait', code: 'KAFKA_ERROR', message: `the ${log}’s log ${what}` };
}

class PartitionWalk {
  readonly #options: WalkOptions;
  readonly #deps: ReadingDeps;
  readonly #pair: { readonly source: number; readonly target: number; readonly closedEnd: number };

  constructor(options: WalkOptions, signal: AbortSignal) {
    const { pair, closedEnd, pool, clock, random, patienceMs = PATIENCE_MS } = options;
    this.#options = options;
    this.#deps = { pool, clock, random, signal, patienceMs };
    this.#pair = {
      source: guarded(pair.sourceOffset),
      target: guarded(pair.targetOffset),
      closedEnd: guarded(closedEnd),
    };
  }

  async once(): Promise<WalkOutcome | Interrupted> {
    const { source: pairSource, target: targetOffset, closedEnd } = this.#pair;
    const target = await this.#caughtUpTarget();
    if ('kind' in target) return target;
    const skips = await this.#skips();
    const source = await logBounds({ ...this.#sourcePlace, client: this.#options.source }, this.#deps);
    // What was declared right behind the pair need not be there any more.
    const sourceOffset = skips.after(pairSource);
    const walking = this.#walking(skips, source);
    if (source.end < pairSource) return truncatedSource(source.end, this.#options.pair);
    if (source.start > sourceOffset || target.start > targetOffset) {
      const starts = { sourceStart: source.start, targetStart: target.start };
      return await this.#shrunk(walking, { sourceOffset, targetOffset, ...starts, closedEnd, skips });
    }
    const result = await walkFrom(walking, { sourceOffset: pairSource, targetOffset, hidden: 0, closedEnd });
    if (result.kind === 'interrupted') return result;
    return outcomeOf(result, result.kind === 'resume' && result.counted > 0 ? 'count' : 'records');
  }

  async #shrunk(walking: Walking, logs: ShrunkLogs): Promise<WalkOutcome | Interrupted> {
    const { onRun, ...terms } = walking.terms;
    // What alignments that come to nothing pair is no run.
    const outcome = await walkShrunk({ ...walking, terms }, logs);
    if (outcome.kind === 'resume' && onRun !== undefined) for (const run of outcome.runs) onRun(run);
    return outcome;
  }

  /** Once its high watermark has reached the closed end and the pair; `wait` when it does not. */
  async #caughtUpTarget(): Promise<LogBounds | (WalkOutcome & { readonly kind: 'wait' })> {
    const { target: targetOffset, closedEnd } = this.#pair;
    const { clock, random, signal, patienceMs } = this.#deps;
    const { item, target: client } = this.#options;
    const place = {
      client,
      topic: item.targetTopic,
      partition: item.partition,
      isolation: 'read_uncommitted',
    } as const;
    const needed = Math.max(targetOffset, closedEnd);
    const untilMs = clock.monotonicMs() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      const bounds = await logBounds(place, this.#deps);
      if (closedEnd >= targetOffset && bounds.end >= needed) return bounds;
      if (closedEnd < targetOffset || clock.monotonicMs() >= untilMs) {
        const end = Math.min(bounds.end, closedEnd);
        const message = `the target ends at ${end}, before ${needed}: its high watermark has not caught up, or records are gone`;
        return { kind: 'wait', code: 'TARGET_TOPIC_RECREATED', message };
      }
      await clock.sleep(backoffMs(attempt, CATCH_UP_BACKOFF, random), signal);
      if (signal.aborted) throw shuttingDown();
    }
  }

  async #skips(): Promise<SkipSet> {
    const { skips, target, fleet, item } = this.#options;
    if (skips !== undefined) return skips;
    return (await readDeclaredSkips(target, fleet, [item], this.#deps)).get(refKey(item)) ?? SkipSet.none;
  }

  #walking(skips: SkipSet, source: LogBounds): Walking {
    const { ours, isTargetCompacted = false, onProgress, onRun } = this.#options;
    const { clock, signal } = this.#deps;
    const terms: WalkTerms = {
      skips,
      ours,
      holes: isTargetCompacted ? 'counted' : 'refused',
      open: openBatch,
      ...(onRun === undefined ? {} : { onRun }),
    };
    let walk: Walk | undefined;
    return {
      terms,
      driving: {
        logs: this.#logs(source),
        clock,
        signal,
        onFetched: () => {
          if (walk !== undefined) onProgress?.(progressOf(walk));
        },
      },
      begun: (begun) => {
        walk = begun;
      },
    };
  }

  #logs(source: LogBounds): WalkLogs {
    const { item, pair, target: client, targetIsolation = 'read_uncommitted' } = this.#options;
    const { closedEnd } = this.#pair;
    const targetPlace: LogPlace = {
      role: 'target',
      client,
      topic: item.targetTopic,
      topicId: pair.targetTopicId,
      partition: item.partition,
      isolation: targetIsolation,
    };
    const laterEnd = async (): Promise<number> => {
      return (await logBounds({ ...this.#sourcePlace, client: this.#options.source }, this.#deps)).end;
    };
    return {
      source: (from) => new LogReader(this.#sourcePlace, this.#deps, { from, end: source.end, laterEnd }),
      target: (from) => new LogReader(targetPlace, this.#deps, { from, end: closedEnd }),
    };
  }

  get #sourcePlace(): LogPlace {
    const { item, pair, route, source: client } = this.#options;
    return {
      role: 'source',
      client,
      topic: item.topic,
      topicId: pair.sourceTopicId ?? item.sourceTopicId,
      partition: item.partition,
      isolation: route.isolation,
    };
  }
}

/** Records were copied that the source does not have any more. */
function truncatedSource(end: number, pair: WalkPair): WalkOutcome {
  const { targetOffset } = pair;
  const agreed = { sourceOffset: BigInt(end), targetOffset };
  return { kind: 'diverged', rank: 0, sourceOffset: BigInt(end), targetOffset, what: 'source-ended', agreed };
}

function progressOf(walk: Walk): WalkProgress {
  const { sourceOffset, targetOffset } = walk.agreed;
  return { sourceOffset: BigInt(sourceOffset), targetOffset: BigInt(targetOffset), records: walk.rank };
}

/** @throws BATCH_UNSUPPORTED beyond what Numbers hold */
function guarded(offset: bigint): number {
  if (offset >= 0n && offset <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(offset);
  throw new CausewayError('BATCH_UNSUPPORTED', `an offset of ${offset} is outside 0..2^53-1`);
}
