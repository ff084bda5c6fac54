import type { StoreSession } from '../../common/coordination/ports.js';
import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { PartitionStatus, RuleCount } from '../../common/model/status.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { ThreadStats } from '../thread/protocol.js';

/** Turns what the threads count into the process's metrics. Partitions are summed by topic, so that series stay few. */
export class WorkerMetrics {
  readonly #metrics: Metrics;
  readonly #partitions = new Map<number, readonly PartitionStatus[]>();
  readonly #inflightBytes = new Map<number, number>();
  readonly #lanes = new Map<number, ThreadStats['lanes']>();
  /** Since the process started. */
  readonly #rules = new Map<string, RuleCount>();
  #sessionGeneration = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  get ruleCounts(): readonly RuleCount[] {
    return [...this.#rules.values()];
  }

  session(session: StoreSession): void {
    this.#metrics.set('causeway_coordination_connected', session.state === 'connected' ? 1 : 0);
    if (session.generation > this.#sessionGeneration) {
      this.#metrics.inc('causeway_coordination_sessions_total', session.generation - this.#sessionGeneration);
      this.#sessionGeneration = session.generation;
    }
  }

  assignment(assignment: WorkerAssignment): void {
    const owned = assignment.items.filter((item) => item.state === 'own').length;
    this.#metrics.set('causeway_assigned_partitions', owned);
    this.#metrics.set('causeway_assignment_generation', assignment.generation);
  }

  threadDied(): void {
    this.#metrics.inc('causeway_thread_restarts_total');
  }

  threadSilent(thread: number, partitions: readonly PartitionStatus[]): void {
    this.#partitions.set(thread, partitions);
    this.#gauges();
  }

  threadMove(): void {
    this.#metrics.inc('causeway_thread_moves_total');
  }

  stats(thread: number, stats: ThreadStats): void {
    const metrics = this.#metrics;
    for (const { route, topic, records, bytes } of stats.copied) {
      metrics.inc('causeway_records_copied_total', records, { route, topic });
      metrics.inc('causeway_bytes_copied_total', bytes, { route, topic });
    }
    for (const { how, reason, count } of stats.batches) metrics.inc('causeway_batches_total', count, { how, reason });
    for (const { cluster, count } of stats.connections)
      metrics.inc('causeway_broker_connections_total', count, { cluster });
    for (const { cluster, side, ms } of stats.throttles)
      metrics.inc('causeway_throttle_ms_total', ms, { cluster, side });
    for (const { route, rule, outcome, count } of stats.rules) {
      const key = `${route}/${rule}/${outcome}`;
      this.#rules.set(key, { route, rule, outcome, count: count + (this.#rules.get(key)?.count ?? 0) });
      metrics.inc('causeway_rule_records_total', count, { route, rule, outcome });
    }
    for (const { route, count } of stats.repeats) metrics.inc('causeway_produce_duplicates_total', count, { route });
    for (const { route, kind, reason, count, records } of stats.gaps) {
      metrics.inc('causeway_gaps_declared_total', count, { route, kind, reason });
      if (kind === 'gap') metrics.inc('causeway_gap_records_total', records, { route, reason });
    }
    for (const { code, count } of stats.errors) metrics.inc('causeway_partition_errors_total', count, { code });
    metrics.inc('causeway_checkpoint_commits_total', stats.checkpoints.ok, { outcome: 'ok' });
    metrics.inc('causeway_checkpoint_commits_total', stats.checkpoints.failed, { outcome: 'failed' });
    metrics.inc('causeway_offset_map_runs_total', stats.mapRuns.ok, { outcome: 'ok' });
    metrics.inc('causeway_offset_map_runs_total', stats.mapRuns.failed, { outcome: 'failed' });
    for (const { target, outcome, count } of stats.transactions) {
      metrics.inc('causeway_transactions_total', count, { target, outcome });
    }
    for (const { route, code, count } of stats.stalls) {
      metrics.inc('causeway_partition_stalls_total', count, { route, cause: code });
    }
    for (const { route, count } of stats.kicks) {
      metrics.inc('causeway_watchdog_kicks_total', count, { route, cause: 'lost-wake-up' });
    }
    for (const { route, scope, seconds } of stats.heldBack) {
      metrics.inc('causeway_limit_wait_seconds_total', seconds, { route, by: scope });
    }
    const label = { thread: String(thread) };
    metrics.set('causeway_thread_utilization', stats.utilization, label);
    metrics.set('causeway_thread_loop_delay_seconds', stats.loopDelayMs / 1_000, label);
    metrics.set('causeway_thread_partitions', stats.partitions.length, label);
    this.#partitions.set(thread, stats.partitions);
    this.#inflightBytes.set(thread, stats.inflightBytes);
    this.#lanes.set(thread, stats.lanes);
    this.#gauges();
  }

  /** What the threads of a life that is over held is here no more. */
  forgetPartitions(): void {
    this.#partitions.clear();
    this.#inflightBytes.clear();
    this.#lanes.clear();
    this.#gauges();
    this.#metrics.set('causeway_assigned_partitions', 0);
  }

  #gauges(): void {
    const metrics = this.#metrics;
    for (const name of [
      'causeway_lag_records',
      'causeway_lag_seconds',
      'causeway_partitions',
      'causeway_partitions_stalled',
      'causeway_lanes',
    ] as const) {
      metrics.reset(name);
    }
    const topics = new Map<string, { route: string; topic: string; lagRecords: number; lagSeconds: number }>();
    const states = new Map<string, { route: string; state: string; count: number }>();
    const stalls = new Map<string, { route: string; cause: string; count: number }>();
    for (const status of [...this.#partitions.values()].flat()) {
      const { route, topic, state, stall } = status;
      const lag = topics.get(`${route}/${topic}`) ?? { route, topic, lagRecords: 0, lagSeconds: 0 };
      lag.lagRecords += Math.max(0, status.lagRecords);
      lag.lagSeconds = Math.max(lag.lagSeconds, status.lagSeconds);
      topics.set(`${route}/${topic}`, lag);
      const entry = states.get(`${route}/${state}`) ?? { route, state, count: 0 };
      entry.count += 1;
      states.set(`${route}/${state}`, entry);
      if (stall === undefined) continue;
      const stalled = stalls.get(`${route}/${stall.code}`) ?? { route, cause: stall.code, count: 0 };
      stalled.count += 1;
      stalls.set(`${route}/${stall.code}`, stalled);
    }
    for (const { route, cause, count } of stalls.values()) {
      metrics.set('causeway_partitions_stalled', count, { route, cause });
    }
    for (const { route, topic, lagRecords, lagSeconds } of topics.values()) {
      metrics.set('causeway_lag_records', lagRecords, { route, topic });
      metrics.set('causeway_lag_seconds', lagSeconds, { route, topic });
    }
    for (const { route, state, count } of states.values()) metrics.set('causeway_partitions', count, { route, state });
    metrics.set('causeway_inflight_bytes', sum([...this.#inflightBytes.values()]));
    const lanes = [...this.#lanes.values()].flat();
    for (const target of new Set(lanes.map((lane) => lane.target))) {
      metrics.set('causeway_lanes', sum(lanes.filter((lane) => lane.target === target).map((lane) => lane.count)), {
        target,
      });
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
