import type { ErrorCode } from '../../common/errors/codes.js';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import { type BatchSlice, MAGIC_V2 } from '../../common/kafka/wire/records/batch-header.js';
import { BatchCursor } from '../../common/kafka/wire/records/batch-scan.js';
import { CODEC_NAMES } from '../../common/kafka/wire/records/compression.js';
import { verifyCrc } from '../../common/kafka/wire/records/record-codec.js';
import { TxnFilter } from '../../common/kafka/wire/records/txn-filter.js';
import { decodesRecords } from '../../common/model/record-rules.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Allowance, ByteAccount } from '../core/allowance.js';
import { batchVerdict, PLAIN_RULES, type ShapingRules, type VerdictCounts } from '../core/batch-verdict.js';
import { type Reason, takesRecords } from '../core/partition-state.js';
import type { ResponseBody } from '../fetch/response-body.js';
import { type BatchTreatment, Treatment } from '../rules/treatment.js';
import { operatorGap, orderedFrom } from './gaps.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';
import { QueueFiller } from './queue-filler.js';
import { shapeBatch, targetCodec } from './shaped-batch.js';

/** A damaged batch may have been damaged on the way: fetched again this often before the partition pauses. */
const MAX_REFETCHES = 3;
/** A batch that the answers only ever begin: its length is damaged, or the answers are far too small. */
const MAX_BEGINNINGS = 200;

const WHAT_HELPS = 'it is tried again by and by; `causeway topic skip` leaves it out';

export interface BatchTakerDeps {
  readonly budget: ByteAccount;
  readonly allowance: Allowance;
  readonly counts: VerdictCounts;
  readonly port: PartitionPort;
  /** The full CRC of every so many-th raw batch is checked here; 0: of none. The target checks all of them. */
  readonly crcCheckEvery: number;
  /** How the partition's records are treated, or why they cannot be. Asked where its route has them treated. */
  readonly treatment: (partition: MirroredPartition) => Treatment | Reason | undefined;
  /** One source batch's records were treated, and are on their way. */
  readonly treated: (partition: MirroredPartition, batch: BatchTreatment) => void;
  readonly clock: Clock;
}

/** Takes fetched bytes, decides batch by batch what becomes of them, fills the partition's queue. */
export class BatchTaker {
  readonly #partition: MirroredPartition;
  readonly #deps: BatchTakerDeps;
  readonly #filter = new TxnFilter();
  readonly #cursor = new BatchCursor();
  readonly #rules: ShapingRules;
  readonly #filler: QueueFiller;
  /** A batch is being decoded: what follows it waits. */
  #decoding = false;
  #treatment: Treatment | undefined;
  #refetches = 0;
  /** Batches in a row that a schema registry kept from being decided. */
  #unanswered = 0;
  #beginnings = 0;
  /** Where the answer found the partition; one answer may be consumed in several goes. */
  #tookFrom = 0;
  #untilCheck: number;

