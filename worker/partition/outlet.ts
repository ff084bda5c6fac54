import { messageOf } from '../../common/errors/error.js';
import { hasRightCrc } from '../../common/kafka/wire/records/record-codec.js';
import { batchImage, type ProducerIdentity, producerIdentity } from '../core/batch-image.js';
import type { QueuedBatch, Settled } from '../core/partition-queue.js';
import { type ProduceVerdict, produceVerdict, surprise } from '../core/produce-verdict.js';
import { CROWDED_RUNS } from '../core/run-book.js';
import type { Lane } from '../lane/lane.js';
import { coalesceWaiting } from './coalescer.js';
import { DoubtGuard } from './doubt-guard.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import type { OutletDeps } from './outlet-deps.js';
import { judgeRefused, REFUSALS_OF_RECORDS, type Refused, refusalMessage } from './refused-batch.js';
import { WriteDown } from './write-down.js';

/** From this many failures in a row the state says so. */
const FAILURES_TO_SHOW = 3;
/** A batch the target calls damaged is fetched again at once this often, then with growing pauses. */
const MAX_REFETCHES = 3;
/** One that comes damaged from the source this often is damaged there. */
const MAX_DAMAGED = 8;
const NONE_BLAMED: readonly number[] = [];

/** A batch that must not be sent again as it is. Older ones in doubt still are, until they have their answers. */
interface Fault extends Refused {
  /** `in-doubt`: refused now, and perhaps stored by an earlier send. */
  readonly kind: 'refetch' | 'refused' | 'out-of-sequence' | 'in-doubt';
}

/** The target side of one partition: gives batches to send in order, and turns answers into settled positions. */
export class Outlet {
  readonly partition: MirroredPartition;
  readonly #deps: OutletDeps;
  #identity: { readonly lane: Lane; readonly producer: ProducerIdentity } | undefined;
  #fault: Fault | undefined;
  #broken = false;
  #draining = false;
  /** Called once when every batch that was sent has its final answer. */
  #quiet: (() => void) | undefined;
  #refetches = 0;
  /** How often in a row a batch came damaged. */
  #damaged = 0;
  readonly #doubt: DoubtGuard;
  readonly #writing: WriteDown;
  /** Since when no answer has come to what was sent. */
  #waitingSinceMs = 0;

