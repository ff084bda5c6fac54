import { type QuotaEntity, quotaEntityKey, quotaEntityText } from '../../../common/model/client-quota.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { QuotaPlanItem } from '../../../common/model/rights-item.js';
import type { RightsMemory } from '../../../common/model/rights-memory.js';
import type { Route } from '../../../common/model/route.js';
import { planQuotas, type QuotaPlan, type SingleQuota } from '../../core/quota-sync.js';
import type { SyncPart, SyncStep, SyncSubject } from '../../sync/ports.js';
import type { MemoryStore } from './memory-store.js';
import type { ClusterRights, Outcomes } from './ports.js';
import { routePrincipals } from './principals.js';
import { activeTopics, type RouteWorld } from './stored-world.js';

export interface QuotaPartDeps {
  readonly rights: ClusterRights;
  readonly memory: MemoryStore;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly world: Pick<RouteWorld, 'routes'>;
}

/** Client quotas of routes: read at both clusters, compared, set and taken back. */
export class QuotaPart implements SyncPart {
  readonly name = 'quotas';
  readonly #deps: QuotaPartDeps;

  constructor(deps: QuotaPartDeps) {
    this.#deps = deps;
  }

  async plan(subject: SyncSubject): Promise<readonly SyncStep[]> {
    const { route } = subject;
    if (route.quotas === undefined) return [];
    const rival = await this.rival(route);
    const plan = await this.state(subject);
    const steps = [
      ...plan.set.map((quota) => this.#setStep(route, quota, rival)),
      ...plan.remove.map((quota) => this.#removeStep(route, quota, rival)),
      ...plan.skipped.map(({ entity, reason }) => ({ item: reportItem(route, entity, null, null, reason) })),
      ...plan.foreign.map(({ entity, key, value }) => ({
        item: reportItem(route, entity, key, value, 'the source does not have it; this route did not set it'),
      })),
    ];
    return steps.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }

  async state({ route, entries }: SyncSubject): Promise<QuotaPlan> {
    const { rights, memory, clusters } = this.#deps;
    // A route that copies nothing at the moment leaves the target's quotas to the target.
    if (activeTopics(entries).length === 0) return { set: [], remove: [], skipped: [], foreign: [], wanted: [] };
    const [source, target] = await Promise.all([rights.quotas(route.source), rights.quotas(route.target)]);
    const { user, own } = routePrincipals(route, clusters.get(route.target));
    const { quotas: set } = await memory.read(route);
    return planQuotas({ source, target, set, user, isOwn: (name) => `User:${name}` === own });
  }

  /** The route that another source's quotas come to the same target by: the first by name has the word. */
  async rival({ name, source, target }: Route): Promise<string | undefined> {
    const routes = await this.#deps.world.routes();
    const rivals = routes.filter(
      (other) => other.target === target && other.source !== source && other.quotas === 'sync',
    );
    return rivals.map((other) => other.name).find((other) => other < name);
  }

  async set(route: Route, quotas: readonly SingleQuota[]): Promise<Outcomes> {
    await this.#remember(route, quotas, quotas);
    return await this.#deps.rights.alterQuotas(
      route.target,
      quotas.map(({ entity, key, value }) => ({ entity, key, value })),
    );
  }

  async remove(route: Route, quotas: readonly SingleQuota[]): Promise<Outcomes> {
    const changes = quotas.map(({ entity, key }) => ({ entity, key, value: null }));
    const outcomes = await this.#deps.rights.alterQuotas(route.target, changes);
    const gone = quotas.filter((_, i) => outcomes[i] === undefined);
    await this.#remember(route, gone, []);
    return outcomes;
  }

  /** Forgets what is known of `replaced`, remembers `set`. */
  async #remember(route: Route, replaced: readonly SingleQuota[], set: readonly SingleQuota[]): Promise<void> {
    const keys = new Set(replaced.map(keyOf));
    await this.#deps.memory.update(route, ({ acls, quotas }: RightsMemory) => {
      const kept = quotas.filter((quota) => !keys.has(keyOf(quota)));
      return { acls, quotas: [...kept, ...set.map(({ entity, key, value }) => ({ entity, key, value }))] };
    });
  }

  #setStep(route: Route, { before, ...quota }: QuotaPlan['set'][number], rival: string | undefined): SyncStep {
    const { entity, key, value } = quota;
    const reason = rival === undefined ? 'as at the source' : rivalText(rival);
    const texts = { before: before === null ? null : `${before}`, after: `${value}` };
    const action = before === null ? 'create' : 'change';
    const item = itemOf(route, entity, key, { action, ...texts, reason, applies: rival === undefined });
    if (!item.applies) return { item };
    return { item, run: async () => throwFirst(await this.set(route, [quota])) };
  }

  #removeStep(route: Route, quota: SingleQuota, rival: string | undefined): SyncStep {
    const { entity, key, value } = quota;
    const reason = rival === undefined ? 'this route set it, and it is gone at the source' : rivalText(rival);
    const texts = { before: `${value}`, after: null, reason, applies: rival === undefined };
    const item = itemOf(route, entity, key, { action: 'delete', ...texts });
    if (!item.applies) return { item };
    return { item, run: async () => throwFirst(await this.remove(route, [quota])) };
  }
}

function rivalText(rival: string): string {
  return `route ${rival} sets another cluster’s quotas at the same target: only one source can have the word`;
}

type Told = Pick<QuotaPlanItem, 'action' | 'before' | 'after' | 'reason' | 'applies'>;

function itemOf({ target }: Route, { user, clientId }: QuotaEntity, quota: string | null, told: Told): QuotaPlanItem {
  return { kind: 'quota', cluster: target, ...told, user: partText(user), clientId: partText(clientId), quota };
}

/** As kafka-configs writes a default. */
function partText(part: string | null | undefined): string | null {
  if (part === undefined) return null;
  return part ?? '<default>';
}

function reportItem(
  route: Route,
  entity: QuotaEntity,
  key: string | null,
  value: number | null,
  reason: string,
): QuotaPlanItem {
  const before = value === null ? null : `${value}`;
  const told = `${quotaEntityText(entity)}: ${reason}`;
  return itemOf(route, entity, key, { action: 'report', before, after: null, reason: told, applies: false });
}

function orderOf({ item }: SyncStep): string {
  if (item.kind !== 'quota') return '';
  return JSON.stringify([item.user, item.clientId, item.quota, item.action]);
}

function keyOf({ entity, key }: Pick<SingleQuota, 'entity' | 'key'>): string {
  return `${quotaEntityKey(entity)} ${key}`;
}

function throwFirst(outcomes: Outcomes): void {
  const failed = outcomes.find((outcome) => outcome !== undefined);
  if (failed !== undefined) throw failed;
}
