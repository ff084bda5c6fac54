import type { Dice } from '../kernel/dice.js';
import type { Timeline } from '../kernel/timeline.js';
import { type Appended, type Entry, PartitionLog } from './partition-log.js';

const REPLICATION_MS = [0.3, 4] as const;
/** How soon the brokers know of a new leader. */
const NEWS_MS = [1, 60] as const;

export interface PartitionListener {
  /** A client's batch, before it is judged. */
  offered?(partition: Partition, batch: Buffer): void;
  appended(partition: Partition, entry: Entry): void;
  truncated(partition: Partition, end: number): void;
}

interface Awaited {
  readonly end: number;
  readonly settle: (code: number) => void;
}

export interface Leadership {
  readonly leader: number;
  readonly epoch: number;
}

/** One partition with two replicas: what the follower has is safe, what it has not goes with the leader. */
export class Partition {
  readonly topic: string;
  readonly number: number;
  readonly log = new PartitionLog();
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #listener: PartitionListener;
  readonly #awaited = new Set<Awaited>();
  readonly #watchers = new Set<() => void>();
  readonly #epochStarts: { readonly epoch: number; readonly start: number }[] = [];
  #now: Leadership;
  #shown: Leadership;
  /** What the follower has, and what it knows of the high watermark. */
  #replicated = 0;
  #followerHighWatermark = 0;
  #highWatermark = 0;
  #isStalled = false;

  constructor(
    place: { readonly topic: string; readonly number: number; readonly leader: number },
    deps: { readonly timeline: Timeline; readonly dice: Dice; readonly listener: PartitionListener },
  ) {
    this.topic = place.topic;
    this.number = place.number;
    this.#timeline = deps.timeline;
    this.#dice = deps.dice;
    this.#listener = deps.listener;
    this.#now = { leader: place.leader, epoch: 0 };
    this.#shown = { leader: -1, epoch: 0 };
    this.#epochStarts.push({ epoch: 0, start: 0 });
    this.#spreadNews();
  }

  get key(): string {
    return `${this.topic}-${this.number}`;
  }

  get leader(): number {
    return this.#now.leader;
  }

  get epoch(): number {
    return this.#now.epoch;
  }

  /** What brokers say who ask nobody. */
  get shown(): Leadership {
    return this.#shown;
  }

  get highWatermark(): number {
    return this.#highWatermark;
  }

  /** The leader has not made sure of what it took over: it cannot say where the log ends (78). */
  get isSettling(): boolean {
    return this.#highWatermark < (this.#epochStarts.at(-1)?.start ?? 0);
  }

  /** Where the newest leadership up to that one ended. */
  endOfEpoch(epoch: number): { readonly epoch: number; readonly end: number } {
    const next = this.#epochStarts.findIndex((each) => each.epoch > epoch);
    if (next < 0) return { epoch: this.#now.epoch, end: this.log.end };
    return { epoch: this.#epochStarts[next - 1]?.epoch ?? -1, end: this.#epochStarts[next]?.start ?? -1 };
  }

  append(bytes: Buffer): Appended {
    this.#listener.offered?.(this, bytes);
    const appended = this.log.append(bytes, this.epoch);
    if (appended.kind === 'appended') this.#grew();
    return appended;
  }

  appendMarker(bytes: Buffer): number | undefined {
    const base = this.log.appendMarker(bytes, this.epoch);
    if (base !== undefined) this.#grew();
    return base;
  }

  /** Calls back with 0 once everything before `end` is safe, with 6 when the leader is gone before. */
  whenSafe(end: number, settle: (code: number) => void): { cancel(): void } {
    const awaited: Awaited = { end, settle };
    if (end <= this.#highWatermark) settle(0);
    else this.#awaited.add(awaited);
    return { cancel: () => this.#awaited.delete(awaited) };
  }

  /** Calls back on every change of what can be read. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers.delete(watcher);
  }

  /** The follower falls behind, until `false`. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled;
    if (!isStalled) this.#replicateSoon();
  }

  /** @param leader -1: none for now */
  lead(leader: number): void {
    if (leader === this.#now.leader) return;
    const hadLeader = this.#now.leader >= 0;
    this.#now = { leader, epoch: this.#now.epoch + 1 };
    if (hadLeader) this.#handOver();
    if (leader >= 0) {
      this.#epochStarts.push({ epoch: this.#now.epoch, start: this.log.end });
      this.#replicateSoon();
    }
    this.#spreadNews();
    this.#tell();
  }

  /** The follower takes office with what it has. */
  #handOver(): void {
    for (const { settle } of [...this.#awaited]) settle(6);
    this.#awaited.clear();
    if (this.#replicated < this.log.end) {
      this.log.truncate(this.#replicated);
      while ((this.#epochStarts.at(-1)?.start ?? 0) > this.log.end) this.#epochStarts.pop();
      this.#listener.truncated(this, this.log.end);
    }
    this.#highWatermark = this.#followerHighWatermark;
  }

  #grew(): void {
    this.#listener.appended(this, this.log.entries.at(-1) as Entry);
    this.#replicateSoon();
  }

  #replicateSoon(): void {
    const { epoch } = this.#now;
    this.#timeline.after(this.#dice.between(...REPLICATION_MS), () => {
      if (this.#isStalled || this.#now.epoch !== epoch || this.#now.leader < 0) return;
      this.#replicated = this.log.end;
      if (this.#highWatermark === this.log.end) return;
      this.#followerHighWatermark = this.#highWatermark;
      this.#highWatermark = this.log.end;
      for (const awaited of [...this.#awaited]) {
        if (awaited.end > this.#highWatermark) continue;
        this.#awaited.delete(awaited);
        awaited.settle(0);
      }
      this.#tell();
    });
  }

  #spreadNews(): void {
    const news = this.#now;
    this.#timeline.after(this.#dice.between(...NEWS_MS), () => {
      if (news.epoch >= this.#shown.epoch) this.#shown = news;
    });
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
