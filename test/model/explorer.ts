import { hash } from 'node:crypto';

/** More than this is not a small model any more. */
const MAX_STATES = 20_000_000;

/** One thing that can happen, and the state it leads to. */
export interface Step<S> {
  readonly label: string;
  readonly state: S;
  /** A fault, or an order from outside: the good end must be within reach without another one. */
  readonly isFault: boolean;
}

/** States are plain data (no Map, Set, bigint or cycle): equal JSON means equal state. */
export interface Model<S> {
  readonly name: string;
  initial(): S;
  steps(state: S): readonly Step<S>[];
  /** What is broken in this state, in words. */
  wrong(state: S): string | undefined;
  /** A good end: everything is copied and nobody waits for anything. */
  isDone(state: S): boolean;
  /** The same text for states that differ in names alone; the state's JSON where it is not given. */
  canonical?(state: S): string;
}

export interface Counterexample {
  readonly problem: string;
  /** The shortest way there. */
  readonly steps: readonly string[];
}

export interface Exploration {
  readonly model: string;
  readonly states: number;
  readonly transitions: number;
  /** Steps from the initial state to the farthest one. */
  readonly depth: number;
  /** Absent: every reachable state is sound, and from every one of them a good end can be reached. */
  readonly counterexample?: Counterexample;
}

/** Collects what can happen in one state; each change works on a copy of its own. */
export class Steps<S> {
  readonly #list: Step<S>[] = [];
  readonly #state: S;

  constructor(state: S) {
    this.#state = state;
  }

  get list(): readonly Step<S>[] {
    return this.#list;
  }

  can(label: string, change: (next: S) => void): void {
    this.#add(label, change, false);
  }

  fault(label: string, change: (next: S) => void): void {
    this.#add(label, change, true);
  }

  #add(label: string, change: (next: S) => void, isFault: boolean): void {
    const state = copy(this.#state);
    change(state);
    this.#list.push({ label, state, isFault });
  }
}

/**
 * Visits every state that can be reached, nearest first, and stops at the first unsound one. States are told apart by a 160 bit digest of
 * their canonical text. When all are sound, the graph is read backwards from the good ends: a state that no such way leads to is a dead end.
 *
 * @throws Error when there are more than `maxStates` states
 */
export function explore<S>(model: Model<S>, maxStates = MAX_STATES): Exploration {
  const graph = new Graph();
  const ids = new Map<string, number>();
  const good: number[] = [];
  let depth = 0;
  const summary = (counterexample?: Counterexample): Exploration => ({
    model: model.name,
    states: graph.size,
    transitions: graph.transitions,
    depth,
    ...(counterexample && { counterexample }),
  });
  const keyOf = (state: S): string => hash('sha1', model.canonical?.(state) ?? JSON.stringify(state), 'binary');

  const first = model.initial();
  ids.set(keyOf(first), graph.add(-1, ''));
  let frontier: { readonly id: number; readonly state: S }[] = [{ id: 0, state: first }];
  const problem = model.wrong(first);
  if (problem !== undefined) return summary({ problem, steps: [] });
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { id, state } of frontier) {
      if (model.isDone(state)) good.push(id);
      for (const step of model.steps(state)) {
        const key = keyOf(step.state);
        let to = ids.get(key);
        if (to === undefined) {
          if (graph.size >= maxStates) throw new Error(`${model.name}: more than ${maxStates} states`);
          to = graph.add(id, step.label);
          ids.set(key, to);
          const problem = model.wrong(step.state);
          if (problem !== undefined) return summary({ problem, steps: graph.pathTo(to) });
          next.push({ id: to, state: step.state });
        }
        graph.connect(id, to, step.isFault);
      }
    }
    if (next.length > 0) depth++;
    frontier = next;
  }
  const stuck = graph.firstWithoutWayTo(good);
  if (stuck === undefined) return summary();
  return summary({ problem: 'no good end can be reached any more', steps: graph.pathTo(stuck) });
}

/** Who was reached from where, and which steps lead on without a fault. */
class Graph {
  transitions = 0;
  readonly #parents: number[] = [];
  readonly #labels: number[] = [];
  readonly #texts: string[] = [];
  readonly #textIds = new Map<string, number>();
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  get size(): number {
    return this.#parents.length;
  }

  add(parent: number, label: string): number {
    let text = this.#textIds.get(label);
    if (text === undefined) {
      text = this.#texts.push(label) - 1;
      this.#textIds.set(label, text);
    }
    this.#labels.push(text);
    return this.#parents.push(parent) - 1;
  }

  connect(from: number, to: number, isFault: boolean): void {
    this.transitions++;
    if (isFault) return;
    this.#from.push(from);
    this.#to.push(to);
  }

  pathTo(id: number): string[] {
    const labels: string[] = [];
    for (let at = id; at > 0; at = this.#parents[at] ?? 0) labels.push(this.#texts[this.#labels[at] ?? 0] ?? '');
    return labels.reverse();
  }

  /** The nearest state from which none of `good` can be reached. */
  firstWithoutWayTo(good: readonly number[]): number | undefined {
    const heads = new Int32Array(this.size).fill(-1);
    const nexts = new Int32Array(this.#from.length);
    for (let edge = 0; edge < this.#to.length; edge++) {
      const to = this.#to[edge] ?? 0;
      nexts[edge] = heads[to] ?? -1;
      heads[to] = edge;
    }
    const reached = new Uint8Array(this.size);
    const stack = [...good];
    for (const id of good) reached[id] = 1;
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (let edge = heads[id] ?? -1; edge >= 0; edge = nexts[edge] ?? -1) {
        const from = this.#from[edge] ?? 0;
        if (reached[from] === 1) continue;
        reached[from] = 1;
        stack.push(from);
      }
    }
    const stuck = reached.indexOf(0);
    return stuck < 0 ? undefined : stuck;
  }
}

function copy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy) as T;
  const fields: Record<string, unknown> = {};
  for (const name in value) fields[name] = copy(value[name]);
  return fields as T;
}