  constructor(partition: MirroredPartition, deps: OutletDeps) {
    this.partition = partition;
    this.#deps = deps;
    this.#doubt = new DoubtGuard(partition, deps);
    this.#writing = new WriteDown(partition, deps, {
      settle: (settled) => this.#settle(settled),
      whenAnswered: () => this.#whenAnswered(),
      isDraining: () => this.#draining,
      failed: (error) => this.failed(error),
    });
  }

  /** Since when no answer has come to what was sent; undefined: nothing is outstanding. */
  get unansweredSinceMs(): number | undefined {
    return this.partition.queue.unanswered === 0 ? undefined : this.#waitingSinceMs;
  }

  get #isExact(): boolean {
    return this.partition.route.delivery === 'exactly-once';
  }

  /** A new life: what halted the old one is over. */
  reset(): void {
    this.#fault = undefined;
    this.#broken = false;
    this.#draining = false;
    this.#quiet = undefined;
  }

  /** Drops everything, whatever its state, and begins anew there: answers still on their way concern nobody. */
  rewind(position: Parameters<MirroredPartition['begin']>[0]): void {
    this.#deps.budget.release(this.partition.queue.dropAll());
    this.#fault = undefined;
    this.partition.begin(position);
    this.#whenAnswered();
  }

  /**
   * Drops what was never sent and sends nothing new; `quiet` is called, at the earliest at once, when every batch that was sent has its
   * final answer. A later call replaces the callback.
   */
  drain(quiet: () => void): void {
    this.#draining = true;
    this.#quiet = quiet;
    this.#deps.budget.release(this.partition.queue.dropUnsent());
    this.#whenAnswered();
  }

  /**
   * The batch to put into the next request, its image made, or undefined. The caller must send it.
   * @param roundTripMs to the target broker: far away, waiting batches are merged
   */
  next(roundTripMs: number): QueuedBatch | undefined {
    const { partition } = this;
    const { lane, queue, targetKey } = partition;
    if (lane === undefined || lane.dead || this.#broken) return undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    let batch = queue.next(lane.window(targetKey, nowMs));
    if (batch === undefined) return undefined;
    if (this.#fault !== undefined && batch.sourceFirst >= this.#fault.batch.sourceFirst) return undefined;
    if (this.#draining && !batch.resend) return undefined;
    if (this.#isExact && !this.#maySend(batch, nowMs)) return undefined;
    if (queue.unanswered === 0) this.#waitingSinceMs = nowMs;
    if (batch.gap !== undefined || batch.asides?.isWritten === false) {
      queue.markSent(batch);
      this.#writing.begin(batch);
      return undefined;
    }
    if (batch.image === undefined) {
      if (!batch.resend) batch = coalesceWaiting(partition, batch, roundTripMs, this.#deps);
      batch.baseSequence = lane.takeSequence(targetKey, batch.recordCount);
      const { header, payload } = batchImage(batch.source, this.#producer(lane), batch.baseSequence);
      batch.image = [header, payload];
    }
    queue.markSent(batch);
    this.#doubt.sent(batch);
    return batch;
  }

  /** The leader answered for a batch of this life. */
  answered(
    batch: QueuedBatch,
    code: number,
    baseOffset: number,
    logAppendTimeMs: number,
    blamed: readonly number[] = NONE_BLAMED,
  ): ProduceVerdict {
    const { queue } = this.partition;
    this.#waitingSinceMs = this.#deps.clock.monotonicMs();
    const verdict = produceVerdict(code, queue.behindRefused(batch));
    switch (verdict.kind) {
      case 'stored':
        this.#stored(batch, baseOffset, logAppendTimeMs);
        break;
      case 'retry':
        this.#retry(batch, `the target answered error ${code}`, verdict.inDoubt);
        if (verdict.refreshMetadata) this.#deps.port.refreshTarget(this.partition);
        break;
      case 'follow':
        queue.requeue(batch);
        break;
      case 'out-of-sequence':
        queue.requeue(batch);
        this.#faulty('out-of-sequence', batch, {
          code: 'SEQUENCE_BROKEN',
          message: `the target answered error ${code} to the next sequence number`,
        });
        break;
      case 'lane-dead':
        queue.requeue(batch);
        this.#deps.port.laneDead(this.partition);
        break;
      case 'damaged':
        queue.requeue(batch);
        this.#faulty('refetch', batch, { code: 'BATCH_CORRUPT', message: this.#damageOf(batch) });
        break;
      case 'refused':
        queue.requeue(batch);
        this.#faulty('refused', batch, { code: 'TARGET_REFUSED', message: refusalMessage(code, batch) }, code, blamed);
        break;
    }
    this.#whenAnswered();
    return verdict;
  }

  /** The answer will never come: the same bytes have to go out again. */
  lost(batch: QueuedBatch): void {
    this.#retry(batch, 'the connection to the target broker ended before the answer', true);
    this.#whenAnswered();
  }

  /** Our own code failed with this partition: it stops here, the others go on. */
  failed(error: unknown): void {
    this.#broken = true;
    this.#deps.port.pause(this.partition, { code: 'INTERNAL_INVARIANT', message: messageOf(error) });
  }

  #stored(batch: QueuedBatch, baseOffset: number, logAppendTimeMs: number): void {
    const { partition } = this;
    partition.lane?.acked(partition.targetKey, this.#waitingSinceMs);
    if (batch.resend && logAppendTimeMs !== -1) this.#deps.repeated(partition);
    partition.failures = 0;
    this.#refetches = 0;
    this.#damaged = 0;
    const settled = partition.queue.ack(batch, baseOffset);
    if (settled.batches.length > 0) this.#settle(settled);
    if (partition.phase !== 'backing-off' || partition.suspect) return;
    partition.on({ type: 'store' });
    this.#deps.port.freed(partition);
  }

  #settle(settled: Settled): void {
    const { partition } = this;
    let records = 0;
    let bytes = 0;
    let freedBytes = 0;
    for (const batch of settled.batches) {
      freedBytes += batch.bytes;
      if (batch.recordCount === 0) continue;
      // A duplicate that is too old to be remembered is acknowledged without its offset.
      const targetBase = batch.targetBase < 0 ? partition.targetNext : batch.targetBase;
      if (targetBase !== partition.targetNext || batch.targetBase < 0) this.#surprised(batch);
      if (batch.targetBase < 0) partition.runs.storedSomewhere(batch, targetBase);
      else partition.runs.stored(batch, targetBase);
      partition.targetNext = targetBase + batch.recordCount;
      partition.sourceLeaderEpoch = Math.max(partition.sourceLeaderEpoch, batch.leaderEpoch);
      partition.lastTimestampMs = batch.maxTimestampMs;
      records += batch.recordCount;
      bytes += batch.bytes;
    }
    if (partition.runs.size >= CROWDED_RUNS) this.#deps.crowded(partition);
    partition.shaping.settled(settled.sourceNext);
    partition.recordsCopied += records;
    partition.bytesCopied += bytes;
    partition.rate.add(records, bytes);
    this.#deps.budget.release(freedBytes);
    this.#deps.copied(partition, records, bytes);
    this.#deps.port.freed(partition);
  }

  /** What lies at the target is looked at before anything follows (exactly-once.md 3.4). */
  #surprised(batch: QueuedBatch): void {
    const { partition } = this;
    const why = surprise(batch, partition.targetNext, this.#isExact);
    if (why === undefined || partition.suspect) return;
    partition.suspectFrom(batch.sourceFirst, why.lostFrom);
    // It may be another topic.
    this.#deps.port.refreshTarget(partition);
    this.#deps.port.restart(partition, why.reason);
  }

  #retry(batch: QueuedBatch, message: string, inDoubt: boolean): void {
    const { partition } = this;
    // One broken connection takes a whole window along, and counts once.
    if (partition.queue.oldest === batch) partition.failures += 1;
    partition.queue.requeue(batch, inDoubt ? this.#deps.clock.monotonicMs() : undefined);
    const { phase } = partition;
    const isCopying = phase === 'running' || phase === 'declaring-gap';
    if (partition.failures < FAILURES_TO_SHOW || !(isCopying || phase === 'paused')) return;
    partition.on({ type: 'fail', reason: { code: 'KAFKA_ERROR', message } });
    // A target that does not take anything must not hold the memory that others could use: it is fetched again in time.
    this.#deps.budget.release(partition.queue.dropUnsent());
    this.#deps.port.freed(partition);
  }

  /** The oldest such batch counts: what lies behind it cannot be stored before it. */
  #faulty(why: Fault['kind'], batch: QueuedBatch, reason: Reason, code = 0, blamed = NONE_BLAMED): void {
    const kind = batch.doubtSinceMs !== undefined && why !== 'out-of-sequence' && this.#isExact ? 'in-doubt' : why;
    if (this.#fault === undefined || batch.sourceFirst < this.#fault.batch.sourceFirst) {
      this.#fault = { kind, batch, reason, code, blamed };
    }
  }

  #maySend(batch: QueuedBatch, nowMs: number): boolean {
    const why = this.#doubt.whyNoRepeat(batch, nowMs);
    if (why === undefined) return !this.#doubt.mustWait(batch, nowMs);
    this.#abandon({ code: 'SEQUENCE_BROKEN', message: why });
    return false;
  }

  /** What was sent may be stored and cannot be sent again: the log has to be closed and walked (exactly-once.md 3.3, 3.4). */
  #abandon(reason: Reason): void {
    const { partition } = this;
    this.#fault = undefined;
    partition.suspect = true;
    partition.lane?.doubt(partition.targetKey);
    this.#deps.budget.release(partition.queue.dropAll());
    // Answers still on their way concern nobody.
    partition.endLife();
    this.#deps.port.abandon(partition, reason);
    this.#whenAnswered();
  }

  /** Acts once no answer is outstanding and nothing is in doubt any more. */
  #whenAnswered(): void {
    const { queue, lane, brokenLanes } = this.partition;
    if (queue.unanswered > 0) return;
    const fault = this.#fault;
    // Older batches in doubt go out again first; their answers lead here.
    if (fault !== undefined && queue.oldest === fault.batch) {
      if (this.#isExact && (fault.kind === 'out-of-sequence' || fault.kind === 'in-doubt')) {
        if (fault.kind === 'out-of-sequence' && lane !== undefined) brokenLanes.add(lane);
        this.#abandon(fault.reason);
        return;
      }
      this.#drop(fault);
      if (!this.#draining) {
        this.#act(fault);
        return;
      }
    }
    if (!queue.drained) return;
    const quiet = this.#quiet;
    this.#quiet = undefined;
    quiet?.();
  }

  /** The faulty batch is the oldest and surely not stored, nor is anything behind it. */
  #drop({ kind, batch }: Fault): void {
    const { queue, lane, targetKey, brokenLanes } = this.partition;
    // The range goes back to the lane, other bytes may take it; unless the lane has lost count.
    if (kind !== 'out-of-sequence') lane?.rewindSequence(targetKey, batch.baseSequence);
    else if (lane !== undefined) brokenLanes.add(lane);
    this.#deps.budget.release(queue.dropAll());
    this.#fault = undefined;
  }

  #act(fault: Fault): void {
    const { partition } = this;
    const { port } = this.#deps;
    const { kind, reason, code } = fault;
    if (kind === 'out-of-sequence') {
      port.restart(partition, reason);
      return;
    }
    if (kind === 'refused') {
      if (REFUSALS_OF_RECORDS.has(code))
        judgeRefused(partition, fault, this.#deps).catch((error: unknown) => this.failed(error));
      else port.pause(partition, reason);
      return;
    }
    this.#refetches += 1;
    if (this.#damaged >= MAX_DAMAGED) {
      this.#damaged = 0;
      port.pause(partition, reason);
    } else if (this.#refetches > MAX_REFETCHES) port.restart(partition, reason);
    port.freed(partition);
  }

  /** What passed our own check was damaged between us and the target: that ends by itself, and is no reason to give up. */
  #damageOf({ source, sourceFirst }: QueuedBatch): string {
    const what = `the target found the batch at source offset ${sourceFirst} damaged`;
    if (hasRightCrc(source)) {
      this.#damaged = 0;
      return `${what}; it left here as it should be: something on the way to the target alters it`;
    }
    this.#damaged += 1;
    return `${what}, and it is as it came from the source`;
  }

  #producer(lane: Lane): ProducerIdentity {
    if (this.#identity?.lane !== lane) {
      const { producerId, producerEpoch } = lane.record;
      this.#identity = { lane, producer: producerIdentity(producerId, producerEpoch, lane.transactional) };
    }
    return this.#identity.producer;
  }
}
