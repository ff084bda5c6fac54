import type { ControllerSettings } from '../../common/config/compile.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Plan, PlanInput, PlanPool } from '../core/plan-model.js';
import type { Roster } from '../core/roster.js';
import type { View } from '../core/view.js';
import { type WorkerNeed, workersNeeded } from '../core/what-if.js';
import type { DoneMove, MoveLog } from './move-log.js';

/** What the leader shows of its planning, and plans again for those who ask what would be. */
export interface PlanPicture {
  readonly plan: Plan;
  readonly input: PlanInput;
  readonly roster: Roster;
  /** The pools of another roster. */
  readonly poolsOf: (roster: Pick<Roster, 'accepting' | 'dedicated'>) => ReadonlyMap<string, PlanPool>;
  readonly need: WorkerNeed;
  readonly isFrozen: boolean;
  /** Of the partitions, those whose load has been measured. */
  readonly measured: number;
  readonly moves: readonly DoneMove[];
  /** Partitions between two workers. */
  readonly underWay: number;
}

export interface PictureParts extends Pick<PlanPicture, 'plan' | 'roster' | 'poolsOf' | 'isFrozen'> {
  readonly view: View;
  readonly moveLog: MoveLog;
  readonly settings: ControllerSettings['planner'];
}

export function takePicture(parts: PictureParts): PlanPicture {
  const { plan, view, moveLog, settings, roster, poolsOf, isFrozen } = parts;
  const { input } = view;
  const limits = { workerLoad: settings.workerBytesPerS, workerPartitions: settings.workerPartitions };
  return {
    plan,
    input,
    roster,
    poolsOf,
    isFrozen,
    need: workersNeeded(plan, input.partitions.length, limits),
    measured: input.partitions.reduce((count, { load }) => count + (load === undefined ? 0 : 1), 0),
    moves: moveLog.recent,
    underWay: moveLog.promised.size,
  };
}

/** The gauges of a round. */
export function showPlan(metrics: Metrics, view: View, { plan, need, isFrozen }: PlanPicture): void {
  hidePlan(metrics);
  metrics.set('causeway_expected_workers', need.expected);
  metrics.set('causeway_frozen', isFrozen ? 1 : 0);
  for (const { worker, load } of plan.shares) {
    if (load !== null) metrics.set('causeway_worker_load_bytes', Math.round(load), { worker });
  }
  const wanted = new Map<string, number>();
  const idle = new Map<string, number>();
  for (const [key, { topic }] of view.planned) {
    const route = topic.route.name;
    wanted.set(route, (wanted.get(route) ?? 0) + 1);
    if (!plan.owners.has(key)) idle.set(route, (idle.get(route) ?? 0) + 1);
  }
  for (const [route, count] of wanted) {
    metrics.set('causeway_desired_partitions', count, { route });
    metrics.set('causeway_unassigned_partitions', idle.get(route) ?? 0, { route });
  }
}

/** Who does not lead any more has nothing to say about the fleet. */
export function hidePlan(metrics: Metrics): void {
  for (const name of [
    'causeway_expected_workers',
    'causeway_frozen',
    'causeway_worker_load_bytes',
    'causeway_desired_partitions',
    'causeway_unassigned_partitions',
  ] as const) {
    metrics.reset(name);
  }
}
