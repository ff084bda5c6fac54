import { compareText } from './text-order.js';

/** One name for each real cluster, however many the configuration has for it. */
export type ClusterIdentity = (cluster: string) => string;

/** Where nothing is known of the clusters' ids, each name is a cluster. */
export const byName: ClusterIdentity = (cluster) => cluster;

/** @param ids by cluster name, as the brokers tell them; null: not known */
export function identitiesOf(ids: ReadonlyMap<string, string | null>): ClusterIdentity {
  const first = new Map<string, string>();
  for (const cluster of [...ids.keys()].sort(compareText)) {
    const id = ids.get(cluster);
    if (typeof id === 'string' && !first.has(id)) first.set(id, cluster);
  }
  return (cluster) => {
    const id = ids.get(cluster);
    return (typeof id === 'string' ? first.get(id) : undefined) ?? cluster;
  };
}
