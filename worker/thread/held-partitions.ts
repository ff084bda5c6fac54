import type { Lane } from '../lane/lane.js';
import type { Intake } from '../partition/intake.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { Outlet } from '../partition/outlet.js';
import type { Sides } from './sides.js';

/** One partition of this thread with the two parts that act on it. */
export interface Held {
  readonly partition: MirroredPartition;
  readonly intake: Intake;
  readonly outlet: Outlet;
  /** The source is read for it. */
  copying: boolean;
  draining: boolean;
}

/** What the thread holds, from the moment it is taken up until its last answer and checkpoint are in. */
export class HeldPartitions {
  readonly #sides: Sides;
  readonly #removed: (partition: MirroredPartition) => void;
  readonly #held = new Map<string, Held>();

  /** @param removed its stay is over */
  constructor(sides: Sides, removed: (partition: MirroredPartition) => void) {
    this.#sides = sides;
    this.#removed = removed;
  }

  /** Undefined where this very stay is over: the partition may have been taken up again since. */
  of(partition: MirroredPartition): Held | undefined {
    const held = this.#held.get(partition.key);
    return held?.partition === partition ? held : undefined;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  values(): IterableIterator<Held> {
    return this.#held.values();
  }

  partitions(): MirroredPartition[] {
    return [...this.#held.values()].map(({ partition }) => partition);
  }

  /** Those that have begun, and of which no answer of the source tells anything at the moment. */
  unread(): MirroredPartition[] {
    const begun = [...this.#held.values()].filter(({ partition }) => partition.started);
    return begun.filter((held) => this.#isUnread(held)).map(({ partition }) => partition);
  }

  #isUnread({ partition, intake }: Held): boolean {
    if (partition.state === 'paused') return true;
    const { isAsked, isStarved } = this.#sides.reader(partition.route).facts(intake);
    return !isAsked || isStarved;
  }

  /** Those that are copied on the lane. */
  riders(lane: Lane): MirroredPartition[] {
    const riding = [...this.#held.values()].filter(({ copying, draining }) => copying && !draining);
    return riding.map(({ partition }) => partition).filter((partition) => partition.lane === lane);
  }

  /** Also where transactions carry the data: whoever takes over there first proves a lane of its own alive. */
  copiesExactly(target: string): boolean {
    return this.partitions().some(({ route }) => route.target === target && route.delivery !== 'at-least-once');
  }

  add(held: Held): void {
    const { partition } = held;
    this.#held.set(partition.key, held);
    const { source, target } = this.#sides.of(partition.route);
    source.leaders.track(partition.item.topic);
    target.leaders.track(partition.item.targetTopic);
  }

  /** The stay is over: answers still on their way concern nobody. */
  remove(held: Held): void {
    const { partition } = held;
    this.#held.delete(partition.key);
    partition.endLife();
    const { source, target } = this.#sides.of(partition.route);
    target.leave(partition);
    target.writer.remove(held.outlet);
    source.leaders.untrack(partition.item.topic);
    target.leaders.untrack(partition.item.targetTopic);
    this.#removed(partition);
  }

  copy(held: Held): void {
    const { partition, intake, outlet } = held;
    held.copying = true;
    partition.on({ type: 'copy' });
    this.#sides.reader(partition.route).add(intake);
    this.#sides.of(partition.route).target.writer.ready(outlet);
  }

  stopCopying(held: Held): void {
    held.copying = false;
    this.#sides.reader(held.partition.route).remove(held.intake);
  }
}
