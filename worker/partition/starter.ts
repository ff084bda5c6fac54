import { isCausewayError } from '../../common/errors/error.js';
import type { BreakRequest } from '../../common/model/continuity.js';
import type { Gap } from '../../common/model/gap.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { StartStep } from '../core/stall-facts.js';
import type { TargetSide } from '../thread/target-side.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import { type PutOff, reasonOf } from './position-facts.js';
import { type Beginning, type Found, isUnsettled, PositionFinder, type PositionFinderDeps } from './position-finder.js';

/** Partitions whose positions are asked for together. */
const MAX_BATCH = 500;
const RETRY_BACKOFF = { initialMs: 100, maxMs: 10_000 } as const;
/** While leaderships are in motion. */
const SOON_BACKOFF = { initialMs: 100, maxMs: 1_000 } as const;

export interface StarterDeps extends PositionFinderDeps {
  /** The first pair is committed; the partition has a lane and a position. */
  readonly started: (partition: MirroredPartition) => void;
  readonly pause: (partition: MirroredPartition, reason: Reason) => void;
  /** It goes on in another timeline, which the leader is asked for; paused until then. */
  readonly broken: (partition: MirroredPartition, request: BreakRequest, reason: Reason) => void;
  /** Writes down at the target what the end of the timeline before cost. */
  readonly declare: (partition: MirroredPartition, gap: Gap) => Promise<void>;
  /** Not in the works any more, whatever came of it. */
  readonly settled: (partition: MirroredPartition) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Partitions of one checkpoint group whose positions are being found. */
interface StartBatch {
  /** Not given up meanwhile. */
  readonly wanted: Set<MirroredPartition>;
  /** Past the point where they can be given up without a trace. */
  readonly beginning: Set<MirroredPartition>;
  /** Begun, put off or paused; a failure puts off the rest. */
  readonly settled: Set<MirroredPartition>;
  /** The logs of its last owners are being closed. */
  readonly closing: Set<MirroredPartition>;
}

/**
 * Finds where each new partition continues and commits that pair before anything is fetched (exactly-once.md 4.3).
 * Partitions of a checkpoint group (of one route) that wait at the same time are asked for together: a worker that takes over a
 * thousand needs a few dozen requests. Groups do not wait for each other: a cluster or coordinator that does not answer holds up its
 * own only.
 */
export class Starter {
  readonly #deps: StarterDeps;
  readonly #finder: PositionFinder;
  /** By checkpoint group. */
  readonly #queues = new Map<string, Set<MirroredPartition>>();
  readonly #delayed = new Map<MirroredPartition, () => void>();
  readonly #active = new Map<string, StartBatch>();
  #scheduled = false;
  #closed = false;

  constructor(deps: StarterDeps) {
    this.#deps = deps;
    this.#finder = new PositionFinder(deps);
  }

  request(partition: MirroredPartition, delayMs = 0): void {
    if (this.#closed) return;
    if (delayMs > 0) {
      const timer = this.#deps.clock.after(delayMs, () => {
        this.#delayed.delete(partition);
        this.request(partition);
      });
      this.#delayed.set(partition, () => timer.cancel());
      return;
    }
    const queue = this.#queues.get(partition.group) ?? new Set();
    this.#queues.set(partition.group, queue.add(partition));
    this.#schedule();
  }

  /**
   * Gives up on a partition that waits, or whose position is still being found: nothing of it is left. False when it is being begun right
   * now (`settled` follows).
   */
  cancel(partition: MirroredPartition): boolean {
    this.#delayed.get(partition)?.();
    this.#delayed.delete(partition);
    this.#queues.get(partition.group)?.delete(partition);
    const batch = this.#active.get(partition.group);
    if (batch?.beginning.has(partition) === true) return false;
    batch?.wanted.delete(partition);
    return true;
  }

  /** How far its start has come. */
  stepOf(partition: MirroredPartition): StartStep {
    const batch = this.#active.get(partition.group);
    if (batch === undefined || !batch.wanted.has(partition) || batch.settled.has(partition)) return 'waiting';
    if (batch.beginning.has(partition)) return 'beginning';
    return batch.closing.has(partition) ? 'closing' : 'finding';
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#queues.clear();
  }

