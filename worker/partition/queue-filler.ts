import { type BatchSlice, maxTimestampMs, partitionLeaderEpoch } from '../../common/kafka/wire/records/batch-header.js';
import type { BatchCursor } from '../../common/kafka/wire/records/batch-scan.js';
import type { Allowance, ByteAccount } from '../core/allowance.js';
import { type Aside, asideBytes, dealt } from '../core/asides.js';
import type { PendingGap, QueuedBatch } from '../core/partition-queue.js';
import type { LentBatch, ResponseBody } from '../fetch/response-body.js';
import { gapBytes } from './gaps.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { ShapedBatch } from './shaped-batch.js';

/** Puts what was taken into the partition's queue, on the account of its memory and rates. */
export class QueueFiller {
  readonly #partition: MirroredPartition;
  readonly #budget: ByteAccount;
  readonly #allowance: Allowance;

  constructor(partition: MirroredPartition, budget: ByteAccount, allowance: Allowance) {
    this.#partition = partition;
    this.#budget = budget;
    this.#allowance = allowance;
  }

  /** As it came. */
  pushRaw(cursor: BatchCursor, body: ResponseBody): void {
    const { buffer, start, length } = cursor;
    const slice = { buffer, start, length };
    const lent = body.lend(slice);
    this.#push(slice, cursor.baseOffset, cursor.lastOffset + 1, cursor.recordCount, null, lent);
  }

  /** Parts of a batch, each with what goes elsewhere before it. */
  pushParts({ parts, treated, next }: ShapedBatch): void {
    const { queue } = this.#partition;
    // Of a batch that is not complete what lies behind is decided when it is read again.
    const records = treated?.asides.filter(({ offset }) => offset < next) ?? [];
    if (parts.length === 0 && records.length > 0) this.#pushAsides(records, next);
    const asides = dealt(
      records,
      parts.map(({ lastOffset }) => lastOffset),
    );
    for (const [i, part] of parts.entries()) {
      const { batch, firstOffset, lastOffset, recordCount, sourceOffsets } = part;
      const own = asides[i] ?? [];
      this.#push(batch, firstOffset, lastOffset + 1, recordCount, sourceOffsets, undefined, own);
    }
    queue.skipTo(next);
  }

  #push(
    source: BatchSlice,
    sourceFirst: number,
    sourceNext: number,
    recordCount: number,
    sourceOffsets: Float64Array | null,
    lent: LentBatch | undefined,
    asides: readonly Aside[] = NO_ASIDES,
  ): void {
    const { buffer, start, length } = source;
    const bytes = length + asideBytes(asides);
    this.#budget.charge(bytes);
    this.#allowance.taken(length, recordCount);
    this.#partition.queue.push({
      sourceFirst,
      sourceNext,
      recordCount,
      sourceOffsets,
      gap: undefined,
      ...(asides.length === 0 ? {} : { asides: { records: asides, isWritten: false } }),
      bytes,
      leaderEpoch: partitionLeaderEpoch(buffer, start),
      maxTimestampMs: maxTimestampMs(buffer, start),
      source: lent ?? source,
      body: lent,
      image: undefined,
      baseSequence: -1,
      targetBase: -1,
      state: 'queued',
      resend: false,
    });
  }

  /** What is only declared. @param sourceNext what is fetched next */
  pushGap(gap: PendingGap, sourceNext: number): void {
    this.#pushEmpty({ gap }, gapBytes(gap), sourceNext);
  }

  #pushAsides(records: readonly Aside[], sourceNext: number): void {
    this.#pushEmpty({ gap: undefined, asides: { records, isWritten: false } }, asideBytes(records), sourceNext);
  }

  /** What is only written elsewhere. */
  #pushEmpty(content: Pick<QueuedBatch, 'gap' | 'asides'>, bytes: number, sourceNext: number): void {
    const { queue, sourceLeaderEpoch, lastTimestampMs } = this.#partition;
    this.#budget.charge(bytes);
    queue.push({
      sourceFirst: queue.fetchNext,
      sourceNext,
      recordCount: 0,
      sourceOffsets: null,
      ...content,
      bytes,
      leaderEpoch: sourceLeaderEpoch,
      maxTimestampMs: lastTimestampMs,
      source: { buffer: NOTHING, start: 0, length: 0 },
      body: undefined,
      image: undefined,
      baseSequence: -1,
      targetBase: -1,
      state: 'queued',
      resend: false,
    });
  }
}

const NOTHING = Buffer.alloc(0);
const NO_ASIDES: readonly Aside[] = [];
