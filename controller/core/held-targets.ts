import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { Route } from '../../common/model/route.js';
import type { ClusterIdentity } from './cluster-identity.js';

const nodeOf = (cluster: string, topic: string): string => `${cluster}\u0000${topic}`;

/**
 * Which target topics the nodes of workers have somebody write into, by `route/topic`. What is being let go of is in there until it is
 * released: nothing begins to write where somebody may still be writing (exactly-once.md 6.5, 7.2).
 */
export class HeldTargets {
  readonly #targetsOf = new Map<string, Set<string>>();
  readonly #writersOf = new Map<string, Set<string>>();
  readonly #routes = new Map<string, Route>();
  readonly #identity: ClusterIdentity;

  constructor(assignments: Iterable<Pick<WorkerAssignment, 'routes' | 'items'>>, identity: ClusterIdentity) {
    this.#identity = identity;
    for (const { routes, items } of assignments) {
      const targets = new Map(routes.map((route) => [route.name, route]));
      for (const { route, topic, targetTopic } of items) {
        const held = targets.get(route);
        if (held === undefined) continue;
        const key = `${route}/${topic}`;
        this.#routes.set(key, held);
        const node = nodeOf(identity(held.target), targetTopic);
        setOf(this.#targetsOf, key).add(node);
        setOf(this.#writersOf, node).add(key);
      }
    }
  }

  /** Whom the topic has to wait for before it may begin to write there; undefined: nobody. */
  before(key: string, route: Route, targetTopic: string): string | undefined {
    const node = nodeOf(this.#identity(route.target), targetTopic);
    for (const held of this.#targetsOf.get(key) ?? []) {
      if (held !== node)
        return `its partitions are still written into ${held.split('\u0000')[1]}, which is being ended`;
    }
    for (const writer of this.#writersOf.get(node) ?? []) {
      if (writer === key) continue;
      const share = route.delivery === 'transactional' && this.#routes.get(writer)?.delivery === 'transactional';
      if (!share) return `${writer} still writes into target topic ${targetTopic}, which is being ended`;
    }
    return undefined;
  }
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
