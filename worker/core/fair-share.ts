import type { ByteAccount } from './allowance.js';

/**
 * How much of the memory one route, topic or partition may hold, measured by what is free (dynamic thresholds, as switches share their
 * packet memory): alone, a route may have four fifths of it and a topic two thirds; whoever holds much finds that less is free and gets
 * nothing more, and what is left is for those that hold little. No share has to be configured, and one stalled target never takes all.
 */
const ROUTE_FREE_MULTIPLE = 4;
const TOPIC_FREE_MULTIPLE = 2;
/** Of what its topic may still take: stalled partitions leave room to their neighbours that flow. */
const PARTITION_ROOM_SHARE = 0.25;
/** A partition that holds nothing may always fetch this much while there is memory at all. */
export const MIN_QUOTA_BYTES = 64 * 1024;

interface Group {
  usedBytes: number;
  members: number;
}

/** Whose bytes the budget's bytes are. */
export class FairShare {
  readonly #budget: ByteAccount & { readonly freeBytes: number };
  readonly #groups = new Map<string, Group>();

  constructor(budget: ByteAccount & { readonly freeBytes: number }) {
    this.#budget = budget;
  }

  /** For a partition that is taken up; closed when it is let go. */
  open(route: string, topic: string): ShareAccount {
    return new ShareAccount(this.#budget, this.#join(route), this.#join(`${route}/${topic}`));
  }

  close(route: string, topic: string): void {
    this.#leave(route);
    this.#leave(`${route}/${topic}`);
  }

  /** The topics that hold most, as `route/topic`. */
  holders(limit: number): (readonly [name: string, bytes: number])[] {
    const topics = [...this.#groups].filter(([key, { usedBytes }]) => key.includes('/') && usedBytes > 0);
    const held = topics.map(([key, { usedBytes }]) => [key, usedBytes] as const);
    return held.sort(([, a], [, b]) => b - a).slice(0, limit);
  }

  #join(key: string): Group {
    const group = this.#groups.get(key) ?? { usedBytes: 0, members: 0 };
    group.members += 1;
    this.#groups.set(key, group);
    return group;
  }

  #leave(key: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    group.members -= 1;
    if (group.members === 0) this.#groups.delete(key);
  }
}

/** One partition's bytes. */
export class ShareAccount implements ByteAccount {
  readonly #budget: ByteAccount & { readonly freeBytes: number };
  readonly #route: Group;
  readonly #topic: Group;
  #usedBytes = 0;

  constructor(budget: ByteAccount & { readonly freeBytes: number }, route: Group, topic: Group) {
    this.#budget = budget;
    this.#route = route;
    this.#topic = topic;
  }

  charge(bytes: number): void {
    this.#move(bytes);
    this.#budget.charge(bytes);
  }

  release(bytes: number): void {
    this.#move(-bytes);
    this.#budget.release(bytes);
  }

  /** What the partition may fetch now; 0: it waits until something is released. */
  quotaBytes(): number {
    const free = this.#budget.freeBytes;
    const routeRoom = ROUTE_FREE_MULTIPLE * free - this.#route.usedBytes;
    const topicRoom = Math.min(routeRoom, TOPIC_FREE_MULTIPLE * free - this.#topic.usedBytes);
    const quota = Math.floor(Math.max(0, topicRoom) * PARTITION_ROOM_SHARE) - this.#usedBytes;
    if (this.#usedBytes === 0) return Math.max(quota, MIN_QUOTA_BYTES);
    return quota >= MIN_QUOTA_BYTES ? quota : 0;
  }

  #move(bytes: number): void {
    this.#usedBytes += bytes;
    this.#route.usedBytes += bytes;
    this.#topic.usedBytes += bytes;
  }
}
