import { turns } from './turns.js';

export interface Scheduled {
  cancel(): void;
}

class Entry implements Scheduled {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;

  constructor(atMs: number, order: number, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

/**
 * Virtual time: callbacks in the order of their time, then of their making. Between two of them everything that was promised is done,
 * and no time passes.
 */
export class Timeline {
  #nowMs = 0;
  #order = 0;
  #done = 0;
  readonly #heap: Entry[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that ran. */
  get turns(): number {
    return this.#done;
  }

  after(delayMs: number, run: () => void): Scheduled {
    this.#order += 1;
    const entry = new Entry(this.#nowMs + Math.max(0, delayMs), this.#order, run);
    this.#push(entry);
    return entry;
  }

  /** Runs until that time, or until `isOver` says so after some callback, or until nothing is left. */
  run(untilMs: number, isOver: () => boolean): Promise<void> {
    return turns(() => {
      if (isOver()) return false;
      const entry = this.#next();
      if (entry === undefined || entry.atMs > untilMs) {
        if (entry !== undefined) this.#push(entry);
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#nowMs = entry.atMs;
      this.#done += 1;
      entry.run?.();
      return true;
    });
  }

  /** Lets go of whatever is scheduled. */
  clear(): void {
    this.#heap.length = 0;
  }

  #next(): Entry | undefined {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) if (entry.run !== undefined) return entry;
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || last === top) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Entry)) child += 1;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
