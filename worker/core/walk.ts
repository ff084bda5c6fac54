import { MAGIC_V2, partitionLeaderEpoch } from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import type { SkippedRange, SkipSet } from './skip-set.js';
import { RunList, type WalkedRun } from './walk-runs.js';
import { type OpenBatch, type RecordField, recordDifference, samePayload } from './walk-side.js';
import { SourceStream } from './walk-source.js';
import { type ForeignBatch, TargetStream } from './walk-target.js';

/** Where a walk begins. Offsets are guarded numbers (< 2^53). */
export interface WalkStart {
  /** Next source offset, and the target offset from which the target is read. */
  readonly sourceOffset: number;
  readonly targetOffset: number;
  /** Copies behind the pair that lie before `targetOffset` and cannot be read any more: counted (exactly-once.md 6.6). */
  readonly hidden: number;
  /** Where the target's log was closed. */
  readonly closedEnd: number;
}

/** What holds for all walks over a partition. */
export interface WalkTerms {
  /** What gap records declare of the source partition. */
  readonly skips: SkipSet;
  /** Producer ids of the lanes that may have written behind the pair. */
  readonly ours: ReadonlySet<bigint>;
  /**
   * Offsets without a record in the target: `counted` where its cleaner may have taken copies away, `refused` where there can be none.
   */
  readonly holes: 'counted' | 'refused';
  readonly open: OpenBatch;
  /** Sees every run once, in order. */
  readonly onRun?: (run: WalkedRun) => void;
}

/** Both logs are the same up to here. */
export interface AgreedPair {
  readonly sourceOffset: number;
  readonly targetOffset: number;
}

export type DivergedWhat =
  | RecordField
  /** The target has a record more than the source. */
  | 'source-ended'
  /** An offset of the target holds nothing, and nobody should have taken it away. */
  | 'target-hole';

export type WalkResult =
  /** Every record of the target is accounted for. */
  | {
      readonly kind: 'resume';
      /** The first source offset whose record is not there; may lie inside a source batch. */
      readonly sourceOffset: number;
      readonly targetOffset: number;
      /** Of the newest source batch that was read: the source's log reached the position under it; -1 none was, or it has none. */
      readonly sourceLeaderEpoch: number;
      /** Records of the target that were compared, and that could only be counted. */
      readonly compared: number;
      readonly counted: number;
      /** The newest; `runsLeftOut` earlier ones were only told to `onRun`. */
      readonly runs: readonly WalkedRun[];
      readonly runsLeftOut: number;
      /** Declared at or behind the new position: to be left out again, not decided anew. */
      readonly declared: readonly SkippedRange[];
    }
  /** Somebody else wrote. */
  | ({ readonly kind: 'foreign'; readonly agreed: AgreedPair } & ForeignBatch)
  /** The first record that differs: its number from the pair on, and where it lies in both logs. */
  | {
      readonly kind: 'diverged';
      readonly rank: number;
      readonly sourceOffset: number;
      readonly targetOffset: number;
      readonly what: DivergedWhat;
      readonly agreed: AgreedPair;
    };

/** The log whose next batch is wanted, or how it ended. */
export type WalkStep = 'source' | 'target' | WalkResult;

/**
 * Pairs the records of a closed target log with those of its source, by rank from a pair (exactly-once.md section 6): rank decides, content
 * confirms. How records are put into batches on either side does not matter. Holds one batch of each log and nothing else that grows.
 *
 * Ask `advance`; give what it wants to `takeSource` or `takeTarget`, or say that there is no more; ask again.
 */
export class Walk {
  readonly #terms: WalkTerms;
  readonly #start: WalkStart;
  readonly #source: SourceStream;
  readonly #target: TargetStream;
  readonly #runs: RunList;
  /** Ranks that the target cannot show: passed in the source unseen. */
  #unseen: number;
  #compared = 0;
  #counted = 0;
  #agreedSource: number;
  #agreedTarget: number;
  #sourceLeaderEpoch = -1;
  #result: WalkResult | undefined;

  constructor(start: WalkStart, terms: WalkTerms) {
    const { sourceOffset, targetOffset, closedEnd, hidden } = start;
    this.#terms = terms;
    this.#start = start;
    this.#source = new SourceStream(sourceOffset, terms.skips, terms.open);
    this.#target = new TargetStream({ from: targetOffset, closedEnd, ours: terms.ours }, terms.open);
    this.#runs = new RunList(terms.onRun ?? (() => undefined));
    this.#unseen = hidden;
    this.#agreedSource = sourceOffset;
    this.#agreedTarget = targetOffset - hidden;
  }

  /** Where to read the source on: may jump over what was declared. */
  get sourceReadFrom(): number {
    return this.#source.readFrom;
  }

