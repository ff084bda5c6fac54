import { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { lifetime } from '../../common/runtime/lifecycle.js';
import { LoopLoad } from '../../common/runtime/loop-load.js';
import type { Random } from '../../common/runtime/random.js';
import { VerdictCounts } from '../core/batch-verdict.js';
import type { ByteBudget } from '../core/byte-budget.js';
import { SETTLE_UNTIL, WRITE_UNTIL } from '../core/lease.js';
import { MapRebuilder } from '../offsets/map-rebuilder.js';
import { EndWatcher } from '../partition/end-watcher.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import { Starter } from '../partition/starter.js';
import { Takeover } from '../partition/takeover.js';
import { CommittedPositions } from '../transactional/committed-positions.js';
import type { RiderPort } from '../transactional/rider.js';
import { AssignmentApplier } from './assignment-applier.js';
import { DamageRetries } from './damage-retries.js';
import { Equipment } from './equipment.js';
import { Handover } from './handover.js';
import { HeldPartitions } from './held-partitions.js';
import { LaneMoves } from './lane-moves.js';
import { LaneRegistrar } from './lane-registrar.js';
import { OpenTransactions } from './open-transactions.js';
import { PartitionEvents } from './partition-events.js';
import type { FromThread, ThreadSettings, ThreadStats, ToThread } from './protocol.js';
import { SharedMemory } from './shared-memory.js';
import { Sides } from './sides.js';
import { ThreadReporter } from './thread-reporter.js';
import { StatsCollector } from './thread-stats.js';
import { Throttle } from './throttle.js';
import { Treatments } from './treatments.js';
import { Watchdog } from './watchdog.js';

export interface DataThreadDeps {
  readonly settings: ThreadSettings;
  readonly post: (message: FromThread) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** One data thread: holds partitions with both their sockets, applies assignments to them, tells the supervisor what it holds. */
export class DataThread {
  readonly #deps: DataThreadDeps;
  readonly #memory: SharedMemory;
  readonly #budget: ByteBudget;
  readonly #verdicts = new VerdictCounts();
  readonly #stats = new StatsCollector();
  readonly #lease: Float64Array;
  readonly #lanes: LaneRegistrar;
  readonly #pool: BufferPool;
  readonly #stopping = lifetime();
  readonly #sides: Sides;
  readonly #treatments: Treatments;
  readonly #held: HeldPartitions;
  readonly #handover: Handover;
  readonly #events: PartitionEvents;
  readonly #equipment: Equipment;
  readonly #laneMoves: LaneMoves;
  readonly #applier: AssignmentApplier;
  readonly #starter: Starter;
  readonly #reporter: ThreadReporter;
  readonly #ends: EndWatcher;
  readonly #throttle: Throttle;
  readonly #watchdog: Watchdog;
  readonly #damageRetries: DamageRetries;
  readonly #rebuilder: MapRebuilder;
  readonly #loop = new LoopLoad();
  #stopped = false;

  constructor(deps: DataThreadDeps) {
    this.#deps = deps;
    const { clock, random, logger, settings } = deps;
    const { guaranteedBytes } = settings.memory;
    this.#memory = new SharedMemory(settings, clock);
    this.#budget = this.#memory.budget;
    this.#lease = new Float64Array(settings.lease);
    this.#lanes = new LaneRegistrar(settings.thread, settings.life, deps.post);
    this.#pool = new BufferPool(guaranteedBytes);
    this.#sides = this.#makeSides();
    this.#treatments = new Treatments({ sides: this.#sides, stats: this.#stats, settings, clock });
    this.#throttle = new Throttle({
      budget: this.#budget,
      freed: (partition) => this.#events.freed(partition),
      throttled: (route, scope, seconds) => this.#stats.heldBack(route, scope, seconds),
      clock,
    });
    this.#held = new HeldPartitions(this.#sides, (partition) => this.#throttle.leave(partition));
    const { held, sides } = { held: this.#held, sides: this.#sides };
    const starter = (): Starter => this.#starter;
    this.#handover = new Handover({
      held,
      sides,
      starter,
      released: (key) => {
        this.#applier.released(key);
        this.#reporter.changed();
      },
      isStopped: () => this.#stopped,
      clock,
      logger,
    });
    this.#laneMoves = new LaneMoves({
      riders: (lane) => held.riders(lane),
      move: (partition) => {
        const leaving = held.of(partition);
        if (leaving !== undefined) this.#handover.startAnew(leaving, 0);
      },
      clock,
      logger,
    });
    this.#events = new PartitionEvents({
      held,
      sides,
      handover: this.#handover,
      error: (code) => this.#stats.error(code),
      laneDead: (transactionalId) => deps.post({ type: 'lane-dead', transactionalId }),
      retire: (lane) => this.#laneMoves.retire(lane),
      random,
      logger,
    });
    this.#equipment = new Equipment({
      settings,
      sides,
      throttle: this.#throttle,
      treatments: this.#treatments,
      port: this.#events,
      stats: this.#stats,
      verdicts: this.#verdicts,
      clock,
      random,
      logger,
    });
    this.#applier = new AssignmentApplier({
      held,
      handover: this.#handover,
      starter,
      sides,
      port: this.#events,
      clusters: settings.clusters,
      equip: (partition) => this.#equipment.of(partition),
      logger,
    });
    this.#starter = this.#makeStarter();
    this.#reporter = new ThreadReporter({
      post: deps.post,
      held: () => held.partitions(),
      takeStats: (elapsedS) => this.#takeStats(elapsedS),
      clock,
    });
    this.#ends = new EndWatcher({
      unread: () => held.unread(),
      source: (partition) => sides.of(partition.route).source,
      clock,
      logger,
    });
    this.#watchdog = this.#makeWatchdog();
    this.#damageRetries = new DamageRetries({ held, port: this.#events, clock });
    this.#rebuilder = new MapRebuilder({
      fleet: settings.fleet,
      held: () => held.partitions(),
      sides: (partition) => sides.of(partition.route),
      mayWrite: () => this.#mayWrite(),
      pool: this.#pool,
      signal: this.#stopping.signal,
      clock,
      random,
      logger,
    });
    deps.post({ type: 'ready' });
  }

  receive(message: ToThread): void {
    switch (message.type) {
      case 'assign':
        this.#throttle.setLimits(message.limits);
        this.#applier.apply(message.routes, message.items);
        this.#reporter.applied(message.epoch, message.generation, message.order);
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
    this.#stopping.abort();
    this.#starter.close();
    for (const partition of this.#held.partitions()) partition.endLife();
    this.#reporter.close();
    this.#throttle.close();
    this.#laneMoves.close();
    this.#watchdog.close();
    this.#damageRetries.close();
    this.#memory.close();
    this.#loop.close();
    await Promise.all([this.#sides.close(), this.#ends.close(), this.#rebuilder.close()]);
    this.#deps.post({ type: 'stopped' });
  }

  #makeSides(): Sides {
    const { settings, clock, random, logger } = this.#deps;
    return new Sides({
      settings,
      clock,
      random,
      logger,
      budget: this.#budget,
      pool: this.#pool,
      lanes: this.#lanes,
      stats: this.#stats,
      mayWrite: () => this.#mayWrite(),
      copiesExactly: (target) => this.#held.copiesExactly(target),
      sourceSeen: (source, leaders) => this.#events.sourceSeen(source, leaders),
      targetSeen: (target, leaders) => this.#events.targetSeen(target, leaders),
      laneDead: (lane) => this.#events.laneRefused(lane),
      laneRevived: (lane) => {
        // Those that are leaving, too: their last answers wait for it.
        for (const partition of this.#held.partitions()) if (partition.lane === lane) this.#events.ready(partition);
      },
      retire: (lane) => this.#laneMoves.retire(lane),
      riders: this.#riders(),
    });
  }

  #riders(): RiderPort {
    return {
      ready: (partition) => this.#events.ready(partition),
      freed: (partition) => this.#events.freed(partition),
      restart: (partition, reason) => this.#events.restart(partition, reason),
      rewind: (partition, committed) => {
        partition.shaping.undeclare();
        this.#held.of(partition)?.outlet.rewind({
          source: Number(committed.sourceOffset),
          target: Number(committed.targetOffset),
          runSource: Number(committed.runSourceStart),
          runTarget: Number(committed.runTargetStart),
          ...(committed.history === undefined ? {} : { history: committed.history }),
        });
      },
    };
  }

  #makeWatchdog(): Watchdog {
    const { clock, logger, settings } = this.#deps;
    const source = (partition: MirroredPartition) => this.#sides.of(partition.route).source;
    return new Watchdog({
      held: this.#held,
      sides: this.#sides,
      throttle: this.#throttle,
      starter: this.#starter,
      transactions: new OpenTransactions({ source, clock, logger }),
      mayWrite: () => this.#mayWrite(),
      stallAfterMs: settings.settings.stallAfterMs,
      stalled: (partition, code) => this.#stats.stalled(partition, code),
      kicked: (partition) => this.#stats.kicked(partition),
      clock,
      logger,
    });
  }

  #makeStarter(): Starter {
    const { clock, random, logger, settings } = this.#deps;
    const sides = (partition: MirroredPartition) => this.#sides.of(partition.route);
    const common = { clock, random, logger, sides };
    const { signal } = this.#stopping;
    return new Starter({
      ...common,
      takeover: new Takeover({
        ...common,
        fleet: settings.fleet,
        pool: this.#pool,
        mayWrite: () => this.#maySettle(),
        laneDead: (lane) => this.#events.laneRefused(lane),
        signal,
      }),
      committed: new CommittedPositions({
        fleet: settings.fleet,
        target: (partition) => sides(partition).target,
        mayWrite: () => this.#maySettle(),
        laneDead: (lane) => this.#events.laneRefused(lane),
        signal,
        logger,
      }),
      started: (partition) => {
        const held = this.#held.of(partition);
        if (held === undefined) return;
        this.#reporter.changed();
        this.#applier.begun(held);
      },
      pause: (partition, reason) => this.#events.pause(partition, reason),
      broken: (partition, request, reason) => {
        partition.breakRequest = request;
        this.#events.pause(partition, reason);
        this.#reporter.changed();
      },
      declare: (partition, gap) => this.#equipment.journal(partition).declare(partition, { gap, deadLetters: [] }),
      settled: (partition) => {
        const held = this.#held.of(partition);
        if (held !== undefined) this.#handover.startSettled(held);
      },
    });
  }

  #mayWrite(): boolean {
    return !this.#stopped && this.#deps.clock.monotonicMs() < (this.#lease[WRITE_UNTIL] as number);
  }

  /** May it act upon what others had: fence them, close their logs? */
  #maySettle(): boolean {
    return this.#mayWrite() && this.#deps.clock.monotonicMs() < (this.#lease[SETTLE_UNTIL] as number);
  }

  #takeStats(elapsedS: number): ThreadStats {
    const partitions = [...this.#held.partitions(), ...this.#applier.stranded];
    for (const partition of partitions) partition.rate.tick(elapsedS);
    this.#throttle.count();
    const wallMs = this.#deps.clock.wallMs();
    const { thread } = this.#deps.settings;
    const statuses = partitions.map((partition) => {
      const throttledBy = this.#throttle.takeThrottledBy(partition);
      const status = { ...partition.status(wallMs), thread };
      return throttledBy === undefined ? status : { ...status, throttledBy };
    });
    const { utilization, delayMs } = this.#loop.take();
    return this.#stats.take(statuses, this.#verdicts, {
      inflightBytes: this.#budget.usedBytes,
      lanes: this.#sides.laneCounts(),
      utilization,
      loopDelayMs: delayMs,
    });
  }
}
