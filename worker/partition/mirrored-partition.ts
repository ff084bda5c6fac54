import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import {
  type Checkpoint,
  type CheckpointPlace,
  checkpointGroup,
  checkpointPlaceOf,
  MAX_CARRIED_RUNS,
  transactionalGroup,
} from '../../common/model/checkpoint.js';
import type { BreakRequest } from '../../common/model/continuity.js';
import type { Gap } from '../../common/model/gap.js';
import { FIRST_OF_TIMELINE, type MapChain } from '../../common/model/offset-map-record.js';
import { rulesVersionOf, targetPartitionOf } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import type { PartitionState, PartitionStatus } from '../../common/model/status.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { PartitionQueue } from '../core/partition-queue.js';
import {
  INITIAL_CONDITION,
  nextCondition,
  type PartitionCondition,
  type PartitionEvent,
  type PartitionPhase,
  type Reason,
  stateOf,
} from '../core/partition-state.js';
import { RateMeter } from '../core/rate-meter.js';
import { RunBook } from '../core/run-book.js';
import { Shaping } from '../core/shaping.js';
import type { Lane } from '../lane/lane.js';

export type { Reason } from '../core/partition-state.js';

/** What a thread remembers of a partition that it lets go to begin another timeline. */
export interface FormerStay {
  /** The source's end, as it was seen last; -1 unknown. */
  readonly sourceEnd: number;
  /** The position; the target forgets the pairs of a topic that is deleted. */
  readonly pair: Checkpoint | undefined;
}

const NO_HISTORY: MapChain = { link: FIRST_OF_TIMELINE, entries: [] };

/**
 * Everything one thread knows about one mirrored partition. The parts that act on it (fetcher, intake, outlet, checkpoints)
 * each have one job; this holds the state they share and the transitions between states.
 */
export class MirroredPartition {
  readonly key: string;
  readonly targetKey: string;
  /** Its number at the target. */
  readonly targetPartition: number;
  /** What its checkpoints are about. */
  readonly place: CheckpointPlace;
  /** The consumer group at the target that keeps its checkpoint. */
  readonly group: string;
  item: AssignmentItem;
  route: Route;
  queue = new PartitionQueue(0);
  lane: Lane | undefined;
  /** Lanes that lost track of this partition's sequence numbers. */
  readonly brokenLanes = new Set<Lane>();
  sourceTopicId: string | null = null;
  targetTopicId: string | null = null;
  /** Source offset at which it ends; Infinity: never. */
  readonly until: number;
  sourceLeaderEpoch = -1;
  targetNext = -1;
  /** Which source offsets lie where at the target. */
  readonly runs = new RunBook();
  /** The pair of a moment ago, all of whose closed runs are in the map topic. */
  mapped: Checkpoint | undefined;
  /** The first pair is committed: the partition has begun. */
  started = false;
  /** Settled at this wall time's record timestamp; for lag in seconds. */
  lastTimestampMs = -1;
  /** Where the last committed checkpoint stood. */
  committedSource = -1;
  committedAtMs = Number.NEGATIVE_INFINITY;
  /** The pair that is committed, as far as is known: of this stay, or the one it was found with. */
  lastPair: Checkpoint | undefined;
  recordsCopied = 0;
  bytesCopied = 0;
  /** Source records left out and declared in this stay. */
  gapRecords = 0;
  /** What the target taught about this partition's batches; outlives restarts of the partition. */
  readonly shaping = new Shaping();
  /** Every batch that was sent has its final answer, and none is sent before the next `begin`. */
  released = false;
  /** The target answered otherwise than a sole writer expects: the last committed pair stays, and the log behind it is looked at. */
  suspect = false;
  /** Of a suspect: the target answered as expected up to this source offset; -1: not known. */
  #trustedSource = -1;
  /** The target lost what it had acknowledged from here on; -1: not known. */
  targetLostFrom = -1;
  /** What begins at the position and is gone: declared before anything is fetched. */
  lost: Gap | undefined;
  /** Asked of the leader; nothing is copied before there is another timeline. */
  breakRequest: BreakRequest | undefined;
  /** How its stay in the timeline before ended, where this thread had it. */
  former: FormerStay | undefined;
  /** A refused batch is being looked at: nothing is fetched until it is clear what to do about it. */
  judging = false;
  /** Consecutive failures; drives the back-off. */
  failures = 0;
  readonly rate = new RateMeter();
  #sourceEnd = -1;
  #sourceHighWatermark = -1;
  #condition: PartitionCondition = INITIAL_CONDITION;
  #startFault: Reason | undefined;
  /** Grows at each (re)start: answers meant for an earlier life are recognised and dropped. */
  #life = 0;

