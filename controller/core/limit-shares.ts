import { type AssignmentItem, type LimitShare, refKey, type WorkerAssignment } from '../../common/model/assignment.js';
import { limitsSet, type RateLimits, type Route } from '../../common/model/route.js';
import { itemKeys } from './holders.js';
import type { Planned, World } from './view.js';

export interface LimitSharesInput {
  readonly world: World;
  readonly routes: ReadonlyMap<string, Route>;
  readonly planned: ReadonlyMap<string, Planned>;
}

/**
 * What each worker may take of the limits of routes and topics: its part of the partitions that are copied. A partition counts in one
 * node at a time and the whole counts all that should run, those on their way from one worker to the next included: the shares never add
 * up to more than the limit.
 */
export class LimitShares {
  readonly #input: LimitSharesInput;
  /** Partitions to copy, by route and by `route/topic`; made when the first limit is met. */
  #totals: ReadonlyMap<string, number> | undefined;

  constructor(input: LimitSharesInput) {
    this.#input = input;
  }

  /** @param before the node as it is: what cannot be read now stays as it was */
  of(items: readonly AssignmentItem[], before: WorkerAssignment | undefined): readonly LimitShare[] {
    const shares: LimitShare[] = [];
    for (const [key, { route, topic, count: own }] of countRunning(items)) {
      const limits = this.#limits(key, topic);
      if (limits === undefined) {
        shares.push(...(before?.limits ?? []).filter((share) => share.route === route && share.topic === topic));
      } else if (limitsSet(limits)) {
        const total = Math.max(own, this.#total(key));
        shares.push({ route, topic, ...scaled(limits, own / total) });
      }
    }
    return shares;
  }

  /** Undefined: unknown at the moment. */
  #limits(key: string, topic: string | null): RateLimits | undefined {
    return topic === null ? this.#input.routes.get(key)?.limits : this.#input.world.desired.topics.get(key)?.limits;
  }

  #total(key: string): number {
    this.#totals ??= this.#count();
    return this.#totals.get(key) ?? 0;
  }

  #count(): Map<string, number> {
    const { planned, world } = this.#input;
    const totals = new Map<string, number>();
    const add = (route: string, topic: string): void => {
      for (const key of [route, `${route}/${topic}`]) totals.set(key, (totals.get(key) ?? 0) + 1);
    };
    for (const { topic } of planned.values()) if (!topic.paused) add(topic.route.name, topic.topic);
    const seen = new Set<string>();
    for (const { assignment } of world.holders.values()) {
      const keys = itemKeys(assignment);
      for (const [i, item] of assignment.items.entries()) {
        const key = keys[i] ?? refKey(item);
        if (!isRunning(item) || planned.has(key) || seen.has(key)) continue;
        seen.add(key);
        add(item.route, item.topic);
      }
    }
    return totals;
  }
}

function isRunning(item: AssignmentItem): boolean {
  return item.state === 'own' && !item.paused;
}

function countRunning(
  items: readonly AssignmentItem[],
): Map<string, { readonly route: string; readonly topic: string | null; count: number }> {
  const counts = new Map<string, { readonly route: string; readonly topic: string | null; count: number }>();
  for (const item of items) {
    if (!isRunning(item)) continue;
    for (const topic of [null, item.topic]) {
      const key = topic === null ? item.route : `${item.route}/${topic}`;
      const entry = counts.get(key);
      if (entry === undefined) counts.set(key, { route: item.route, topic, count: 1 });
      else entry.count += 1;
    }
  }
  return counts;
}

function scaled({ bytesPerS, recordsPerS }: RateLimits, share: number): RateLimits {
  return {
    ...(bytesPerS === undefined ? {} : { bytesPerS: bytesPerS * share }),
    ...(recordsPerS === undefined ? {} : { recordsPerS: recordsPerS * share }),
  };
}
