import { invariant } from '../../common/errors/assert.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import type { ByteBudget } from '../core/byte-budget.js';
import type { SourceReader } from '../fetch/source-reader.js';
import type { Lane } from '../lane/lane.js';
import { LANE_RENEWAL_INTERVAL_MS } from '../lane/lane-renewals.js';
import type { RiderPort } from '../transactional/rider.js';
import type { LaneRegistrar } from './lane-registrar.js';
import type { ThreadSettings, ThreadStats } from './protocol.js';
import { SourceSide } from './source-side.js';
import { TargetSide } from './target-side.js';
import type { StatsCollector } from './thread-stats.js';

export interface SidesDeps {
  readonly settings: ThreadSettings;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly lanes: LaneRegistrar;
  readonly stats: StatsCollector;
  readonly mayWrite: () => boolean;
  /** Whether something is copied exactly once into this target. */
  readonly copiesExactly: (target: string) => boolean;
  /** The cluster's topics were described anew. */
  readonly sourceSeen: (source: string, leaders: Leaders) => void;
  readonly targetSeen: (target: string, leaders: Leaders) => void;
  readonly laneDead: (lane: Lane) => void;
  readonly laneRevived: (lane: Lane) => void;
  readonly retire: (lane: Lane) => void;
  readonly riders: RiderPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The clusters one thread talks to, opened when the first route needs them. */
export class Sides implements Closable {
  readonly #deps: SidesDeps;
  readonly #sources = new Map<string, SourceSide>();
  readonly #targets = new Map<string, TargetSide>();

  constructor(deps: SidesDeps) {
    this.#deps = deps;
  }

  of(route: Route): { readonly source: SourceSide; readonly target: TargetSide } {
    return { source: this.#source(route.source), target: this.#target(route.target) };
  }

  reader(route: Route): SourceReader {
    return this.#source(route.source).reader(route);
  }

  laneCounts(): ThreadStats['lanes'] {
    return [...this.#targets].map(([target, side]) => ({
      target,
      count: side.lanes.lanes.filter((lane) => !lane.dead).length + side.transactions.count,
    }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sources.values(), ...this.#targets.values()].map((side) => side.close()));
  }

  #source(name: string): SourceSide {
    let side = this.#sources.get(name);
    if (side === undefined) {
      const { settings, budget, pool, stats, clock, random, logger } = this.#deps;
      const { fetchMaxBytes, fetchMaxPartitionBytes, fetchMaxWaitMs, fetchConnections } = settings.settings;
      const cluster = this.#cluster(name);
      side = new SourceSide({
        cluster,
        clientId: this.#clientId(),
        settings: {
          fetchMaxBytes,
          fetchMaxPartitionBytes,
          fetchMaxWaitMs,
          fetchConnections,
          rack: cluster.rack ?? '',
          requestTimeoutMs: cluster.requestTimeoutMs,
        },
        budget,
        pool,
        onConnect: (connected) => stats.connected(connected),
        onThrottle: (name, ms) => stats.throttled(name, 'source', ms),
        clock,
        random,
        logger,
      });
      this.#sources.set(name, side);
      const { leaders } = side;
      leaders.onRefresh(() => this.#deps.sourceSeen(name, leaders));
    }
    return side;
  }

  #target(name: string): TargetSide {
    let side = this.#targets.get(name);
    if (side === undefined) {
      const { settings, lanes, stats, mayWrite, copiesExactly, laneDead, laneRevived, retire, riders } = this.#deps;
      const { clock, random, logger } = this.#deps;
      const { fleet, worker, incarnation, http, laneRenewalMs = LANE_RENEWAL_INTERVAL_MS } = settings;
      const { produceConnections, checkpointIntervalMs, checkpointRefreshMs } = settings.settings;
      side = new TargetSide({
        cluster: this.#cluster(name),
        clientId: this.#clientId(),
        fleet,
        worker,
        incarnation,
        http,
        nextLaneIndex: () => lanes.nextIndex(),
        registerLane: (lane) => lanes.register(lane),
        produceConnections,
        checkpointIntervalMs,
        checkpointRefreshMs,
        mayWrite,
        laneRenewalMs,
        needsRenewal: () => mayWrite() && copiesExactly(name),
        laneDead,
        laneRevived,
        retire,
        riders,
        onTransaction: (outcome, positions) => stats.transaction(name, outcome, positions),
        onConnect: (connected) => stats.connected(connected),
        onThrottle: (name, ms) => stats.throttled(name, 'target', ms),
        onCheckpoints: (outcome, count) => stats.checkpoints(outcome, count),
        onRuns: (outcome, count) => stats.runs(outcome, count),
        clock,
        random,
        logger,
      });
      this.#targets.set(name, side);
      const { leaders } = side;
      leaders.onRefresh(() => this.#deps.targetSeen(name, leaders));
    }
    return side;
  }

  #clientId(): string {
    const { fleet, worker } = this.#deps.settings;
    return `causeway.${fleet}.${worker}`;
  }

  #cluster(name: string): ThreadSettings['clusters'][number] {
    const cluster = this.#deps.settings.clusters.find((candidate) => candidate.name === name);
    invariant(cluster !== undefined, `cluster ${name} is not in this worker’s configuration`);
    return cluster;
  }
}
