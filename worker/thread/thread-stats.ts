import type { Gap, GapKind } from '../../common/model/gap.js';
import type { StallCode } from '../../common/model/stalls.js';
import type { LimitScope, PartitionStatus, RuleCount } from '../../common/model/status.js';
import type { VerdictCounts } from '../core/batch-verdict.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { BatchTreatment } from '../rules/treatment.js';
import type { ThreadStats } from './protocol.js';

/** What one thread counts between two messages to its supervisor. */
export class StatsCollector {
  readonly #copied = new Map<string, { route: string; topic: string; records: number; bytes: number }>();
  readonly #connections = new Map<string, number>();
  readonly #throttles = new Map<string, { cluster: string; side: 'source' | 'target'; ms: number }>();
  readonly #rules = new Map<string, { -readonly [K in keyof RuleCount]: RuleCount[K] }>();
  readonly #repeats = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #gaps = new Map<string, { route: string; kind: GapKind; reason: string; count: number; records: number }>();
  readonly #heldBack = new Map<string, { route: string; scope: LimitScope; seconds: number }>();
  readonly #stalls = new Map<string, { route: string; code: StallCode; count: number }>();
  readonly #kicks = new Map<string, number>();
  readonly #transactions = new Map<string, { target: string; outcome: 'committed' | 'aborted'; count: number }>();
  #checkpointsOk = 0;
  #checkpointsFailed = 0;
  #runsWritten = 0;
  #runsUnwritten = 0;

  copied(partition: MirroredPartition, records: number, bytes: number): void {
    const { route, topic } = partition.item;
    const key = `${route}/${topic}`;
    const entry = this.#copied.get(key);
    if (entry === undefined) {
      this.#copied.set(key, { route, topic, records, bytes });
    } else {
      entry.records += records;
      entry.bytes += bytes;
    }
  }

  ruled({ item: { route } }: MirroredPartition, { tally, returned }: BatchTreatment): void {
    for (const { rule, outcome, count } of tally.entries()) this.#rule(route, rule, outcome, count);
    if (returned > 0) this.#rule(route, '', 'returned', returned);
  }

  #rule(route: string, rule: string, outcome: ThreadStats['rules'][number]['outcome'], count: number): void {
    const key = `${route}/${rule}/${outcome}`;
    const entry = this.#rules.get(key);
    if (entry === undefined) this.#rules.set(key, { route, rule, outcome, count });
    else entry.count += count;
  }

  connected(cluster: string): void {
    this.#connections.set(cluster, (this.#connections.get(cluster) ?? 0) + 1);
  }

  throttled(cluster: string, side: 'source' | 'target', ms: number): void {
    const key = `${cluster}/${side}`;
    const entry = this.#throttles.get(key);
    if (entry === undefined) this.#throttles.set(key, { cluster, side, ms });
    else entry.ms += ms;
  }

  repeated(route: string): void {
    this.#repeats.set(route, (this.#repeats.get(route) ?? 0) + 1);
  }

  gap({ item: { route } }: MirroredPartition, { reason, firstOffset, lastOffset, breaks }: Gap): void {
    const kind = breaks?.kind ?? 'gap';
    const key = `${route}/${kind}/${reason}`;
    const entry = this.#gaps.get(key) ?? { route, kind, reason, count: 0, records: 0 };
    entry.count += 1;
    entry.records += lastOffset - firstOffset + 1;
    this.#gaps.set(key, entry);
  }

  error(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  heldBack(route: string, scope: LimitScope, seconds: number): void {
    const key = `${scope}/${route}`;
    const entry = this.#heldBack.get(key);
    if (entry === undefined) this.#heldBack.set(key, { route, scope, seconds });
    else entry.seconds += seconds;
  }

  stalled({ item: { route } }: MirroredPartition, code: StallCode): void {
    const entry = this.#stalls.get(`${route}/${code}`) ?? { route, code, count: 0 };
    entry.count += 1;
    this.#stalls.set(`${route}/${code}`, entry);
  }

  kicked({ item: { route } }: MirroredPartition): void {
    this.#kicks.set(route, (this.#kicks.get(route) ?? 0) + 1);
  }

  /** Closed runs of the offset map. */
  runs(outcome: 'ok' | 'failed', count: number): void {
    if (outcome === 'ok') this.#runsWritten += count;
    else this.#runsUnwritten += count;
  }

  checkpoints(outcome: 'ok' | 'failed', count: number): void {
    if (outcome === 'ok') this.#checkpointsOk += count;
    else this.#checkpointsFailed += count;
  }

  /** @param positions committed with it */
  transaction(target: string, outcome: 'committed' | 'aborted', positions: number): void {
    const entry = this.#transactions.get(`${target}/${outcome}`) ?? { target, outcome, count: 0 };
    entry.count += 1;
    this.#transactions.set(`${target}/${outcome}`, entry);
    this.#checkpointsOk += positions;
  }

  /** Everything since the last call. */
  take(
    partitions: readonly PartitionStatus[],
    verdicts: VerdictCounts,
    now: Pick<ThreadStats, 'inflightBytes' | 'lanes' | 'utilization' | 'loopDelayMs'>,
  ): ThreadStats {
    const stats: ThreadStats = {
      partitions,
      copied: [...this.#copied.values()],
      batches: verdicts.take(),
      connections: [...this.#connections].map(([cluster, count]) => ({ cluster, count })),
      throttles: [...this.#throttles.values()],
      rules: [...this.#rules.values()],
      repeats: [...this.#repeats].map(([route, count]) => ({ route, count })),
      errors: [...this.#errors].map(([code, count]) => ({ code, count })),
      gaps: [...this.#gaps.values()],
      checkpoints: { ok: this.#checkpointsOk, failed: this.#checkpointsFailed },
      mapRuns: { ok: this.#runsWritten, failed: this.#runsUnwritten },
      transactions: [...this.#transactions.values()],
      heldBack: [...this.#heldBack.values()],
      stalls: [...this.#stalls.values()],
      kicks: [...this.#kicks].map(([route, count]) => ({ route, count })),
      ...now,
    };
    this.#copied.clear();
    this.#connections.clear();
    this.#throttles.clear();
    this.#rules.clear();
    this.#repeats.clear();
    this.#errors.clear();
    this.#gaps.clear();
    this.#transactions.clear();
    this.#heldBack.clear();
    this.#stalls.clear();
    this.#kicks.clear();
    this.#checkpointsOk = 0;
    this.#checkpointsFailed = 0;
    this.#runsWritten = 0;
    this.#runsUnwritten = 0;
    return stats;
  }
}
