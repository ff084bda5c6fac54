import type { GroupVerdict } from '../../common/model/group-sync.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { GroupSyncResult } from './ports.js';
import type { GroupReport } from './route-groups.js';

/** Groups of a route that have a series of their own; of more, only the counts are shown. */
const MAX_SHOWN_GROUPS = 1_000;
const KINDS: readonly GroupVerdict['kind'][] = ['refuse', 'write', 'keep'];

/** Shows how old the groups' positions at the target are, and how many groups are refused. */
export class GroupMeter {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  /** By route, then by group: monotonic ms when all its positions were last in step. */
  readonly #inStepMs = new Map<string, Map<string, number>>();

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  show(route: string, { results }: GroupReport): void {
    const nowMs = this.#clock.monotonicMs();
    const byGroup = new Map<string, GroupSyncResult[]>();
    for (const result of results) {
      const list = byGroup.get(result.group);
      if (list === undefined) byGroup.set(result.group, [result]);
      else list.push(result);
    }
    const seen = this.#inStepMs.get(route) ?? new Map<string, number>();
    this.#inStepMs.set(route, seen);
    for (const group of seen.keys()) {
      if (byGroup.has(group)) continue;
      seen.delete(group);
      this.#metrics.remove('causeway_group_sync_age_seconds', { route, group });
    }
    const counts = new Map(KINDS.map((kind) => [kind, 0]));
    for (const [group, ofGroup] of byGroup) {
      // The worst of its partitions speaks for the group.
      const kind = KINDS.find((candidate) => ofGroup.some(({ verdict }) => verdict.kind === candidate)) ?? 'keep';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (kind !== 'refuse' || !seen.has(group)) seen.set(group, nowMs);
      if (seen.size > MAX_SHOWN_GROUPS) continue;
      const ageS = (nowMs - (seen.get(group) ?? nowMs)) / 1_000;
      this.#metrics.set('causeway_group_sync_age_seconds', ageS, { route, group });
    }
    for (const [verdict, count] of counts) this.#metrics.set('causeway_groups', count, { route, verdict });
  }

  forget(route: string): void {
    for (const group of this.#inStepMs.get(route)?.keys() ?? []) {
      this.#metrics.remove('causeway_group_sync_age_seconds', { route, group });
    }
    for (const verdict of KINDS) this.#metrics.remove('causeway_groups', { route, verdict });
    this.#inStepMs.delete(route);
  }
}
