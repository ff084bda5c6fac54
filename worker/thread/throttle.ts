import type { LimitScope } from '../../common/model/status.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Allowance, ByteAccount } from '../core/allowance.js';
import type { ByteBudget } from '../core/byte-budget.js';
import { FairShare, type ShareAccount } from '../core/fair-share.js';
import { type LimitOrder, limitKey, RateLimit } from '../core/rate-limit.js';
import type { MemoryFacts, StallFacts } from '../core/stall-facts.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** Partitions that wait for memory look again this often: releases are many, and other threads' releases are not heard. */
const MEMORY_POLL_MS = 10;
/** Named when somebody asks who holds the memory. */
const MAX_HOLDERS = 3;

export interface ThrottleDeps {
  readonly budget: ByteBudget;
  /** It may be fetched again. */
  readonly freed: (partition: MirroredPartition) => void;
  /** A limit held a route's partitions back for so long. */
  readonly throttled: (route: string, scope: LimitScope, seconds: number) => void;
  readonly clock: Clock;
}

/** A limit, and the partitions that wait for it. */
interface Limited {
  readonly order: LimitOrder;
  readonly limit: RateLimit;
  /** Until when: by then all is paid for that was taken before they asked. */
  readonly waiting: Map<Member, number>;
  /** Have waited so long and take next, whatever others took meanwhile: else a busy thread would always come too late. */
  readonly admitted: Set<Member>;
  /** When the first partition of a route began to wait. */
  readonly since: Map<string, number>;
  members: number;
  timer: Timer | undefined;
}

interface Member {
  readonly partition: MirroredPartition;
  readonly share: ShareAccount;
  limits: readonly Limited[];
  /** Held back since the last look. */
  throttledBy: LimitScope | undefined;
}

/** Decides which partitions of a thread may fetch and how much: its fair part of the memory, and what the rate limits let through. */
export class Throttle {
  readonly #deps: ThrottleDeps;
  readonly #shares: FairShare;
  readonly #members = new Map<MirroredPartition, Member>();
  #limits = new Map<string, Limited>();
  readonly #starved = new Set<Member>();
  #starvedTimer: Timer | undefined;
  #closed = false;

  constructor(deps: ThrottleDeps) {
    this.#deps = deps;
    this.#shares = new FairShare(deps.budget);
  }

  /** Of a partition that is taken up. */
  join(partition: MirroredPartition): { readonly budget: ByteAccount; readonly allowance: Allowance } {
    const { route, topic } = partition.item;
    const share = this.#shares.open(route, topic);
    const member: Member = { partition, share, limits: [], throttledBy: undefined };
    this.#members.set(partition, member);
    this.#place(member);
    const allowance: Allowance = {
      quotaBytes: () => this.#quota(member),
      taken: (bytes, records) => this.#taken(member, bytes, records),
    };
    return { budget: share, allowance };
  }

  leave(partition: MirroredPartition): void {
    const member = this.#members.get(partition);
    if (member === undefined) return;
    this.#members.delete(partition);
    this.#starved.delete(member);
    for (const limited of member.limits) {
      limited.members -= 1;
      limited.waiting.delete(member);
      limited.admitted.delete(member);
    }
    this.#shares.close(partition.item.route, partition.item.topic);
  }

