import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import { LANE_TRANSACTION_TIMEOUT_MS } from '../../common/kafka/fencing/fencing-client.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import { MAX_PARTITIONS_PER_LANE } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Random } from '../../common/runtime/random.js';
import type { LaneTransactionFacts } from '../core/stall-facts.js';
import { TxnBatcher } from '../core/txn-batcher.js';
import { Lane } from '../lane/lane.js';
import type { MapKeeper } from '../offsets/map-keeper.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';
import { enrollWanted } from './enroll-wanted.js';
import { Enrolment } from './enrolment.js';
import { commitPositions, refusedPositions } from './position-commit.js';
import type { Rider, RiderPort } from './rider.js';
import { Riders } from './riders.js';
import { abortTransaction } from './transaction-abort.js';
import { TransactionCalls } from './transaction-calls.js';
import { TransactionFault } from './transaction-fault.js';
import { TransactionRuns } from './transaction-runs.js';

/**
 * Everything but its end has to be done within this, or we abort it ourselves: well before the coordinator does (LANE_TRANSACTION_TIMEOUT_MS),
 * under a higher epoch, and the lane is dead.
 */
const MAX_OPEN_MS = 25_000;
/** What was sent has to be answered within this once the transaction is to end; whatever is not goes on without the others. */
const ANSWERS_MS = 10_000;
/** Not every way to an answer wakes it. */
const LOOK_MS = 50;
/** Without the right to write it is asked for again this often. */
const LEASE_POLL_MS = 200;
const FAILURE_BACKOFF = { initialMs: 50, maxMs: 5_000 } as const;
/** From this many aborted transactions in a row the partitions' states say so. */
const FAILURES_TO_SHOW = 3;

