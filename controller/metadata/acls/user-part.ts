import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { UserPlanItem } from '../../../common/model/rights-item.js';
import { usersMissing } from '../../core/quota-sync.js';
import type { SyncPart, SyncStep, SyncSubject } from '../../sync/ports.js';
import type { ClusterRights } from './ports.js';
import { routePrincipals } from './principals.js';

/** Users with SCRAM passwords that the target lacks. They are told: a cluster hands out neither passwords nor the salted hashes of them. */
export class UserPart implements SyncPart {
  readonly name = 'users';
  readonly #rights: ClusterRights;
  readonly #clusters: ReadonlyMap<string, ClusterConnection>;

  constructor(rights: ClusterRights, clusters: ReadonlyMap<string, ClusterConnection>) {
    this.#rights = rights;
    this.#clusters = clusters;
  }

  async plan({ route }: SyncSubject): Promise<readonly SyncStep[]> {
    if (route.users !== 'report') return [];
    const [source, target] = await Promise.all([
      this.#rights.scramUsers(route.source),
      this.#rights.scramUsers(route.target),
    ]);
    const { user } = routePrincipals(route, this.#clusters.get(route.target));
    return usersMissing(source, target, user).map((name) => ({ item: missing(name, route.target) }));
  }
}

function missing(user: string, cluster: string): UserPlanItem {
  const reason = `${user} logs in with SCRAM at the source and could not here. No API of Kafka hands out a password or its salted hash: set one with kafka-configs --alter --add-config 'SCRAM-SHA-512=[password=...]' --entity-type users --entity-name ${user}`;
  return { kind: 'user', action: 'report', cluster, before: null, after: null, reason, applies: false, user };
}
