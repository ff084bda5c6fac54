import type { CausewayClient } from '../../common/api/client.js';
import type { ChaosBed } from './chaos-bed.js';
import type { Crew } from './crew.js';
import type { LaneBook } from './lane-book.js';
import type { Links } from './links.js';
import type { PlannedFault } from './plan.js';
import type { Sampler } from './sampler.js';

/** What a fault may lay its hands on. */
export interface Field {
  readonly bed: ChaosBed;
  readonly lanes: LaneBook;
  readonly crew: Crew;
  /** By process id. */
  readonly links: ReadonlyMap<string, Links>;
  readonly sampler: Sampler;
  /** Topics whose mirrors are compared in the end. */
  readonly topics: readonly string[];
  /** A client of a controller that is awake. @throws when none is */
  readonly api: () => CausewayClient;
  /** A line of the timeline. */
  readonly say: (text: string) => void;
  /** Measurements that end by themselves, by the time they take. */
  readonly measured: (kind: 'takeover' | 'failover', ms: Promise<number>) => void;
}

/** Makes everything good that its fault did. Called once. */
export type Heal = () => Promise<void>;

/** Does it, and says how it is undone. */
export type Doer = (field: Field, fault: PlannedFault) => Promise<Heal>;

export function linksOf({ links }: Field, id: string): Links {
  const found = links.get(id);
  if (found === undefined) throw new Error(`${id} has no links`);
  return found;
}

/** One of several ways, by the fault's variant. */
export function way<T>({ variant }: PlannedFault, ways: readonly [T, ...T[]]): T {
  return ways[Math.min(ways.length - 1, Math.floor(variant * ways.length))] as T;
}