  /** Everything that is asked for within one turn of the loop is started together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  #next(): void {
    if (this.#closed) return;
    for (const [group, queue] of this.#queues) {
      if (this.#active.has(group)) continue;
      const batch = [...queue].slice(0, MAX_BATCH);
      for (const partition of batch) queue.delete(partition);
      if (queue.size === 0) this.#queues.delete(group);
      if (batch.length > 0) this.#start(group, batch);
    }
  }

  #start(group: string, batch: readonly MirroredPartition[]): void {
    const open: StartBatch = { wanted: new Set(batch), beginning: new Set(), settled: new Set(), closing: new Set() };
    this.#active.set(group, open);
    this.#startGroup(open)
      .catch((error: unknown) => {
        for (const partition of open.wanted) {
          if (!open.settled.has(partition)) this.#putOff(open, partition, reasonOf(error));
        }
      })
      .finally(() => {
        this.#active.delete(group);
        for (const partition of open.wanted) this.#deps.settled(partition);
        this.#schedule();
      })
      .catch((error: unknown) => this.#deps.logger.error('partition.start-failed', { group, err: error }));
  }

  async #startGroup(batch: StartBatch): Promise<void> {
    const ready = [...batch.wanted].filter((partition) => {
      const reason = this.#finder.leaderless(partition);
      if (reason !== undefined) this.#putOff(batch, partition, reason);
      return reason === undefined;
    });
    const [first] = ready;
    if (first === undefined) return;
    // Whatever it waits for from here on, it is not what the last attempt failed for.
    for (const partition of ready) partition.on({ type: 'start' });
    const { target } = this.#deps.sides(first);
    const found = await this.#finder.find(ready);
    await this.#begin(batch, target, this.#sort(batch, found));
    // Those wait for markers, and for as much as there is to compare.
    const unsettled = [...found.values()].filter(isUnsettled);
    const wanted = unsettled.filter(({ partition }) => batch.wanted.has(partition));
    if (wanted.length === 0) return;
    for (const { partition } of wanted) batch.closing.add(partition);
    const walked = await this.#finder.walk(wanted);
    await this.#begin(batch, target, this.#sort(batch, walked));
  }

  /** Puts off or pauses what cannot begin; gives what can. */
  #sort(batch: StartBatch, found: ReadonlyMap<MirroredPartition, Found>): [MirroredPartition, Beginning][] {
    const beginnings: [MirroredPartition, Beginning][] = [];
    for (const [partition, one] of found) {
      if (!batch.wanted.has(partition)) continue;
      switch (one.kind) {
        case 'begin':
          beginnings.push([partition, one]);
          break;
        case 'wait':
          this.#putOff(batch, partition, one);
          break;
        case 'pause':
          batch.settled.add(partition);
          if (!partition.transactional) this.#deps.sides(partition).target.checkpoints.keep(partition);
          this.#deps.pause(partition, { code: one.code, message: one.message });
          break;
        case 'break': {
          batch.settled.add(partition);
          const { route, topic, partition: number, timeline } = partition.item;
          const { cause, from, code, message } = one;
          this.#deps.broken(partition, { route, topic, partition: number, timeline, cause, from }, { code, message });
          break;
        }
        case 'walk':
        case 'close':
          break;
      }
    }
    return beginnings;
  }

  async #begin(
    batch: StartBatch,
    target: TargetSide,
    beginnings: readonly (readonly [MirroredPartition, Beginning])[],
  ): Promise<void> {
    if (beginnings.length === 0) return;
    for (const [partition] of beginnings) batch.beginning.add(partition);
    const begun: MirroredPartition[] = [];
    for (const [partition, { facts, plan, sourceLeaderEpoch, history }] of beginnings) {
      await target.join(partition);
      // Not before: a pair of the old life must never be committed under the ids of a recreated topic.
      partition.sourceTopicId = facts.sourceTopicId;
      partition.targetTopicId = facts.targetTopicId;
      partition.sourceLeaderEpoch = sourceLeaderEpoch;
      partition.begin({
        source: Number(plan.sourceOffset),
        target: Number(plan.targetOffset),
        runSource: Number(plan.runSourceStart),
        runTarget: Number(plan.runTargetStart),
        history,
      });
      partition.lost = plan.lost;
      this.#tellChange(partition, facts);
      if (plan.broken === undefined || (await this.#declare(batch, partition, plan.broken))) begun.push(partition);
    }
    // Of one group, and so of one way to deliver.
    const [first] = begun;
    if (first === undefined) return;
    const committed = await target.positionsOf(first).flush(begun);
    for (const partition of begun) {
      if (committed.has(partition)) {
        batch.settled.add(partition);
        partition.started = true;
        partition.failures = 0;
        this.#deps.started(partition);
      } else {
        this.#putOff(batch, partition, {
          code: 'KAFKA_ERROR',
          message: 'the first checkpoint could not be committed at the target',
        });
      }
    }
  }

  /** The pair that is committed next is of the rules that hold from here on. */
  #tellChange({ item, queue }: MirroredPartition, { checkpoint, rulesVersion }: Beginning['facts']): void {
    if (checkpoint === undefined || checkpoint.timeline !== item.timeline) return;
    if (checkpoint.rulesVersion === rulesVersion) return;
    const { route, topic, partition } = item;
    const versions = { before: checkpoint.rulesVersion, rulesVersion };
    this.#deps.logger.info('partition.rules-changed', {
      route,
      topic,
      partition,
      from: queue.settledNext,
      ...versions,
    });
  }

  /** Before the pair: a timeline that has one has said what the one before cost. */
  async #declare(batch: StartBatch, partition: MirroredPartition, gap: Gap): Promise<boolean> {
    try {
      await this.#deps.declare(partition, gap);
      return true;
    } catch (error) {
      if (isCausewayError(error, 'SHUTTING_DOWN')) throw error;
      this.#putOff(batch, partition, reasonOf(error));
      return false;
    }
  }

  #putOff(batch: StartBatch, partition: MirroredPartition, { code, message, soon = false }: PutOff): void {
    batch.settled.add(partition);
    partition.on({ type: 'put-off', reason: { code, message } });
    const delayMs = backoffMs(partition.failures, soon ? SOON_BACKOFF : RETRY_BACKOFF, this.#deps.random);
    partition.failures += 1;
    this.request(partition, delayMs);
  }
}
