import { type AclBinding, aclKey } from '../../../common/model/acl.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { AuthorizerPlanItem } from '../../../common/model/rights-item.js';
import type { AclPolicy } from '../../../common/model/rights-policy.js';
import type { Route } from '../../../common/model/route.js';
import { NO_NAMES, topicNames } from '../../core/acl-names.js';
import { type AclPlan, type AclWorld, planAcls, wantedAcls } from '../../core/acl-sync.js';
import type { SyncPart, SyncStep, SyncSubject } from '../../sync/ports.js';
import { aclItems } from './acl-items.js';
import { groupTargets } from './group-targets.js';
import type { MemoryStore } from './memory-store.js';
import type { ClusterRights, Outcomes } from './ports.js';
import { routePrincipals } from './principals.js';
import { activeTopics, type RouteWorld } from './stored-world.js';

export interface AclPartDeps {
  readonly rights: ClusterRights;
  readonly memory: MemoryStore;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly world: RouteWorld;
}

/** What is to be done about a route's ACLs; without an authorizer at one of the clusters, which one. */
export type AclState =
  | { readonly kind: 'planned'; readonly plan: AclPlan }
  | { readonly kind: 'no-authorizer'; readonly cluster: string };

/** ACLs of routes: read at both clusters, compared, granted and taken back. */
export class AclPart implements SyncPart {
  readonly name = 'acls';
  readonly #deps: AclPartDeps;

  constructor(deps: AclPartDeps) {
    this.#deps = deps;
  }

  async plan(subject: SyncSubject): Promise<readonly SyncStep[]> {
    const { route } = subject;
    const { acls: policy } = route;
    if (policy === undefined || policy.mode === 'off') return [];
    const state = await this.state(subject, policy);
    if (state.kind === 'no-authorizer') return [{ item: noAuthorizer(state.cluster, route) }];
    return aclItems(state.plan, policy, route.target).map(({ item, binding }) => {
      if (!item.applies) return { item };
      const change = item.action === 'delete' ? this.remove : this.create;
      return { item, run: async () => throwFirst(await change.call(this, route, [binding])) };
    });
  }

  /** @throws CLUSTER_RIGHTS_MISSING, CLUSTER_UNREACHABLE..., NODE_CORRUPT */
  async state({ route, entries }: SyncSubject, policy: AclPolicy): Promise<AclState> {
    const { rights, memory } = this.#deps;
    const resources = [...(policy.topics ? ['topic' as const] : []), ...(policy.groups ? ['group' as const] : [])];
    const [source, target] = await Promise.all([
      rights.acls(route.source, resources),
      rights.acls(route.target, resources),
    ]);
    if (source === undefined) return { kind: 'no-authorizer', cluster: route.source };
    if (target === undefined) return { kind: 'no-authorizer', cluster: route.target };
    const created = new Set((await memory.read(route)).acls);
    const world = this.#world({ route, entries }, policy, source);
    const plan = planAcls({ ...world, target, created, wantedByOthers: new Set() });
    if (plan.remove.length === 0) return { kind: 'planned', plan };
    // Only now are the others asked: it takes the ACLs of all their sources.
    const wantedByOthers = await this.#wantedByOthers(route);
    return { kind: 'planned', plan: planAcls({ ...world, target, created, wantedByOthers }) };
  }

  /** Grants; what is granted is remembered first. */
  async create(route: Route, bindings: readonly AclBinding[]): Promise<Outcomes> {
    const keys = bindings.map(aclKey);
    await this.#deps.memory.update(route, ({ acls, quotas }) => ({ acls: [...new Set([...acls, ...keys])], quotas }));
    const outcomes = await this.#deps.rights.createAcls(route.target, bindings);
    // Refused: nothing of the kind was granted. Where no answer came, it may have been.
    await this.#forget(route, new Set(keys.filter((_, i) => outcomes[i] !== undefined)));
    return outcomes;
  }

  async remove(route: Route, bindings: readonly AclBinding[]): Promise<Outcomes> {
    const outcomes = await this.#deps.rights.deleteAcls(route.target, bindings);
    await this.#forget(route, new Set(bindings.filter((_, i) => outcomes[i] === undefined).map(aclKey)));
    return outcomes;
  }

  async #forget(route: Route, gone: ReadonlySet<string>): Promise<void> {
    if (gone.size === 0) return;
    const left = (keys: readonly string[]): readonly string[] => keys.filter((key) => !gone.has(key));
    await this.#deps.memory.update(route, ({ acls, quotas }) => ({ acls: left(acls), quotas }));
  }

  #world(
    { route, entries }: SyncSubject,
    policy: AclPolicy,
    source: readonly AclBinding[],
  ): Omit<AclWorld, 'target' | 'created' | 'wantedByOthers'> {
    const { principal, own } = routePrincipals(route, this.#deps.clusters.get(route.target));
    const topics = activeTopics(entries);
    const names = {
      topic: topicNames(route, topics),
      // A route that copies nothing at the moment grants nothing either: after a failover the target is on its own.
      group: topics.length === 0 ? NO_NAMES : groupTargets(route),
    };
    return { policy, names, principal, source, isProtected: (name) => name === own };
  }

  /** @throws when one of their sources does not answer: then nothing is taken back */
  async #wantedByOthers(route: Route): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    for (const other of await this.#deps.world.routes()) {
      const { acls: policy, name, target, source } = other;
      if (name === route.name || target !== route.target || policy === undefined || policy.mode === 'off') continue;
      const bindings = (await this.#deps.rights.acls(source, ['topic', 'group'])) ?? [];
      const entries = await this.#deps.world.entries(name);
      const { wanted } = wantedAcls(this.#world({ route: other, entries }, policy, bindings));
      for (const { binding } of wanted) keys.add(aclKey(binding));
    }
    return keys;
  }
}

function noAuthorizer(cluster: string, { source }: Route): AuthorizerPlanItem {
  const what = cluster === source ? 'there are no rights to copy' : 'rights would be of no effect there';
  const reason = `cluster ${cluster} has no authorizer: ${what}`;
  return { kind: 'authorizer', action: 'report', cluster, before: null, after: null, reason, applies: false };
}

function throwFirst(outcomes: Outcomes): void {
  const failed = outcomes.find((outcome) => outcome !== undefined);
  if (failed !== undefined) throw failed;
}