  /** How far it has come on both sides. */
  get agreed(): AgreedPair {
    return { sourceOffset: this.#agreedSource, targetOffset: this.#agreedTarget };
  }

  /** Records of the target accounted for. */
  get rank(): number {
    return this.#compared + this.#counted;
  }

  /** @throws BATCH_CORRUPT, BATCH_UNSUPPORTED for batches that have to be opened and cannot be */
  advance(): WalkStep {
    while (this.#result === undefined) {
      const wanted = this.#step();
      if (wanted !== undefined) return wanted;
    }
    return this.#result;
  }

  /** The batch must stay unchanged until the next batch of that side is wanted, or the walk has ended. */
  takeSource(batch: BatchView, isAborted: boolean): void {
    if (batch.magic === MAGIC_V2) {
      this.#sourceLeaderEpoch = Math.max(this.#sourceLeaderEpoch, partitionLeaderEpoch(batch.buffer, batch.start));
    }
    this.#source.take(batch, isAborted);
  }

  /** The source's log holds no more that the route may deliver. */
  sourceEnded(): void {
    this.#source.ended();
  }

  /** As `takeSource`. */
  takeTarget(batch: BatchView, isAborted = false): void {
    this.#target.take(batch, isAborted);
    const { foreign } = this.#target;
    if (foreign !== undefined) this.#result = { kind: 'foreign', ...foreign, agreed: this.agreed };
  }

  /** Every batch before the closed end was taken. */
  targetEnded(): void {
    this.#target.ended();
  }

  #step(): 'source' | 'target' | undefined {
    if (this.#unseen > 0) return this.#passUnseen();
    const isThere = this.#target.ready();
    if (!isThere && !this.#target.isEnded) return 'target';
    const holeAt = this.#target.next;
    const holes = this.#target.takeHoles();
    if (holes > 0) {
      if (this.#terms.holes === 'counted') this.#unseen = holes;
      else this.#diverge('target-hole', holeAt);
      return undefined;
    }
    return isThere ? this.#pair() : this.#finish();
  }

  #pair(): 'source' | undefined {
    if (!this.#source.ready()) return this.#lacksSource();
    const source = this.#source.side;
    const target = this.#target.side;
    const [left, right] = [source.unopened, target.unopened];
    if (left !== undefined && right !== undefined && samePayload(left, right)) {
      this.#paired(left.baseOffset, right.baseOffset, left.recordCount);
      this.#source.passBatch();
      this.#target.passBatch(right);
      return undefined;
    }
    source.enter();
    target.enter();
    if (!source.ready() || !target.ready()) return undefined;
    const what = recordDifference(source, target);
    if (what !== undefined) {
      this.#diverge(what, target.offset);
      return undefined;
    }
    this.#paired(source.offset, target.offset, 1);
    this.#source.pass();
    this.#target.pass();
    return undefined;
  }

  #passUnseen(): 'source' | undefined {
    if (!this.#source.ready()) return this.#lacksSource();
    const whole = this.#source.side.unopened;
    const count = whole !== undefined && whole.recordCount <= this.#unseen ? whole.recordCount : 1;
    if (whole !== undefined && count === whole.recordCount) this.#source.passBatch();
    else {
      this.#source.side.enter();
      if (!this.#source.ready()) return undefined;
      this.#source.pass();
    }
    this.#unseen -= count;
    this.#counted += count;
    this.#agreedSource = this.#source.next;
    this.#agreedTarget = this.#target.next - this.#unseen;
    return undefined;
  }

  #lacksSource(): 'source' | undefined {
    if (!this.#source.isEnded) return 'source';
    // Those that are only counted lie before the next one that can be seen.
    this.#diverge('source-ended', this.#target.next - this.#unseen);
    return undefined;
  }

  /** All of the target is paired: what was declared behind it is passed as well, as far as only that lies there. */
  #finish(): 'source' | undefined {
    const source = this.#source;
    if (source.ready()) {
      this.#resume(source.side.offset);
      return undefined;
    }
    source.passSkipped();
    if (!source.isEnded && source.next < this.#terms.skips.end) return 'source';
    this.#resume(source.next);
    return undefined;
  }

  #paired(sourceOffset: number, targetOffset: number, count: number): void {
    this.#runs.add(sourceOffset, targetOffset, count);
    this.#compared += count;
    this.#agreedSource = sourceOffset + count;
    this.#agreedTarget = targetOffset + count;
  }

  #resume(sourceOffset: number): void {
    const runs = this.#runs.finish();
    this.#result = {
      kind: 'resume',
      sourceOffset,
      targetOffset: this.#start.closedEnd,
      sourceLeaderEpoch: this.#sourceLeaderEpoch,
      compared: this.#compared,
      counted: this.#counted,
      runs,
      runsLeftOut: this.#runs.leftOut,
      declared: this.#terms.skips.from(sourceOffset),
    };
  }

  #diverge(what: DivergedWhat, targetOffset: number): void {
    const sourceOffset = this.#source.ready() ? this.#source.side.offset : this.#source.next;
    this.#result = { kind: 'diverged', rank: this.rank, sourceOffset, targetOffset, what, agreed: this.agreed };
  }
}
