import type { WorkerOrder, WorkerRole } from '../../common/model/orders.js';
import type { Route } from '../../common/model/route.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { PlanPool } from './plan-model.js';
import { compareText } from './text-order.js';

/** What a worker is for, by its own configuration and the operators' orders; an order wins. */
export interface WorkerDuty {
  readonly role: WorkerRole;
  /** Routes it is for; none: any. */
  readonly routes: readonly string[];
}

export function dutyOf(live: Pick<LiveWorker, 'standby' | 'routes'>, order: WorkerOrder | undefined): WorkerDuty {
  return {
    role: order?.role ?? (live.standby === true ? 'standby' : 'active'),
    routes: order?.routes ?? live.routes ?? [],
  };
}

export interface RosterInput {
  /** Workers that live, do not leave and are not given up. */
  readonly present: readonly LiveWorker[];
  readonly orders: ReadonlyMap<string, WorkerOrder>;
  /** Workers whose order cannot be read: as they are, so they stay. */
  readonly unreadable: ReadonlySet<string>;
  /** Workers that have partitions now: whoever works goes on working. */
  readonly holding: ReadonlySet<string>;
  /** This many workers copy, the others stand by; 0: all active ones. */
  readonly maxActiveWorkers: number;
  /** Nobody gives anything up. */
  readonly isFrozen: boolean;
}

export interface Roster {
  /** Those that partitions are dealt out to, in the order of their names. */
  readonly accepting: ReadonlyMap<string, LiveWorker>;
  /** Those that keep what they have and get nothing more. */
  readonly keeping: ReadonlySet<string>;
  /** Routes that accepting workers are for, by worker; only those that are for some. */
  readonly dedicated: ReadonlyMap<string, readonly string[]>;
}

/** Who works. Everybody else who lives gives what they have to those. */
export function rosterOf({ present, orders, unreadable, holding, maxActiveWorkers, isFrozen }: RosterInput): Roster {
  const duty = (live: LiveWorker): WorkerDuty => dutyOf(live, orders.get(live.worker));
  const isKeeping = (live: LiveWorker): boolean => unreadable.has(live.worker) || duty(live).role === 'excluded';
  const willing = present.filter((live) => !isKeeping(live) && duty(live).role !== 'drained');
  // Orders that leave nobody to copy are not followed before somebody is there: a fleet is not stopped by draining its last worker.
  const candidates = willing.length > 0 ? willing : present;
  const rank = (live: LiveWorker): number =>
    (duty(live).role === 'standby' ? 2 : 0) + (holding.has(live.worker) ? 0 : 1);
  const active = willing.filter((live) => duty(live).role === 'active').length;
  // A standby is for the time when too few others are there; without a number one is too few.
  const count = willing.length === 0 ? present.length : maxActiveWorkers > 0 ? maxActiveWorkers : Math.max(active, 1);
  const chosen = [...candidates]
    .sort((a, b) => rank(a) - rank(b) || compareText(a.worker, b.worker))
    .slice(0, count)
    .sort((a, b) => compareText(a.worker, b.worker));
  const takers = new Set(chosen.map(({ worker }) => worker));
  const keeping = isFrozen
    ? present.filter(({ worker }) => !takers.has(worker))
    : willing.length > 0
      ? present.filter(isKeeping)
      : [];
  return {
    accepting: new Map(chosen.map((live) => [live.worker, live])),
    keeping: new Set(keeping.map(({ worker }) => worker)),
    dedicated: new Map(
      chosen.flatMap((live) => (duty(live).routes.length > 0 ? [[live.worker, duty(live).routes] as const] : [])),
    ),
  };
}

/** The workers of each route that not all are for, by the route's name. Where none is there that should be, all others serve. */
export function poolsOf(
  routes: Iterable<Route>,
  { accepting, dedicated }: Pick<Roster, 'accepting' | 'dedicated'>,
  zoneOfCluster: (cluster: string) => string | undefined,
): Map<string, PlanPool> {
  const pools = new Map<string, PlanPool>();
  const workers = [...accepting.values()];
  const general = workers.filter(({ worker }) => !dedicated.has(worker));
  for (const route of routes) {
    const own = workers.filter(({ worker }) => dedicated.get(worker)?.includes(route.name) === true);
    // Nobody but dedicated ones is there: better they than none.
    const base = own.length > 0 ? own : general.length > 0 ? general : workers;
    const near = base.filter(({ zone }) => zonesOf(route, zoneOfCluster).includes(zone));
    const chosen = near.length > 0 ? near : base;
    if (chosen.length === workers.length) continue;
    const reason = chosen.length < base.length ? 'zone' : 'dedicated';
    pools.set(route.name, { workers: chosen.map(({ worker }) => worker), reason });
  }
  return pools;
}

/** Where a route is best copied: where it says, else near its target. */
function zonesOf({ zones, target }: Route, zoneOfCluster: (cluster: string) => string | undefined): readonly string[] {
  if (zones !== undefined && zones.length > 0) return zones;
  const zone = zoneOfCluster(target);
  return zone === undefined ? [] : [zone];
}