export interface TransactionalLaneDeps {
  readonly client: ClusterClient;
  readonly port: RiderPort;
  readonly maps: Pick<MapKeeper, 'mustSave' | 'save' | 'isReady' | 'carriedOrNone'>;
  /** False once the session's lease has ended: no transaction begins any more. */
  readonly mayWrite: () => boolean;
  /** How often positions that moved without data are looked for. */
  readonly checkIntervalMs: number;
  readonly refreshMs: number;
  /** The target has fenced or forgotten the lane: this incarnation must end (exactly-once.md 2.5). */
  readonly dead: (lane: Lane) => void;
  /** The partition is to ride apart from the others from now on. */
  readonly unfit: (partition: MirroredPartition) => void;
  readonly ended: (outcome: 'committed' | 'aborted', positions: number) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

type Phase = LaneTransactionFacts['phase'];

/**
 * One transactional id and the transactions it runs, one after the other (exactly-once.md 5.4): batches of its partitions and their source
 * positions are committed together or not at all. No two of its partitions write into the same target partition, because the sequence numbers
 * there are one series.
 */
export class TransactionalLane implements Closable {
  readonly #deps: TransactionalLaneDeps;
  /** For partitions that kept others from ending their transactions. */
  readonly isApart: boolean;
  readonly #batcher = new TxnBatcher();
  readonly #nudge: Nudge;
  readonly #stop = new AbortController();
  readonly #enrolment = new Enrolment();
  readonly #riders = new Riders(this.#enrolment);
  readonly #runs: TransactionRuns;
  readonly #running: Promise<void>;
  #lane: Lane;
  #phase: Phase = 'idle';
  #fault: TransactionFault | undefined;
  #failures = 0;
  #beganMs = Number.NEGATIVE_INFINITY;
  /** The last one. */
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(lane: Lane, isApart: boolean, deps: TransactionalLaneDeps) {
    this.#lane = lane;
    this.isApart = isApart;
    this.#deps = deps;
    this.#nudge = new Nudge(deps.clock);
    const stopped = (err: unknown): void => deps.logger.error('offset-map.save-failed', { err });
    this.#runs = new TransactionRuns({ ...deps, wake: () => this.#nudge.wake(), stopped });
    this.#running = this.#run().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#died();
      deps.logger.error('transactions.stopped', { lane: this.#lane.record.transactionalId, err: error });
      deps.dead(this.#lane);
    });
  }

  /** The identity of now: its epoch, and with it every sequence, begins anew after a transaction that failed. */
  get lane(): Lane {
    return this.#lane;
  }

  get isDead(): boolean {
    return this.#phase !== 'aborting' && this.#lane.dead;
  }

  get facts(): LaneTransactionFacts {
    const sinceMs = this.#phase === 'idle' ? this.#endedMs : this.#beganMs;
    const { transactionalId } = this.#lane.record;
    return { transactionalId, isDead: this.isDead, phase: this.#phase, sinceMs, aborted: this.#failures };
  }

  /** Room for a partition that writes there. */
  hasRoomFor(targetKey: string): boolean {
    return !this.isDead && this.#riders.size < MAX_PARTITIONS_PER_LANE && !this.#riders.writeInto(targetKey);
  }

  join(partition: MirroredPartition): void {
    this.leave(partition);
    this.#riders.add(partition);
  }

  leave(partition: MirroredPartition): void {
    const rider = this.#riders.of(partition);
    this.#riders.remove(partition);
    const isOpen = this.#phase === 'open' || this.#phase === 'closing';
    if (isOpen && rider !== undefined && (rider.isAhead || !rider.isQuiet)) {
      // What it wrote would be committed without its position.
      this.#fault ??= new TransactionFault(`${partition.key} left in the middle of it`, []);
      this.#nudge.wake();
    }
    rider?.giveUpWaiting();
  }

  /** @see TransactionGate.admits */
  admits(partition: MirroredPartition, bytes: number): boolean {
    if (this.#phase === 'open' && this.#enrolment.has(partition.targetKey) && !this.#batcher.isFull) {
      this.#batcher.sent(bytes);
      if (this.#batcher.isFull) this.#nudge.wake();
      return true;
    }
    this.#enrolment.want(partition);
    this.#nudge.wake();
    return false;
  }

  /** An answer came in; the last one that was waited for, perhaps. */
  answered(partition: MirroredPartition): void {
    const { queue } = partition;
    const isLast = this.#phase === 'open' ? queue.drained : queue.unanswered === 0;
    if (isLast) this.#nudge.wake();
  }

  broken(partition: MirroredPartition, reason: Reason): void {
    this.#fault ??= new TransactionFault(reason.message, [{ partition, reason }]);
    this.#nudge.wake();
  }

  /** Resolves when the partition, which is none of the riders', is part of the transaction under way; of that one only. */
  enroll(partition: TopicPartition): Promise<void> {
    const isOpen = this.#phase === 'open' || this.#phase === 'closing';
    if (!isOpen) return Promise.reject(new CausewayError('LANE_DEAD', 'the transaction it belonged to is over'));
    if (this.#enrolment.has(partitionKey(partition.topic, partition.partition))) return Promise.resolve();
    const enrolled = this.#enrolment.wantSide(partition);
    this.#nudge.wake();
    return enrolled;
  }

  /** Whether the partition's position as it stands now is, or could be, committed. */
  async commitPosition(partition: MirroredPartition): Promise<boolean> {
    const rider = this.#riders.of(partition);
    if (rider === undefined || this.isDead || this.#stop.signal.aborted) return false;
    const isCommitted = rider.committed !== undefined && !rider.isAhead;
    if (isCommitted && rider.committed?.released === partition.released) return true;
    // Nobody needs to know of a mere pause between two lives that its lane let go.
    if (isCommitted && partition.phase !== 'draining') return true;
    if (this.#deps.clock.monotonicMs() < rider.barredUntilMs) return false;
    const committed = rider.awaitPosition();
    this.#nudge.wake();
    return committed;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#nudge.wake();
    this.#died();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { mayWrite, checkIntervalMs, clock } = this.#deps;
    while (!this.#stop.signal.aborted && !this.#lane.dead) {
      if (!this.#enrolment.isWanted && !this.#riders.isUrgent && !this.#hasDue())
        await this.#nudge.wait(checkIntervalMs);
      else if (mayWrite()) await this.#transaction();
      else await clock.sleep(LEASE_POLL_MS, this.#stop.signal);
    }
  }

  /** Positions move without data, too, which nobody waits for. */
  #hasDue(): boolean {
    const { clock, checkIntervalMs } = this.#deps;
    return clock.monotonicMs() - this.#endedMs >= checkIntervalMs && this.#due().length > 0;
  }

  #due(): Rider[] {
    const { clock, refreshMs } = this.#deps;
    return this.#riders.due(clock.monotonicMs(), refreshMs, (partition) => this.#runs.isWaiting(partition));
  }

  async #transaction(): Promise<void> {
    const { client, clock } = this.#deps;
    const { signal } = this.#stop;
    const calls = new TransactionCalls({ client, lane: this.#lane.record, limitMs: MAX_OPEN_MS, signal });
    this.#phase = 'open';
    this.#fault = undefined;
    this.#enrolment.begin();
    this.#runs.begin();
    this.#beganMs = clock.monotonicMs();
    this.#batcher.opened(this.#beganMs);
    try {
      await this.#collect(calls);
      this.#phase = 'closing';
      const sinceMs = clock.monotonicMs();
      await this.#answers(calls);
      this.#phase = 'ending';
      await this.#commit(calls);
      this.#batcher.committed(clock.monotonicMs(), clock.monotonicMs() - sinceMs);
      if (calls.isDoubtful) this.#goOnUnder(await calls.raiseEpoch(LANE_TRANSACTION_TIMEOUT_MS));
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      await this.#failed(calls, error);
    }
    this.#endedMs = clock.monotonicMs();
    this.#phase = 'idle';
  }

  /** Takes partitions in as they ask, until it is time to end. */
  async #collect(calls: TransactionCalls): Promise<void> {
    const { clock } = this.#deps;
    for (;;) {
      this.#throwFault();
      if (await this.#enroll(calls, true)) continue;
      const step = this.#batcher.step(clock.monotonicMs(), this.#riders);
      if (step.kind === 'end') return;
      await this.#nudge.wait(step.forMs);
    }
  }

  /** Waits for the answers to everything that was sent in it. */
  async #answers(calls: TransactionCalls): Promise<void> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + ANSWERS_MS;
    for (;;) {
      this.#throwFault();
      if (await this.#enroll(calls, false)) continue;
      const members = this.#riders.members();
      const open = members.filter((rider) => !rider.isQuiet);
      if (open.length === 0 && this.#runs.areSaved(this.#due().map(({ partition }) => partition))) return;
      if (clock.monotonicMs() >= untilMs) {
        // Where no answer comes at all it is nobody's fault.
        throw TransactionFault.unanswered(
          open.map(({ partition }) => partition),
          open.length < members.length,
        );
      }
      await this.#nudge.wait(LOOK_MS);
    }
  }

  #enroll(calls: TransactionCalls, withRiders: boolean): Promise<boolean> {
    return enrollWanted(calls, { enrolment: this.#enrolment, riders: this.#riders, port: this.#deps.port }, withRiders);
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #commit(calls: TransactionCalls): Promise<void> {
    const { clock, maps, ended } = this.#deps;
    const positions = this.#due().flatMap((rider) => {
      const checkpoint = maps.carriedOrNone(rider.partition);
      return checkpoint === undefined ? [] : [{ rider, checkpoint, waiting: rider.takeWaiting() }];
    });
    let isCommitted = false;
    try {
      const refused = await commitPositions(calls, this.#enrolment, positions);
      if (refused.length > 0) throw refusedPositions(refused, this.#deps);
      this.#throwFault();
      isCommitted = !calls.isBegun || (await calls.end(true));
      if (!isCommitted) throw new TransactionFault('the target had ended the transaction already', []);
      this.#runs.committed();
      for (const { rider, checkpoint } of positions) {
        rider.committed = checkpoint;
        rider.partition.committedSource = Number(checkpoint.sourceOffset);
        rider.partition.committedAtMs = clock.monotonicMs();
        if (this.#failures >= FAILURES_TO_SHOW) rider.partition.on({ type: 'store' });
      }
      if (calls.isBegun) ended('committed', positions.length);
    } finally {
      for (const { waiting } of positions) for (const tell of waiting) tell(isCommitted);
    }
  }

  async #failed(calls: TransactionCalls, error: unknown): Promise<void> {
    const { logger, clock, random, ended } = this.#deps;
    const place = { lane: this.#lane.record.transactionalId, target: this.#lane.record.target };
    if (isCausewayError(error, 'LANE_DEAD')) {
      logger.warn('transaction.refused', { ...place, msg: messageOf(error) });
      this.#refuse();
      return;
    }
    if (!(error instanceof CausewayError || error instanceof TransactionFault)) throw error;
    this.#failures += 1;
    this.#batcher.aborted();
    logger.warn('transaction.aborted', { ...place, failures: this.#failures, msg: messageOf(error) });
    this.#phase = 'aborting';
    const blamed = error instanceof TransactionFault ? error.blamed : [];
    const rewound = this.#rewind();
    const aborted = await abortTransaction(calls, { ...this.#deps, target: place.target, signal: this.#stop.signal });
    if (aborted.kind === 'dead') this.#refuse();
    if (aborted.kind !== 'aborted') return;
    this.#goOnUnder(aborted.producerEpoch);
    ended('aborted', 0);
    this.#phase = 'idle';
    const guilty = new Set(blamed.map(({ partition }) => partition));
    for (const { partition, reason } of blamed) {
      this.#deps.unfit(partition);
      // What waits for an operator does not begin anew by itself, and what begins anew does so once.
      const isHeld = partition.phase === 'paused' || partition.phase === 'restarting';
      if (!isHeld) this.#deps.port.restart(partition, reason);
    }
    const reason: Reason = { code: isCausewayError(error) ? error.code : 'KAFKA_ERROR', message: messageOf(error) };
    for (const { partition } of rewound) {
      if (guilty.has(partition)) continue;
      if (this.#failures >= FAILURES_TO_SHOW) partition.on({ type: 'fail', reason });
      this.#deps.port.freed(partition);
    }
    if (guilty.size === 0) await clock.sleep(backoffMs(this.#failures - 1, FAILURE_BACKOFF, random), this.#stop.signal);
  }

  /** What was stored since the last commit will not have been. Nothing more is sent under the present identity. */
  #rewind(): readonly Rider[] {
    this.#lane.markDead();
    this.#enrolment.giveUp(new CausewayError('LANE_DEAD', 'the transaction was aborted'));
    return this.#riders.rewind(this.#deps.port);
  }

  /** Whatever names the epoch before is refused from here on. */
  #goOnUnder(producerEpoch: number): void {
    this.#lane.markDead();
    this.#lane = new Lane({ ...this.#lane.record, producerEpoch }, true);
    this.#riders.goOnUnder(this.#lane);
  }

  #refuse(): void {
    this.#died();
    this.#deps.dead(this.#lane);
  }

  #died(): void {
    this.#lane.markDead();
    this.#phase = 'idle';
    this.#enrolment.giveUp(new CausewayError('LANE_DEAD', 'the target refuses the lane'));
    this.#riders.giveUpWaiting();
  }
}