  constructor(item: AssignmentItem, route: Route) {
    this.item = item;
    this.route = route;
    this.until = item.until === undefined ? Number.POSITIVE_INFINITY : Number(item.until);
    this.key = refKey(item);
    this.targetPartition = targetPartitionOf(route.partitionMapping, item.partition);
    this.place = checkpointPlaceOf(item, route);
    this.targetKey = partitionKey(item.targetTopic, this.targetPartition);
    this.group = route.delivery === 'transactional' ? transactionalGroup(this.place) : checkpointGroup(this.place);
  }

  /** As operators see it. */
  get state(): PartitionState {
    return stateOf(this.#condition);
  }

  /** What it does, whether or not somebody noticed that it stands still. */
  get phase(): PartitionPhase {
    return this.#condition.phase;
  }

  get stall(): PartitionCondition['stall'] {
    return this.#condition.stall;
  }

  get transactional(): boolean {
    return this.route.delivery === 'transactional';
  }

  /** End of what may be read at the source, and of what is to be copied; -1: not known. */
  get sourceEnd(): number {
    return this.#sourceEnd;
  }

  set sourceEnd(offset: number) {
    this.#sourceEnd = Math.min(offset, this.until);
  }

  /** Under read_committed it lies behind `sourceEnd` while transactions are open. */
  get sourceHighWatermark(): number {
    return this.#sourceHighWatermark;
  }

  set sourceHighWatermark(offset: number) {
    this.#sourceHighWatermark = Math.min(offset, this.until);
  }

  /** Everything of its range is settled at the target. */
  get finished(): boolean {
    return this.started && this.queue.drained && this.arrivedNext >= this.until;
  }

  /** Source offset behind all that is at the target for good: what a transaction holds that has not ended is not there yet. */
  get arrivedNext(): number {
    return this.transactional ? this.committedSource : this.queue.settledNext;
  }

  /** The id whose transactions its batches belong to. */
  get transactionalId(): string | null {
    return this.transactional ? (this.lane?.record.transactionalId ?? null) : null;
  }

  /** Records that the target never takes are left out, by the route's policy. */
  get leavesOut(): boolean {
    return this.route.onRefusedRecord !== 'pause';
  }

  get reason(): Reason | undefined {
    return this.#condition.reason;
  }

  get life(): number {
    return this.#life;
  }

  /** Begins (again) at a position pair; everything of an earlier life is forgotten. */
  begin(position: {
    readonly source: number;
    readonly target: number;
    readonly runSource: number;
    readonly runTarget: number;
    /** Runs before that one which are not in the map topic; absent: there were none. */
    readonly history?: MapChain;
  }): void {
    this.#life += 1;
    this.judging = false;
    this.released = false;
    this.suspect = false;
    this.lost = undefined;
    this.#trustedSource = -1;
    this.targetLostFrom = -1;
    this.breakRequest = undefined;
    this.queue = new PartitionQueue(position.source);
    this.targetNext = position.target;
    const { runSource, runTarget, history = NO_HISTORY } = position;
    this.runs.begin(history, { source: runSource, target: runTarget, length: position.target - runTarget });
    this.mapped = undefined;
  }

  /** Why its last start did not come about; undefined once it copies. */
  get startFault(): Reason | undefined {
    return this.#startFault;
  }

  /** The only way to another state: the transitions are in core/partition-state.ts. */
  on(event: PartitionEvent): void {
    this.#condition = nextCondition(this.#condition, event);
    if (event.type === 'put-off' || event.type === 'restart') this.#startFault = event.reason;
    else if (event.type === 'copy') this.#startFault = undefined;
  }

  /** Answers still on their way belong to a life that is over. */
  endLife(): void {
    this.#life += 1;
  }

  /**
   * The pair that is settled now; undefined before the partition has a position and a lane. Of its closed runs the oldest, one more than fit:
   * while they cannot be written there may be very many.
   */
  checkpoint(): Checkpoint | undefined {
    if (this.lane === undefined || this.targetNext < 0) return undefined;
    const { transactionalId, producerId, producerEpoch } = this.lane.record;
    return {
      sourceOffset: BigInt(this.queue.settledNext),
      targetOffset: BigInt(this.targetNext),
      sourceLeaderEpoch: this.sourceLeaderEpoch,
      sourceTopicId: this.sourceTopicId,
      targetTopicId: this.targetTopicId,
      timeline: this.item.timeline,
      runSourceStart: BigInt(this.runs.openSource),
      runTargetStart: BigInt(this.runs.openTarget),
      lane: { transactionalId, producerId, producerEpoch },
      rulesVersion: rulesVersionOf(this.route),
      released: this.released,
      history: this.runs.history(MAX_CARRIED_RUNS + 1),
    };
  }

  /** Its stay, once every batch that was sent has its final answer. */
  stay(): FormerStay {
    const pair = this.checkpoint();
    const { sourceEnd, suspect } = this;
    if (!suspect || pair === undefined) return { sourceEnd, pair };
    const beyondDoubt = Math.max(this.committedSource, this.#trustedSource);
    return { sourceEnd, pair: beyondDoubt < 0 ? undefined : { ...pair, sourceOffset: BigInt(beyondDoubt) } };
  }

  /**
   * The target did not store the batch at `sourceOffset` where a sole writer expects it.
   * @param lostFrom it lost what it had acknowledged from this target offset on; undefined: that is not said
   */
  suspectFrom(sourceOffset: number, lostFrom: number | undefined): void {
    this.suspect = true;
    this.#trustedSource = sourceOffset;
    if (lostFrom !== undefined) this.targetLostFrom = lostFrom;
  }

  status(wallMs: number): Omit<PartitionStatus, 'thread' | 'throttledBy'> {
    const { route, topic, partition, targetTopic } = this.item;
    const { reason, stall } = this.#condition;
    const known = this.sourceEnd >= 0 && this.targetNext >= 0;
    const settled = this.arrivedNext;
    const lagRecords = known ? Math.max(0, this.sourceEnd - settled) : -1;
    return {
      route,
      topic,
      partition,
      targetTopic,
      state: this.state,
      ...(reason === undefined ? {} : { reason }),
      ...(stall === undefined ? {} : { stall }),
      sourceOffset: BigInt(this.targetNext < 0 ? -1 : settled),
      targetOffset: BigInt(this.targetNext),
      sourceEndOffset: BigInt(this.sourceEnd),
      lagRecords,
      lagSeconds: this.#lagSeconds(lagRecords, wallMs),
      recordsCopied: this.recordsCopied,
      bytesCopied: this.bytesCopied,
      gapRecords: this.gapRecords,
      recordsPerS: this.rate.recordsPerS,
      bytesPerS: this.rate.bytesPerS,
    };
  }

  /** The last copied record's age stands for the next one's, which nobody has read yet. */
  #lagSeconds(lagRecords: number, wallMs: number): number {
    if (lagRecords === 0) return 0;
    if (lagRecords < 0 || this.lastTimestampMs < 0) return -1;
    return Math.max(0, (wallMs - this.lastTimestampMs) / 1_000);
  }
}
