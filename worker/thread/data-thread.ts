import type { ErrorCode } from '../../common/errors/codes.js';
import { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { VerdictCounts } from '../core/batch-verdict.js';
import { ByteBudget } from '../core/byte-budget.js';
import { EndWatcher } from '../partition/end-watcher.js';
import { Intake } from '../partition/intake.js';
import { MirroredPartition, type Reason } from '../partition/mirrored-partition.js';
import { Outlet } from '../partition/outlet.js';
import type { PartitionPort } from '../partition/port.js';
import { Starter } from '../partition/starter.js';
import { LaneRegistrar } from './lane-registrar.js';
import type { FromThread, ThreadSettings, ThreadStats, ToThread } from './protocol.js';
import { Sides } from './sides.js';
import { strandedReason } from './stranded.js';
import { ThreadReporter } from './thread-reporter.js';
import { StatsCollector } from './thread-stats.js';

/** A hand-over that could not be written is tried again after this. */
const RETRY_SAVE_MS = 200;
/** A partition that has to start over waits, so that a lasting fault does not spin. */
const RESTART_BACKOFF = { initialMs: 100, maxMs: 10_000 } as const;
/** A partition whose sequence breaks on this many lanes in a row of restarts needs an operator. */
const MAX_BROKEN_LANES = 5;

export interface DataThreadDeps {
  readonly settings: ThreadSettings;
  readonly post: (message: FromThread) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Held {
  readonly partition: MirroredPartition;
  readonly intake: Intake;
  readonly outlet: Outlet;
  /** The source is read for it. */
  copying: boolean;
  draining: boolean;
}

/** One data thread: holds partitions with both their sockets, applies assignments to them, tells the supervisor what it holds. */
export class DataThread implements PartitionPort {
  readonly #deps: DataThreadDeps;
  readonly #budget: ByteBudget;
  readonly #verdicts = new VerdictCounts();
  readonly #stats = new StatsCollector();
  readonly #lanes: LaneRegistrar;
  readonly #sides: Sides;
  readonly #starter: Starter;
  readonly #reporter: ThreadReporter;
  readonly #ends: EndWatcher;
  readonly #lease: Float64Array;
  readonly #held = new Map<string, Held>();
  /** Assigned, but not to be mirrored with this worker's configuration: shown as paused, nothing else. */
  readonly #stranded = new Map<string, MirroredPartition>();
  #wanted = new Map<string, AssignmentItem>();
  #routes = new Map<string, Route>();
  #laneDeathTold = false;
  #stopped = false;

  constructor(deps: DataThreadDeps) {
    this.#deps = deps;
    const { clock, random, logger, settings } = deps;
    this.#budget = new ByteBudget(settings.maxInflightBytes);
    this.#lease = new Float64Array(settings.lease);
    this.#lanes = new LaneRegistrar(settings.thread, settings.life, deps.post);
    this.#sides = new Sides({
      settings,
      clock,
      random,
      logger,
      budget: this.#budget,
      pool: new BufferPool(Math.floor(settings.maxInflightBytes / 2)),
      lanes: this.#lanes,
      stats: this.#stats,
      mayWrite: () => this.#mayWrite(),
    });
    this.#starter = new Starter({
      clock,
      random,
      logger,
      sides: (partition) => this.#sides.of(partition.route),
      started: (partition) => this.#begun(partition),
      pause: (partition, reason) => this.pause(partition, reason),
      settled: (partition) => this.#startSettled(partition),
    });
    this.#reporter = new ThreadReporter({
      post: deps.post,
      held: () => this.#partitions(),
      takeStats: (elapsedS) => this.#takeStats(elapsedS),
      clock,
    });
    this.#ends = new EndWatcher({
      idle: () => this.#partitions().filter(({ state, started }) => started && state === 'paused'),
      source: (partition) => this.#sides.of(partition.route).source,
      clock,
      logger,
    });
    deps.post({ type: 'ready' });
  }

  receive(message: ToThread): void {
    switch (message.type) {
      case 'assign':
        this.#apply(message.routes, message.items);
        this.#reporter.applied(message.epoch, message.generation);
        return;
      case 'lane-registered':
        this.#lanes.answered(message.transactionalId, message.error);
        return;
      case 'stop':
        this.stop().catch((error: unknown) => this.#deps.logger.error('thread.stop-failed', { err: error }));
        return;
    }
  }

  /** Drops everything without another byte. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#starter.close();
    for (const { partition } of this.#held.values()) partition.endLife();
    this.#reporter.close();
    await Promise.all([this.#sides.close(), this.#ends.close()]);
    this.#deps.post({ type: 'stopped' });
  }

  #mayWrite(): boolean {
    return !this.#stopped && this.#deps.clock.monotonicMs() < (this.#lease[0] as number);
  }

  #apply(routes: readonly Route[], items: readonly AssignmentItem[]): void {
    this.#routes = new Map(routes.map((route) => [route.name, route]));
    this.#wanted = new Map(items.filter((item) => item.state === 'own').map((item) => [refKey(item), item]));
    this.#stranded.clear();
    for (const [key, held] of this.#held) {
      const item = this.#wanted.get(key);
      if (item === undefined || this.#identityChanged(held.partition, item)) this.#drain(held);
      else if (!held.draining) this.#update(held, item);
    }
    for (const [key, item] of this.#wanted) if (!this.#held.has(key)) this.#adopt(item);
  }

  /** Changes that make the old position meaningless: drained first, then adopted anew. */
  #identityChanged({ item, route }: MirroredPartition, next: AssignmentItem): boolean {
    const nextRoute = this.#routes.get(next.route);
    return (
      item.timeline !== next.timeline ||
      item.targetTopic !== next.targetTopic ||
      item.sourceTopicId !== next.sourceTopicId ||
      route.source !== nextRoute?.source ||
      route.target !== nextRoute.target ||
      route.isolation !== nextRoute.isolation
    );
  }

  #update(held: Held, item: AssignmentItem): void {
    const { partition } = held;
    const wasPaused = partition.item.paused;
    partition.item = item;
    // Its policies may have changed; what would need another position has been sorted out above.
    partition.route = this.#routes.get(item.route) ?? partition.route;
    if (wasPaused === item.paused) return;
    if (item.paused) {
      // One that is starting finds out when it has.
      if (held.copying) this.pause(partition, OPERATOR_PAUSE);
    } else if (partition.reason === OPERATOR_PAUSE) {
      this.#copy(held);
    } else if (partition.state === 'paused') {
      // Whatever paused it, an operator now wants it to run: find the position anew.
      this.#startAnew(held, 0);
    }
  }

  #copy(held: Held): void {
    held.copying = true;
    held.partition.setState('running');
    this.#sides.reader(held.partition.route).add(held.intake);
    this.ready(held.partition);
  }

  #stopCopying(held: Held): void {
    held.copying = false;
    this.#sides.reader(held.partition.route).remove(held.intake);
  }

  #adopt(item: AssignmentItem): void {
    const route = this.#routes.get(item.route);
    const stranded = strandedReason(item, route, this.#deps.settings.clusters);
    if (route === undefined || stranded !== undefined) {
      this.#deps.logger.error('partition.stranded', { ...item, code: stranded?.code, msg: stranded?.message });
      if (route === undefined) return;
      const shown = new MirroredPartition(item, route);
      shown.setState('paused', stranded);
      this.#stranded.set(shown.key, shown);
      return;
    }
    const partition = new MirroredPartition(item, route);
    const intake = new Intake(partition, {
      budget: this.#budget,
      counts: this.#verdicts,
      fetchMaxPartitionBytes: this.#deps.settings.settings.fetchMaxPartitionBytes,
      port: this,
      clock: this.#deps.clock,
      random: this.#deps.random,
    });
    const outlet = new Outlet(partition, {
      budget: this.#budget,
      port: this,
      nowMs: () => this.#deps.clock.monotonicMs(),
      copied: (copied, records, bytes) => this.#stats.copied(copied, records, bytes),
      repeated: (repeated) => this.#stats.repeated(repeated.item.route),
    });
    this.#held.set(partition.key, { partition, intake, outlet, copying: false, draining: false });
    const { source, target } = this.#sides.of(route);
    source.leaders.track(item.topic);
    target.leaders.track(item.targetTopic);
    this.#starter.request(partition);
  }

  /** The first pair is committed: copy, unless an operator said otherwise or it is leaving already. */
  #begun(partition: MirroredPartition): void {
    const held = this.#held.get(partition.key);
    if (held?.partition !== partition) return;
    this.#reporter.changed();
    held.outlet.reset();
    const { target } = this.#sides.of(partition.route);
    target.checkpoints.add(partition);
    if (held.draining) return;
    if (partition.item.paused) {
      partition.setState('paused', OPERATOR_PAUSE);
      return;
    }
    this.#copy(held);
  }

  #startSettled(partition: MirroredPartition): void {
    const held = this.#held.get(partition.key);
    if (held?.partition === partition && held.draining) this.#drainNow(held);
  }

  #drain(held: Held): void {
    if (held.draining) return;
    held.draining = true;
    held.partition.setState('draining');
    this.#stopCopying(held);
    // While its start is under way the drain waits for it: `#startSettled` follows.
    if (this.#starter.cancel(held.partition)) this.#drainNow(held);
  }

  #drainNow(held: Held): void {
    this.#starter.cancel(held.partition);
    held.outlet.drain(() => {
      this.#sides.of(held.partition.route).target.checkpoints.remove(held.partition);
      this.#saved(held, () => this.#release(held));
    });
  }

  /**
   * Every batch has its final answer: writes the pair, then goes on. Not written, the next owner (or life) would repeat what was
   * copied since the last pair: tried until it is.
   */
  #saved(held: Held, next: () => void): void {
    const { partition, draining } = held;
    const { target } = this.#sides.of(partition.route);
    const flushed = partition.started ? target.checkpoints.flush([partition]) : Promise.resolve(new Set([partition]));
    flushed
      .then((done) => {
        // A drain that began meanwhile goes its own way.
        if (this.#stopped || this.#held.get(partition.key) !== held || held.draining !== draining) return;
        if (done.has(partition)) next();
        else this.#deps.clock.after(RETRY_SAVE_MS, () => this.#saved(held, next));
      })
      .catch((error: unknown) =>
        this.#deps.logger.error('partition.hand-over-failed', { ...partition.item, err: error }),
      );
  }

  #release(held: Held): void {
    const { partition } = held;
    if (this.#held.get(partition.key) !== held) return;
    this.#held.delete(partition.key);
    partition.endLife();
    partition.lane?.leave(partition.targetKey);
    const { source, target } = this.#sides.of(partition.route);
    target.writer.remove(held.outlet);
    source.leaders.untrack(partition.item.topic);
    target.leaders.untrack(partition.item.targetTopic);
    const again = this.#wanted.get(partition.key);
    if (again !== undefined) this.#adopt(again);
    this.#reporter.changed();
  }

  ready(partition: MirroredPartition): void {
    const held = this.#held.get(partition.key);
    if (held?.partition === partition) this.#sides.of(partition.route).target.writer.ready(held.outlet);
  }

  freed(partition: MirroredPartition): void {
    const held = this.#held.get(partition.key);
    if (held?.partition === partition && held.copying) this.#sides.reader(partition.route).touch(held.intake);
  }

  pause(partition: MirroredPartition, reason: Reason): void {
    const held = this.#held.get(partition.key);
    if (held?.partition !== partition || held.draining) return;
    this.#stopCopying(held);
    partition.setState('paused', reason);
    this.#note('partition.paused', partition, reason);
  }

  restart(partition: MirroredPartition, reason: Reason): void {
    const held = this.#held.get(partition.key);
    if (held?.partition !== partition || held.draining) return;
    this.#note('partition.restarting', partition, reason);
    if (partition.brokenLanes.size >= MAX_BROKEN_LANES) {
      // Each of them left a producer behind at the target; more of the same will not mend it.
      this.pause(partition, reason);
      return;
    }
    partition.setState('backing-off', reason);
    partition.failures += 1;
    this.#startAnew(held, backoffMs(partition.failures, RESTART_BACKOFF, this.#deps.random));
  }

  /**
   * Goes through the start procedure again, once what was sent has its answers: what was given up in doubt would be sent a second time
   * under other sequence numbers.
   */
  #startAnew(held: Held, delayMs: number): void {
    this.#stopCopying(held);
    held.outlet.drain(() => this.#saved(held, () => this.#rebegin(held, delayMs)));
  }

  #rebegin({ partition, outlet }: Held, delayMs: number): void {
    this.#sides.of(partition.route).target.writer.remove(outlet);
    partition.endLife();
    this.#starter.request(partition, delayMs);
  }

  laneDead(partition: MirroredPartition): void {
    const { lane } = partition;
    if (lane === undefined) return;
    lane.markDead();
    if (this.#laneDeathTold) return;
    this.#laneDeathTold = true;
    this.#note('lane.dead', partition, { code: 'LANE_DEAD', message: 'the target fenced this lane' });
    this.#deps.post({ type: 'lane-dead', transactionalId: lane.record.transactionalId });
  }

  refreshSource(partition: MirroredPartition): void {
    this.#sides.of(partition.route).source.leaders.refresh();
  }

  refreshTarget(partition: MirroredPartition): void {
    this.#sides.of(partition.route).target.leaders.refresh();
  }

  #note(
    event: string,
    partition: MirroredPartition,
    reason: { readonly code: ErrorCode; readonly message: string },
  ): void {
    if (reason.code !== 'PAUSED_BY_OPERATOR') this.#stats.error(reason.code);
    const { route, topic, partition: number } = partition.item;
    const offset = String(partition.queue.settledNext);
    this.#deps.logger.warn(event, { route, topic, partition: number, offset, code: reason.code, msg: reason.message });
  }

  #takeStats(elapsedS: number): ThreadStats {
    const partitions = [...this.#partitions(), ...this.#stranded.values()];
    for (const partition of partitions) partition.rate.tick(elapsedS);
    const { usedBytes } = this.#budget;
    const wallMs = this.#deps.clock.wallMs();
    return this.#stats.take(partitions, this.#verdicts, usedBytes, this.#sides.laneCounts(), wallMs);
  }

  #partitions(): MirroredPartition[] {
    return [...this.#held.values()].map(({ partition }) => partition);
  }
}

const OPERATOR_PAUSE: Reason = { code: 'PAUSED_BY_OPERATOR', message: 'an operator paused the topic' };