  constructor(partition: MirroredPartition, deps: BatchTakerDeps) {
    this.#partition = partition;
    this.#deps = deps;
    this.#untilCheck = deps.crcCheckEvery;
    this.#filler = new QueueFiller(partition, deps.budget, deps.allowance);
    this.#rules = {
      // What the source's readers see is what the target's readers get: append time, where the topic has it.
      ...PLAIN_RULES,
      appendTime: 'append-time',
      until: partition.until,
      treats: decodesRecords(partition.route),
      omitsAny: (first, last) =>
        orderedFrom(partition.item.skip, partition.queue.fetchNext, last) !== undefined ||
        (partition.leavesOut && partition.shaping.refusesAny(first, last)),
    };
  }

  get busy(): boolean {
    return this.#decoding;
  }

  take(fetched: FetchedPartition, records: Buffer, body: ResponseBody): void {
    if (this.#rules.treats && !this.#isTreatable()) return;
    this.#filter.reset(fetched.abortedTransactions);
    this.#cursor.reset(records);
    const codec = targetCodec(this.#partition);
    this.#rules.codec = codec === undefined ? -1 : CODEC_NAMES.indexOf(codec);
    // What a route wishes does not pay for tiny batches; what the target does not know it refuses in any size.
    this.#rules.recompressFromBytes = this.#partition.shaping.codec === undefined ? PLAIN_RULES.recompressFromBytes : 0;
    this.#tookFrom = this.#partition.queue.fetchNext;
    this.#consume(body);
  }

  /** Made once what it rests on is known; pauses the partition where that is not there. */
  #isTreatable(): boolean {
    if (this.#treatment !== undefined) return true;
    const treatment = this.#deps.treatment(this.#partition);
    if (treatment instanceof Treatment) {
      this.#treatment = treatment;
      return true;
    }
    if (treatment !== undefined) this.#deps.port.pause(this.#partition, treatment);
    return false;
  }

  /** What is gone at the position: declared, and passed. */
  passLost(): void {
    const partition = this.#partition;
    const { lost, queue } = partition;
    if (lost === undefined || !queue.drained) return;
    this.#filler.pushGap({ gap: lost, deadLetters: [] }, lost.lastOffset + 1);
    this.#deps.port.ready(partition);
  }

  /** An operator's order about what comes next, if there is one: declared instead of fetched. */
  skipAsOrdered(): void {
    const partition = this.#partition;
    const { queue } = partition;
    const gap = operatorGap(partition.item.skip, queue.fetchNext, partition.sourceEnd);
    if (gap === undefined) return;
    this.#filler.pushGap(gap, gap.gap.lastOffset + 1);
    this.#deps.port.ready(partition);
  }

  /** Takes batches until the response ends or one has to be decoded, which may need its codec loaded first. */
  #consume(body: ResponseBody): void {
    const partition = this.#partition;
    const cursor = this.#cursor;
    const { queue } = partition;
    const readCommitted = partition.route.isolation === 'read_committed';
    const nowMs = this.#deps.clock.monotonicMs();
    try {
      while (cursor.next()) {
        const aborted = readCommitted && this.#filter.isAborted(cursor);
        if (partition.item.skip !== undefined) this.skipAsOrdered();
        // Perhaps nothing is left where the range ends.
        if (cursor.magic === MAGIC_V2 && cursor.baseOffset >= partition.until) queue.skipTo(partition.until);
        if (queue.fetchNext >= partition.until) break;
        this.#rules.maxBytes = partition.shaping.maxBatchBytes(queue.fetchNext, nowMs);
        const verdict = batchVerdict(cursor, queue.fetchNext, aborted, this.#rules);
        this.#deps.counts.add(verdict);
        switch (verdict.kind) {
          case 'raw':
            this.#sampleCrc(cursor);
            this.#filler.pushRaw(cursor, body);
            break;
          case 'skip':
            // Nobody looks at it any more: that it says so itself has to be true.
            if (verdict.reason !== 'before-position') verifyCrc(cursor);
            queue.skipTo(Math.min(cursor.lastOffset + 1, partition.until));
            break;
          case 'recode':
            this.#reshape(body);
            return;
          case 'unsupported': {
            const message = `the batch at offset ${cursor.baseOffset} cannot be mirrored: ${verdict.reason}`;
            this.#deps.port.ready(partition);
            this.#deps.port.pause(partition, { code: 'BATCH_UNSUPPORTED', message });
            return;
          }
        }
      }
      this.#ended(queue.fetchNext > this.#tookFrom);
    } catch (error) {
      this.#damaged(error);
      return;
    }
    this.#deps.port.ready(partition);
  }

  /** A response may cut a batch off, but not the same one for ever. */
  #ended(moved: boolean): void {
    const { partial, partialBytes } = this.#cursor;
    if (!partial) this.#refetches = 0;
    this.#beginnings = moved || !partial ? 0 : this.#beginnings + 1;
    if (this.#beginnings < MAX_BEGINNINGS) return;
    this.#beginnings = 0;
    const { queue } = this.#partition;
    const message = `${MAX_BEGINNINGS} answers only began the batch at offset ${queue.fetchNext}, which claims ${partialBytes} bytes; ${WHAT_HELPS}`;
    this.#deps.port.pause(this.#partition, { code: 'BATCH_CORRUPT', message });
  }

  #reshape(body: ResponseBody): void {
    const partition = this.#partition;
    const { queue, life } = partition;
    const from = queue.fetchNext;
    // What was dropped meanwhile is fetched again from where it was dropped: to go on behind it would lose it.
    const outdated = (): boolean => partition.life !== life || queue.fetchNext !== from || !this.#mayTake();
    this.#decoding = true;
    body.retain();
    shapeBatch(partition, this.#cursor, this.#rules, this.#treatment)
      .then(
        (shaped) => {
          this.#decoding = false;
          this.#unanswered = 0;
          if (outdated()) return;
          for (const gap of shaped.gaps) this.#filler.pushGap(gap, from);
          if (shaped.treated !== undefined) this.#deps.treated(partition, shaped.treated);
          this.#filler.pushParts(shaped);
          if (shaped.isWhole) this.#consume(body);
          else this.#deps.port.ready(partition);
          const stop = shaped.treated?.stop;
          // Once it is the next one: what comes before it goes out all the same.
          if (stop?.offset === queue.fetchNext) {
            this.#deps.port.pause(partition, { code: 'RECORD_UNREADABLE', message: stop.message });
          }
        },
        (error: unknown) => {
          this.#decoding = false;
          if (!outdated()) this.#damaged(error);
        },
      )
      .finally(() => {
        body.release();
        this.#deps.port.freed(partition);
      })
      .catch((error: unknown) => this.#damaged(error));
  }

  #sampleCrc(batch: BatchSlice): void {
    if (this.#untilCheck === 0) return;
    this.#untilCheck -= 1;
    if (this.#untilCheck > 0) return;
    this.#untilCheck = this.#deps.crcCheckEvery;
    verifyCrc(batch);
  }

  /** Where it may not be fetched it must not be filled from what was fetched before either. */
  #mayTake(): boolean {
    return takesRecords(this.#partition.phase);
  }

  #damaged(error: unknown): void {
    this.#refetches += 1;
    const partition = this.#partition;
    // What came before it goes out all the same.
    this.#deps.port.ready(partition);
    if (isCausewayError(error) && isOfRegistry(error.code)) {
      this.#refetches = 0;
      // It begins without fail each time, and would be back at once: the wait grows all the same.
      partition.failures = this.#unanswered;
      this.#unanswered += 1;
      this.#deps.port.restart(partition, { code: error.code, message: messageOf(error) });
    } else if (isCausewayError(error, 'SCHEMA_CONFLICT')) {
      this.#refetches = 0;
      this.#deps.port.pause(partition, { code: 'SCHEMA_CONFLICT', message: messageOf(error) });
    } else if (isCausewayError(error, 'BATCH_UNSUPPORTED')) {
      this.#deps.port.pause(partition, { code: 'BATCH_UNSUPPORTED', message: messageOf(error) });
    } else if (this.#refetches > MAX_REFETCHES) {
      this.#refetches = 0;
      const { fetchNext } = partition.queue;
      const { baseOffset, lastOffset } = this.#cursor;
      const end = baseOffset <= fetchNext && lastOffset >= fetchNext ? `, which ends at offset ${lastOffset},` : '';
      const message = `the batch at offset ${fetchNext}${end} is damaged at the source: ${messageOf(error)}; ${WHAT_HELPS}`;
      this.#deps.port.pause(partition, { code: 'BATCH_CORRUPT', message });
    }
  }
}

/** A schema registry that does not answer as it should; it is asked again. */
function isOfRegistry(code: ErrorCode): boolean {
  return code === 'REGISTRY_UNREACHABLE' || code === 'REGISTRY_REFUSED' || code === 'REGISTRY_PROTOCOL';
}