  /** From now on these limits hold and no others; what waited for one that is gone or has changed looks again. */
  setLimits(orders: readonly LimitOrder[]): void {
    const before = this.#limits;
    this.#limits = new Map(orders.map((order) => [limitKey(order), this.#limited(before.get(limitKey(order)), order)]));
    for (const limited of before.values()) this.#wake(limited, [...limited.waiting.keys()]);
    for (const member of this.#members.values()) this.#place(member);
  }

  /** Which limit held the partition back since it was asked last. */
  takeThrottledBy(partition: MirroredPartition): LimitScope | undefined {
    const member = this.#members.get(partition);
    if (member === undefined) return undefined;
    const { throttledBy } = member;
    member.throttledBy = member.limits.find(({ waiting }) => waiting.has(member))?.limit.scope;
    return throttledBy ?? member.throttledBy;
  }

  /** What the partition waits for before it may fetch. */
  waitOf(partition: MirroredPartition): Pick<StallFacts, 'limit'> & { readonly isStarved: boolean } {
    const member = this.#members.get(partition);
    const limited = member?.limits.find(({ waiting }) => waiting.has(member));
    const untilMs = member === undefined ? undefined : limited?.waiting.get(member);
    return {
      limit: limited === undefined || untilMs === undefined ? undefined : { scope: limited.limit.scope, untilMs },
      isStarved: member !== undefined && this.#starved.has(member),
    };
  }

  get memory(): MemoryFacts {
    const { usedBytes, freeBytes } = this.#deps.budget;
    return { usedBytes, freeBytes, holders: this.#shares.holders(MAX_HOLDERS) };
  }

  /** Counts the time that waits under way have lasted so far. */
  count(): void {
    for (const limited of this.#limits.values()) this.#count(limited);
  }

  close(): void {
    this.#closed = true;
    this.#starvedTimer?.cancel();
    for (const { timer } of this.#limits.values()) timer?.cancel();
  }

  /** The same order as before keeps what its thread has learnt. */
  #limited(before: Limited | undefined, order: LimitOrder): Limited {
    const same =
      before !== undefined &&
      before.order.bytesPerS === order.bytesPerS &&
      before.order.recordsPerS === order.recordsPerS &&
      before.order.account === order.account;
    const limit = same ? before.limit : new RateLimit(order);
    return { order, limit, waiting: new Map(), admitted: new Set(), since: new Map(), members: 0, timer: undefined };
  }

  #place(member: Member): void {
    const { route, topic } = member.partition.item;
    const keys = [
      limitKey({ scope: 'topic', route, topic }),
      limitKey({ scope: 'route', route, topic: '' }),
      limitKey({ scope: 'worker', route: '', topic: '' }),
    ];
    member.limits = keys.flatMap((key) => this.#limits.get(key) ?? []);
    for (const limited of member.limits) limited.members += 1;
  }

  #quota(member: Member): number {
    const nowMs = member.limits.length === 0 ? 0 : this.#deps.clock.monotonicMs();
    for (const limited of member.limits) {
      const waitMs = limited.admitted.has(member) ? 0 : limited.limit.waitMs(nowMs);
      if (waitMs === 0) continue;
      this.#wait(limited, member, waitMs, nowMs);
      return 0;
    }
    const room = member.share.quotaBytes();
    if (room === 0) {
      this.#starve(member);
      return 0;
    }
    return member.limits.reduce((quota, { limit, members }) => Math.min(quota, limit.quotaBytes(members, nowMs)), room);
  }

  #taken(member: Member, bytes: number, records: number): void {
    if (member.limits.length === 0) return;
    const nowMs = this.#deps.clock.monotonicMs();
    for (const { limit, admitted } of member.limits) {
      admitted.delete(member);
      limit.taken(member.partition.key, bytes, records, nowMs);
    }
  }

  #wait(limited: Limited, member: Member, waitMs: number, nowMs: number): void {
    const { route } = member.partition.item;
    member.throttledBy = limited.limit.scope;
    // One that asks again keeps its turn.
    if (!limited.waiting.has(member)) limited.waiting.set(member, nowMs + waitMs);
    if (!limited.since.has(route)) limited.since.set(route, nowMs);
    limited.timer ??= this.#deps.clock.after(waitMs, () => this.#due(limited));
  }

  #due(limited: Limited): void {
    limited.timer = undefined;
    if (this.#closed) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const due = [...limited.waiting].filter(([, untilMs]) => untilMs <= nowMs).map(([member]) => member);
    for (const member of due) limited.admitted.add(member);
    this.#wake(limited, due);
    if (limited.waiting.size === 0) return;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const untilMs of limited.waiting.values()) nextMs = Math.min(nextMs, untilMs);
    limited.timer ??= this.#deps.clock.after(nextMs - nowMs, () => this.#due(limited));
  }

  #wake(limited: Limited, members: readonly Member[]): void {
    limited.timer?.cancel();
    limited.timer = undefined;
    this.#count(limited);
    for (const member of members) limited.waiting.delete(member);
    const waiting = new Set([...limited.waiting.keys()].map(({ partition }) => partition.item.route));
    for (const route of limited.since.keys()) if (!waiting.has(route)) limited.since.delete(route);
    for (const { partition } of members) this.#deps.freed(partition);
  }

  #count({ since, limit }: Limited): void {
    if (since.size === 0) return;
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [route, sinceMs] of since) {
      this.#deps.throttled(route, limit.scope, (nowMs - sinceMs) / 1_000);
      since.set(route, nowMs);
    }
  }

  #starve(member: Member): void {
    this.#starved.add(member);
    this.#starvedTimer ??= this.#deps.clock.after(MEMORY_POLL_MS, () => this.#feed());
  }

  #feed(): void {
    this.#starvedTimer = undefined;
    if (this.#closed) return;
    const starved = [...this.#starved];
    this.#starved.clear();
    for (const member of starved) {
      if (member.share.quotaBytes() > 0) this.#deps.freed(member.partition);
      else this.#starve(member);
    }
  }
}
